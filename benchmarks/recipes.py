"""Recipes beside parsel: the same fields of a shop's pages, and of a list of a thousand items.

Both read text, numbers, URLs and lists, and are compared before they are timed: what they find is
the same.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import table
from benchmarks.environments import PEERS, PROJECT, Missing, clean, python_for
from benchmarks.parse import Reader, show_readers, take_turns
from benchmarks.scratch import Scratch

OWN = Path(__file__).with_name("own_recipes.py")
ITEMS = 1_000
LISTS = 4  # copies of the page with the items
CASES = {
    "page": "seven fields of each page of a shop",
    "items": f"four fields of each of {ITEMS:,} items of a page",
}
_BOOK = """<!DOCTYPE html><html lang=en><head><title>Book {number}</title><meta charset=utf-8>
<style>{filling}</style></head><body><ul class=breadcrumb><li><a href=/>Home</a>
<li><a href=/books>Books</a></ul><article class=product_page>
<div id=product_gallery><img src="../media/{number}.jpg" alt=""></div>
<div class=product_main><h1>Book {number}</h1><p class=price_color>£{number}.99</p>
<p class="instock availability"><i></i> In stock ({number} available) </p>
<p class="star-rating Three"><i></i><i></i></p></div>
<div id=product_description><h2>Description</h2></div><p>{text}</p></article></body></html>"""
_ITEM = """<li class=col><article class=product_pod><div class=image_container>
<a href="book-{number}/index.html"><img src="../media/{number}.jpg" alt=""></a></div>
<p class="star-rating Three"><i class=icon-star></i><i class=icon-star></i></p>
<h3><a href="book-{number}/index.html" title="Book number {number}">Book number ...</a></h3>
<div class=product_price><p class=price_color>£{number}.51</p>
<p class="instock availability"><i class=icon-ok></i> In stock </p></div></article></li>"""


def measure(given: argparse.Namespace) -> None:
    """Both cases, each with a table."""
    with Scratch() as scratch:
        print(table.machine("no server"))
        for case, says in CASES.items():
            folder = scratch.folder / case
            folder.mkdir()
            origin = _write_pages(case, given.corpus, folder)
            pages = len(list(folder.iterdir()))
            print(f"\n{case}: {says} ({pages} pages, {origin})")
            _race(given, case, folder, pages)
    print(table.repeat())


def _write_pages(case: str, corpus: Path, folder: Path) -> str:
    """The pages of a case in a folder; says where they are from."""
    if case == "items":
        items = "".join(_ITEM.format(number=each) for each in range(ITEMS))
        page = f"<!DOCTYPE html><title>All</title><body><ol>{items}</ol>"
        for number in range(LISTS):
            (folder / f"{number}.html").write_text(page, encoding="utf-8")
        return "generated"
    books = sorted((corpus / "pages").glob("book-*.html"))
    for path in books:
        (folder / path.name).write_bytes(path.read_bytes())
    if books:
        return "real"
    filling, text = "p { margin: 0 } " * 200, "What it is about. " * 300
    for number in range(67):
        page = _BOOK.format(number=number, filling=filling, text=text)
        (folder / f"{number}.html").write_text(page, encoding="utf-8")
    return "generated"


def _race(
    given: argparse.Namespace, case: str, folder: Path, pages: int
) -> None:
    own = [sys.executable, "-P", str(OWN), case, str(folder)]
    contenders = [("ours", own, {"PYTHONPATH": str(PROJECT)})]
    for each in given.against:
        path = {"PYTHONPATH": str(each.resolve())}
        contenders.append((f"in {each}", own, path))
    try:
        parsel = python_for("scrapy", given.cache)
        script = str(PEERS / "parsel_recipes.py")
        contenders.insert(
            0, ("parsel", [parsel, script, case, str(folder)], {})
        )
    except Missing as reason:
        table.say(f"parsel is left out, it cannot be installed: {reason}")
    _compare([(name, [*line, "--show"], env) for name, line, env in contenders])
    readers = [
        Reader(name, line, clean() | env) for name, line, env in contenders
    ]
    try:
        present = take_turns(readers, given.rounds)
    finally:
        for reader in readers:
            reader.close()
    show_readers(present, pages)


def _compare(
    contenders: Sequence[tuple[str, list[str], dict[str, str]]],
) -> None:
    """All have to find the same."""
    shown = {
        name: subprocess.run(
            line,
            env=clean() | env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name, line, env in contenders
    }
    if len(set(shown.values())) > 1:
        raise SystemExit(f"{' and '.join(shown)} do not find the same")
