"""`python -m scraper status`: how a run stands, read from its ledger while it goes on."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import orjson

from scraper.errors import UsageError
from scraper.ledger import Glance, glance
from scraper.report import Report, Tally
from scraper.store import holder
from scraper.text import printable, printable_json, printable_lines


def main(arguments: list[str]) -> int:
    """Print how the run of a folder (or of a list) stands."""
    parser = argparse.ArgumentParser(
        prog="scraper status", description="How a run stands; reading does not disturb it."
    )
    parser.add_argument("folder", help="run folder, or the list that it belongs to")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    options = parser.parse_args(arguments)
    folder = _folder(options.folder)
    seen = glance(folder / ".scraper" / "ledger.sqlite")
    process = holder(folder)
    if options.json:
        told = orjson.dumps(_as_dict(seen, process), option=orjson.OPT_INDENT_2)
        print(printable_json(told).decode())
    else:
        print(printable_lines(_text(folder, seen, process)))
    sys.stdout.flush()
    return 0


def _folder(given: str) -> Path:
    for folder in (Path(given), Path("downloads") / Path(given).stem):
        if (folder / ".scraper" / "ledger.sqlite").exists():
            return folder
    raise UsageError(f"no run in {given}: name a run folder, or a list that was scraped from here")


def _as_dict(seen: Glance, process: str | None) -> dict[str, object]:
    return {
        "running": process is not None,
        "process": process,
        "pass": seen.number,
        "started": seen.started,
        "ended": seen.ended,
        "pending": seen.pending,
        "retrying": seen.retrying,
        "hosts": seen.hosts,
        "paused_hosts": [{"host": name, "seconds": s} for name, s in seen.paused],
        "totals": Tally.of(seen.ends).as_dict(),
        "counts": dict(seen.counts),
    }


def _text(folder: Path, seen: Glance, process: str | None) -> str:
    report = Report(number=seen.number, totals=Tally.of(seen.ends))
    report.resume(dict(seen.counts))
    state = f"running (process {process})" if process else "not running"
    if seen.ended is not None:
        state = "complete"
    elif process is None:
        state = "interrupted; the same command continues"
    lines = [
        f"{printable(str(folder))}{os.sep}  pass {seen.number}  {state}",
        report.text(),
        f"{seen.pending:,} pending on {seen.hosts:,} hosts, {seen.retrying:,} to be retried",
    ]
    lines += [f"paused: {name} for {seconds:.0f} s" for name, seconds in seen.paused[:10]]
    return "\n".join(lines)
