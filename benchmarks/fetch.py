"""Fetch only: how fast bodies come onto the disk, beside a plain script and Scrapy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks import contenders, race, sets, table
from benchmarks.scratch import Scratch
from benchmarks.server import serving


def measure(given: argparse.Namespace) -> None:
    """Fetch the pages in turns with all who take part, and print the table."""
    race_pages(given, _field(given))


def race_pages(
    given: argparse.Namespace, field: Sequence[race.Contender], note: str = ""
) -> None:
    """Serve the pages to all who take part, in turns, and print the table."""
    with Scratch() as scratch:
        folder = scratch.folder / "served"
        pages = sets.pages(given.corpus, folder, given.urls)
        with serving(folder) as site:
            print(table.machine(site.name))
            print(
                f"{given.urls:,} pages, {pages.bytes / 1e6:.0f} MB ({pages.origin})"
                f"{note}"
            )

            def make_list(count: int) -> Path:
                return pages.write_list(
                    scratch.folder / f"{count}.txt", site.url, count
                )

            rows = race.race(
                field, make_list, given.urls, given.rounds, scratch
            )
    race.show(rows, given.urls)
    print(table.repeat())


def _field(given: argparse.Namespace) -> list[race.Contender]:
    def check(out: Path) -> int:
        return contenders.count_files(out, ".html")

    def peer(name: str, script: str) -> race.Contender | None:
        return contenders.peer(
            name, script, name, check, cache=given.cache, only=given.only
        )

    return contenders.field(
        ["--save-only"], contenders.saved_bodies,
        [peer("plain", "plain_save.py"), peer("scrapy", "scrapy_save.py")],
        flags=given.flags, against=given.against, only=given.only,
    )  # fmt: skip
