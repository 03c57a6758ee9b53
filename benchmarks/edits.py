"""Twelve kinds of edit to real pages: what each of them changes, and what of it is noise.

Each page is given a price, an advertisement, a clock and what else pages have that change by
themselves; then one of these is replaced. No network, no run.
"""

from __future__ import annotations

import argparse
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from benchmarks import sets, table
from benchmarks.scratch import Scratch
from processors.page import Page
from processors.page.attention import EVERYTHING, Attention
from processors.page.facts import PageOptions, page_facts
from scraper.recording.sameness import differences
from scraper.workers.fields import FieldReader

URL: Final = "https://example.org/where/it/was.html"
RECIPE: Final = {
    "name": "shop",
    "fields": {"price": {"select": ".facts-price", "type": "number"}},
}
WAYS: Final = {
    "as it is": EVERYTHING,
    "ignore": Attention(ignore=(".facts-ad", ".facts-clock")),
    "watch": Attention(watch=(".facts-price",)),
}
KINDS: Final = ("bytes", "text", "fields", "links", "title")
HEADERS: Final = ("edit", *KINDS, "noise", "with ignore", "with watch")

_TITLE: Final = re.compile(r"(<title[^>]*>)", re.IGNORECASE)
_BODY: Final = re.compile(r"(<body[^>]*>)", re.IGNORECASE)


class Edition(NamedTuple):
    """What stands in a page beside its own text."""

    advertisement: int = 1
    clock: int = 1
    token: int = 1
    price: int = 1
    link: int = 1
    space: str = "\n"
    is_reversed: bool = False
    encoding: str = (
        "utf-8-sig"  # with a mark, which outranks what the page declares
    )
    comment: int = 1
    nonce: int = 1
    query: int = 1
    title: int = 1

    def attributes(self, *pairs: str) -> str:
        """They, in the order that is asked for."""
        return " ".join(reversed(pairs) if self.is_reversed else pairs)


def edits(seed: random.Random) -> dict[str, Edition]:
    """By its name, the edition that each edit leads to."""
    other = seed.randrange(2, 10**6)
    return {
        "an advertisement": Edition(advertisement=other),
        "the time of day": Edition(clock=other),
        "a token of a form": Edition(token=other),
        "a price": Edition(price=other),
        "a link": Edition(link=other),
        "white space": Edition(space="\n\t  \n"),
        "the order of attributes": Edition(is_reversed=True),
        "the encoding": Edition(encoding="utf-16"),
        "a comment": Edition(comment=other),
        "the nonce of a script": Edition(nonce=other),
        "the query of an asset": Edition(query=other),
        "the title": Edition(title=other),
    }


def written(source: str, edition: Edition) -> bytes:
    """The page in that edition."""
    attributes = edition.attributes
    head = (
        "\n"
        f"<!-- made by web{edition.comment} -->"
        f"<link {attributes('rel=stylesheet', f'href=/a.css?v={edition.query}')}>"
        f"<script {attributes('async', f'nonce=n{edition.nonce}')}>var a;</script>"
        f"<meta {attributes('name=csrf', f'content=t{edition.token}')}>"
    )
    block = (
        f"<p {attributes('class=facts-price', 'id=p')}>{edition.price}.00 EUR</p>"
        f"<div {attributes('class=facts-ad', 'id=a')}>Buy "
        f"<a href=/ad/{edition.advertisement}>sofa {edition.advertisement}</a></div>"
        f"<p {attributes('class=facts-clock', 'id=c')}>It is {edition.clock}</p>"
        f"<form><input {attributes('type=hidden', f'value=t{edition.token}')}></form>"
        f"<a {attributes(f'href=/to/{edition.link}', 'rel=next')}>next</a>"
    )
    text = _insert(_BODY, source, f"\\g<1>{head}{block}", head + block)
    title = f"Night {edition.title}: "
    text = _insert(_TITLE, text, f"\\g<1>{title}", f"<title>{title}</title>")
    return text.replace("\n", edition.space).encode(edition.encoding, "replace")


def _insert(
    place: re.Pattern[str], text: str, replacement: str, otherwise: str
) -> str:
    """Where it fits first, or before everything."""
    changed, count = place.subn(replacement, text, count=1)
    return changed if count else otherwise + text


def record_of(body: bytes, attention: Attention) -> dict[str, Any]:
    """What a record says of it."""
    page = Page(URL, body)
    facts = page_facts(page, PageOptions(), attention).record
    found = FieldReader([RECIPE]).read_page(page, URL).facts
    digest = sha256(body).hexdigest()
    return {"status": 200, "sha256": digest, **facts, **found}


def count_changes(
    sources: Iterable[str], seed: int = 1
) -> Mapping[str, Counter[str]]:
    """By edit, of how many pages it changes what."""
    chance = random.Random(seed)
    counts = {name: Counter[str]() for name in edits(chance)}
    for source in sources:
        first = written(source, Edition())
        before = {way: record_of(first, each) for way, each in WAYS.items()}
        for name, edition in edits(chance).items():
            counts[name].update(_changes(before, written(source, edition)))
    return counts


def _changes(
    before: Mapping[str, dict[str, Any]], body: bytes
) -> Iterable[str]:
    """The kinds that have changed, and by which ways of looking it is noise."""
    for way, attention in WAYS.items():
        found = differences(before[way], record_of(body, attention))
        if attention == EVERYTHING:
            yield from found.kinds
        if found.is_noise:
            yield way


def sources_of(bodies: Sequence[bytes]) -> list[str]:
    """Their texts."""
    return [Page(URL, body).text for body in bodies]


def rows_of(counts: Mapping[str, Counter[str]]) -> list[list[str]]:
    """The table."""
    return [
        [name, *(str(count[each]) for each in (*KINDS, *WAYS))]
        for name, count in counts.items()
    ]


def measure(given: argparse.Namespace) -> None:
    """Edit each page in twelve ways, and print how many have changed in what."""
    with Scratch() as scratch:
        folder = scratch.folder / "pages"
        served = sets.pages(given.corpus, folder, given.urls)
        bodies = [Path(path).read_bytes() for path in sorted(folder.iterdir())]
    print(f"{given.urls:,} pages ({served.origin}), seed {given.seed}")
    counts = count_changes(sources_of(bodies), given.seed)
    table.show(HEADERS, rows_of(counts))
    print(table.repeat())
