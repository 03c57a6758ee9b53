"""The whole job: pages to facts beside Scrapy with parsel, pictures beside img2dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks import contenders, race, sets, table
from benchmarks.scratch import Scratch
from benchmarks.server import serving

PAGES, PICTURES = 2_000, 550


def measure(given: argparse.Namespace) -> None:
    """Do the job in turns with all who take part, and print the table."""
    urls = given.urls or (PAGES if given.pages else PICTURES)
    with Scratch() as scratch:
        folder = scratch.folder / "served"
        if given.pages:
            served = sets.pages(given.corpus, folder, urls)
        else:
            served = sets.pictures(given.corpus, given.cache, folder, urls)
        with serving(folder) as site:
            print(table.machine(site.name))
            print(
                f"{urls:,} files, {served.bytes / 1e6:.0f} MB ({served.origin})"
            )

            def make_list(count: int) -> Path:
                return served.write_list(
                    scratch.folder / f"{count}.txt", site.url, count
                )

            field = _pages(given) if given.pages else _pictures(given)
            rows = race.race(field, make_list, urls, given.rounds, scratch)
    race.show(rows, urls, "page" if given.pages else "image")
    print(table.repeat())


def _pages(given: argparse.Namespace) -> list[race.Contender]:
    scrapy = contenders.peer(
        "scrapy", "scrapy_pages.py", "scrapy", contenders.lines_of("pages.jsonl"),
        cache=given.cache, only=given.only,
    )  # fmt: skip

    def check(out: Path) -> int:
        return contenders.records_done(out, holding="title")

    own = ["--no-page-images"]
    if given.facts:
        own += ["--facts", given.facts]
    return contenders.field(own, check, [scrapy],
                            flags=given.flags, against=given.against, only=given.only)  # fmt: skip


def _pictures(given: argparse.Namespace) -> list[race.Contender]:
    def check(out: Path) -> int:
        return contenders.count_files(out, ".jpg")

    def peer(name: str, script: str, environment: str) -> race.Contender | None:
        return contenders.peer(
            name, script, environment, check, cache=given.cache, only=given.only
        )

    own = ["--resize", "512", "--format", "jpeg", "--quality", "85"]
    peers = [
        peer("img2dataset", "img2dataset_fit.py", "img2dataset"),
        peer("naive", "naive_images.py", "plain"),
    ]
    return contenders.field(own, contenders.processed, peers,
                            flags=given.flags, against=given.against, only=given.only)  # fmt: skip
