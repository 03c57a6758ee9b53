"""Spoiled pages through all that is done with a page, in one process, against an alarm."""

from __future__ import annotations

import argparse
import contextlib
import signal
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

import orjson

from benchmarks import sets, table
from benchmarks.mutations import Mutation, mutations
from processors import Unusable
from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from processors.page.flags import page_flags

URL = "https://example.org/where/it/was.html"
ALARM_SECONDS = 1.0  # on the clock, for one page and one choice of facts
LARGEST_SEED = 150_000


class TooLong(Exception):
    """A page was not done when the alarm rang."""


def measure(given: argparse.Namespace) -> None:
    """Try them all, and print how they came out, by kind. Exits 1 if one is not as promised."""
    seeds = seed_pages(given.corpus)
    print(f"{given.fuzz:,} spoiled pages of {len(seeds)}, seed {given.seed}")
    counts: Counter[tuple[str, str]] = Counter()
    slowest: Counter[str] = Counter()
    bad = 0
    for number, each in enumerate(mutations(seeds, given.fuzz, given.seed)):
        began = time.perf_counter()
        try:
            result = try_page(each)
        except Exception as error:  # noqa: BLE001  that is what is looked for
            result = type(error).__name__
            bad += 1
            table.say(f"number {number}, {each.kind}: {error!r}")
        counts[each.kind, result] += 1
        took = int((time.perf_counter() - began) * 1e6)
        slowest[each.kind] = max(slowest[each.kind], took)
    _show(counts, slowest)
    print(table.repeat())
    if bad:
        raise SystemExit(1)


def seed_pages(corpus: Path) -> list[bytes]:
    """The corpus's pages, else generated ones; not the largest."""
    real = sorted((corpus / "pages").glob("*.html"))
    bodies = [path.read_bytes() for path in real] or sets.generated_pages()
    return [body for body in bodies if len(body) <= LARGEST_SEED]


def try_page(mutation: Mutation) -> str:
    """`record`, or the kind of Unusable. Raises what should not be raised."""
    result = "record"
    for facts in ("basic", "full"):
        page = Page(URL, mutation.body, mutation.charset)
        try:
            with _alarm():
                record = page_facts(page, PageOptions(facts=facts)).record
                page_flags(page, record["title"], record["text"])
        except Unusable as unusable:
            result = unusable.kind
        else:
            orjson.dumps(record)
    return result


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> None:
        raise TooLong(f"longer than {ALARM_SECONDS:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, ALARM_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _show(counts: Counter[tuple[str, str]], slowest: Counter[str]) -> None:
    results: Sequence[str] = sorted({result for _, result in counts})
    rows = [
        [
            kind,
            *(f"{counts[kind, result]:,}" for result in results),
            f"{slowest[kind] / 1e3:,.0f}",
        ]
        for kind in sorted(slowest)
    ]
    table.show(["", *results, "slowest ms"], rows)
