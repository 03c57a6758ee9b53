"""`python -m scraper prune`: a run folder without the files of what has long been gone."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import msgspec
import orjson

from scraper.cli.status import add_folder, find_folder
from scraper.cli.terminal import answer, say
from scraper.config.values import seconds_of
from scraper.run_folder.pruning import Pruned, prune
from scraper.text import counted, printable, printable_json


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Remove what is needed no more, and say how much it was."""
    parser = parser_class(
        prog="scraper prune",
        description="Remove the files of URLs that have long been gone, and files of earlier "
        "results that no last record names. Records stay.",
    )
    add_folder(parser, json="what was removed, as one JSON object")
    parser.add_argument(
        "--gone",
        required=True,
        metavar="T",
        help="of what has been gone for so long, such as 90d",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only say what would be removed",
    )
    options = parser.parse_args(arguments)
    before = time.time() - seconds_of("--gone", options.gone)
    folder = find_folder(options.folder)
    pruned = prune(folder, before, dry_run=options.dry_run)
    if options.json:
        facts = {
            "folder": str(folder),
            "dry_run": options.dry_run,
            **msgspec.to_builtins(pruned),
        }
        answer(printable_json(orjson.dumps(facts)).decode())
    else:
        answer(_summary(folder, pruned, dry_run=options.dry_run))
        if pruned.problem is not None:
            say(printable(pruned.problem))
    return 0


def _summary(folder: Path, pruned: Pruned, *, dry_run: bool) -> str:
    parts = [
        f"{counted(pruned.files, 'file')} of {counted(pruned.urls, 'URL')} that "
        f"{'is' if pruned.urls == 1 else 'are'} gone",
        f"{counted(pruned.leftovers, 'file')} of earlier results",
        f"what is kept of {counted(pruned.passes, 'earlier run')}",
    ]
    removed = "would be removed" if dry_run else "removed"
    size = f"{(pruned.bytes + pruned.ledger_bytes) / 2**20:,.1f} MB"
    text = f"{folder}: {removed}: {', '.join(parts)}; {size}"
    if pruned.unknown:
        text += f"; {counted(pruned.unknown, 'file')} that no record names left alone"
    return printable(text)
