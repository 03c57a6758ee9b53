"""What each fact of a page takes: bytes of a record, microseconds of a core. No network, no run.

Each is made by itself of pages that have been parsed; the least of all rounds counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any

import orjson

from benchmarks import sets, table
from benchmarks.scratch import Scratch
from processors.page import Page, byline, facts, head, json_ld, links, metas
from processors.page.references import absolute_urls, base_of, references_of
from processors.page.refresh import refresh_of
from processors.page.visible_text import TELLING, read_visible

URL = "https://example.org/where/it/was.html"
LIMIT = facts.PageOptions().max_links


class Read:
    """A page that has been parsed, and what several facts are made of."""

    def __init__(self, body: bytes) -> None:
        self.page = Page(URL, body, "utf-8")
        self.tree = self.page.tree
        assert self.tree.body is not None
        self.body = self.tree.body
        self.base = base_of(URL, self.tree.css("base"))
        self.links = self.tree.css("a, area")
        self.images = self.tree.css("img")
        self.metas = self.tree.css("meta")
        self.heads = self.tree.css("link")
        self.scripts = self.tree.css("script")
        self.titles = self.tree.css("title")
        self.seen = read_visible(self.body, TELLING)
        self.named, _ = metas.read_metas(self.metas)
        self.blocks = json_ld.read_json_ld(self.scripts).blocks
        self.said = byline.Said(self.page, self.blocks, self.named)


# By the keys of the record, how they are made.
MADE: dict[str, Callable[[Read], Any]] = {
    "title": lambda it: head.title_of(it.titles),
    "description": lambda it: head.description_of(it.metas),
    "canonical": lambda it: head.canonical_of(it.heads, it.base),
    "language": lambda it: head.language_of(it.tree),
    "robots_meta": lambda it: head.robots_words(it.metas),
    "links": lambda it: links.links_of(it.base, it.links, it.seen.texts, LIMIT),
    "images": lambda it: absolute_urls(
        it.base, references_of(it.images, "src"), LIMIT
    ),
    "text": lambda it: read_visible(it.body),
    "author": lambda it: byline.author_of(it.said),
    "published modified": lambda it: (
        byline.published(it.said),
        byline.modified(it.said),
    ),
    "headings": lambda it: it.seen.headings(),
    "feeds alternates": lambda it: links.alternates_of(it.base, it.heads),
    "open_graph twitter": lambda it: (
        metas.read_metas(it.metas),
        metas.open_graph(it.named),
        metas.twitter_card(it.named),
    ),
    "json_ld json_ld_broken": lambda it: json_ld.read_json_ld(it.scripts),
    "json_ld_flat": lambda it: json_ld.flatten(it.blocks),
    "meta_refresh": lambda it: refresh_of(URL, it.base, it.metas),
    "word_count": lambda it: len(it.seen.text.split()),
    "text_hash": lambda it: sha256(it.seen.text.encode()).hexdigest(),
}


def measure(given: argparse.Namespace) -> None:
    """Make each fact of all pages in turns, and print the table."""
    with Scratch() as scratch:
        folder = scratch.folder / "pages"
        served = sets.pages(given.corpus, folder, given.urls)
        bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    print(table.machine("no server"))
    print(
        f"{given.urls:,} pages, {served.bytes / 1e6:.1f} MB ({served.origin})"
    )
    reads = [
        Read(body) for body in bodies if Page(URL, body, "utf-8").tree.body
    ]
    made = {name: _each(function, reads) for name, function in MADE.items()}
    made |= {
        f"all, {name}": _each(_all(name), reads) for name in ("basic", "full")
    }
    seconds = {
        name: [run() for _ in range(given.rounds)] for name, run in made.items()
    }
    records = {
        name: [_facts_of(each, name) for each in reads]
        for name in ("basic", "full")
    }
    rows = [
        [
            name,
            f"{_bytes_of(name, records):,.0f}",
            f"{min(times) / len(reads) * 1e6:,.0f}",
        ]
        for name, times in seconds.items()
    ]
    table.show(["fact", "bytes", "µs"], rows)
    print(table.repeat())


def _each(
    function: Callable[[Read], Any], reads: Sequence[Read]
) -> Callable[[], float]:
    def run() -> float:
        began = time.process_time()
        for each in reads:
            function(each)
        return time.process_time() - began

    return run


def _all(name: str) -> Callable[[Read], Any]:
    return lambda it: _facts_of(it, name)


def _facts_of(it: Read, name: str) -> dict[str, Any]:
    options = facts.PageOptions(facts=name)
    return facts.page_facts(it.page, options).record


def _bytes_of(name: str, records: dict[str, list[dict[str, Any]]]) -> float:
    """On average, in JSON, with the keys."""
    if name.startswith("all, "):
        wanted = records[name.removeprefix("all, ")]
    else:
        keys = name.split()
        wanted = [{key: each[key] for key in keys} for each in records["full"]]
    return sum(len(orjson.dumps(each)) - 1 for each in wanted) / len(wanted)
