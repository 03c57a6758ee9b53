"""Over a site without end, a run ends, and asks little beside what is really there.

`python -m tests.stories.endless --articles 3000` is the long form: with so many real pages, what
each trap takes to be known is a small part.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import scraper
from benchmarks.sites.traps import TrapSite
from scraper.faulty import FaultyServer
from scraper.reports.summary import Report
from tests.stories.following import KEYS

MOST = 1.2  # requests for each real page, in the long form
# requests beside the real pages: ten for each of nine traps, those that are under way or not read
# yet when it is known, and what is asked once in a while to see whether it holds
MOST_BESIDE = 9 * 64


class Walked(NamedTuple):
    """What a run came to."""

    real: int
    asked: int
    beside: Counter[str]  # what was asked that is not real, by section
    lost: frozenset[str]  # real pages that were not asked
    report: Report


def walk(folder: Path, articles: int) -> Walked:
    """Follow all links of a site without end."""
    site = TrapSite(articles=articles)
    keys = {**KEYS, "dir": str(folder), "depth": 99, "scope": "host"}
    with FaultyServer(site) as server:
        report = scraper.run([server.url("/")], scraper.configure(**keys))
        counted = site.counted(seen.path for seen in server.seen)
    return Walked(
        len(site.real),
        sum(counted.asked.values()),
        +(counted.asked - counted.found),
        counted.lost,
        report,
    )


def main() -> None:
    """The long form."""
    parser = argparse.ArgumentParser(prog="python -m tests.stories.endless")
    parser.add_argument("--articles", type=int, default=3_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        walked = walk(Path(folder), given.articles)
    ratio = walked.asked / walked.real
    print(
        f"{walked.asked:,} requests for {walked.real:,} real pages: {ratio:.2f}"
    )
    print(f"lost: {len(walked.lost)}; beside: {dict(walked.beside)}")
    print(walked.report.text())
    assert not walked.lost
    assert ratio <= MOST


if __name__ == "__main__":
    main()
