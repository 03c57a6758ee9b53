"""What twelve kinds of edit change in pages: the table of the guide, on a few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from benchmarks.edits import HEADERS, count_changes, rows_of, sources_of
from tests.conftest import PROJECT

CORPUS = PROJECT.parent / "shared" / "corpus" / "pages"
REAL = sorted(CORPUS.glob("*.html"))[::24]
PAGES_OF_TABLE = 132
WRITTEN = [
    "<!doctype html><html><head><title>One</title></head><body class=a>\n"
    "<pre>one\n two</pre><p>three\n<a href=/a>four</a></body></html>",
    "<p>No head, no body, no title: café\n<textarea>\nfive</textarea>",
    "<!-- old --><html lang=de><meta charset=iso-8859-1><title>Ä</title><body>ß",
    "",
]


def table_of_the_guide() -> Mapping[str, Sequence[int]]:
    guide = (PROJECT / "docs" / "guide.md").read_text()
    section = guide.partition("### What edits change\n")[2]
    lines = section.partition("\n## ")[0].splitlines()
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|")
    ]
    header, _, *table = rows
    assert [cell.replace("`", "") for cell in header] == [*HEADERS]
    return {name: [int(cell) for cell in cells] for name, *cells in table}


def check(sources: Sequence[str], seed: int) -> None:
    """Each edit changes all of them, or none, as the guide says of all pages."""
    expected = [
        [name, *(str(cell * len(sources) // PAGES_OF_TABLE) for cell in cells)]
        for name, cells in table_of_the_guide().items()
    ]
    assert rows_of(count_changes(sources, seed)) == expected


def test_the_table_knows_all_or_none() -> None:
    cells = [cell for row in table_of_the_guide().values() for cell in row]
    assert set(cells) == {0, PAGES_OF_TABLE}
    assert len(table_of_the_guide()) == 12


@pytest.mark.parametrize("seed", range(5))
def test_edits_of_written_pages(seed: int) -> None:
    check(WRITTEN, seed)


@pytest.mark.skipif(not REAL, reason="no ../shared/corpus here")
def test_edits_of_real_pages() -> None:
    check(sources_of([path.read_bytes() for path in REAL]), seed=2)
