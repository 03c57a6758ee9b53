"""`python -m scraper reprocess`: pages and pictures made again, out of what is stored."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from scraper.cli.arguments import build_parser
from scraper.cli.status import find_folder
from scraper.errors import UsageError
from scraper.run_folder.options import known_values
from scraper.run_folder.stored_bodies import parse_where
from scraper.storage.readers.status import last_options

# Flags that say what is asked of hosts, and under which the folder stands.
_OF_RUNS = (
    "list_url",
    "sitemap",
    "retry",
    "refresh",
    "max_age",
    "every",
    "add_list",
    "adopt",
    "demo",
    "dir",
    "save_only",
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, with `folder`, `selection`, what the folder was `made_with`, and the values
    that are `known` by that. Raises UsageError."""
    parser = build_parser()
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="only these bodies: kind=image, host=*.shop.test, url=*/large/*, "
        "error=process_timeout; may be repeated, and then all hold",
    )
    parsed = parser.parse_args(arguments)
    for name in _OF_RUNS:
        if name in parsed:
            flag = "--" + name.replace("_", "-")
            raise UsageError(
                f"{flag} is for runs that ask hosts: python -m scraper reprocess FOLDER works "
                "on what is stored there"
            )
    if len(parsed.inputs) != 1:
        raise UsageError(
            "reprocess takes one run folder: python -m scraper reprocess downloads/urls"
        )
    folder = find_folder(parsed.inputs[0])
    parsed.folder = str(folder)
    parsed.selection = parse_where(parsed.where)
    parsed.made_with = last_options(folder / ".scraper" / "ledger.sqlite")
    parsed.known = known_values(parsed.made_with)
    return parsed
