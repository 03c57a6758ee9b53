"""Counted in slices, the ends are those of one statement over all rows."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scraper.model import Ended
from scraper.outcomes.fills import Fills
from scraper.storage import ends, schema
from scraper.storage.ends import count_ends, count_ends_of, count_ends_of_pass
from scraper.storage.ledger import Ledger
from scraper.storage.schema import UNASKED

AT_ONCE = f"""SELECT state,
    CASE substr(path, 1, 6) WHEN 'pages/' THEN 'page' WHEN 'images' THEN 'image'
      WHEN 'files/' THEN 'file' END,
    error_kind, status, count(*), CAST(total(bytes) AS INTEGER),
    count(CASE WHEN {UNASKED} THEN 1 END), min(CASE WHEN {UNASKED} THEN due END)
  FROM url LEFT JOIN answer USING (id) WHERE {{which}} GROUP BY 1, 2, 3, 4"""
REACHED_FROM = """id IN (WITH RECURSIVE reached (row) AS ({} UNION
  SELECT child FROM link JOIN reached ON parent = row) SELECT row FROM reached)"""
OF_LISTS = REACHED_FROM.format("SELECT id FROM url WHERE seq IS NOT NULL")


class Row(NamedTuple):
    """A URL; `answer` is missing, or status, path and size."""

    listed: bool = True
    outcome: str | None = "done"
    due: float = 0
    number: int = 1
    error_kind: str | None = None
    answer: tuple[int | None, str | None, int | None] | None = (
        200,
        "pages/a",
        7,
    )
    fill: str | None = None


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(tmp_path / "ledger.sqlite")
    yield opened
    opened.close()


def fill(ledger: Ledger, rows: list[Row], links: set[tuple[int, int]]) -> None:
    """Rows with a gap before each, for rows are not always dense."""
    for table in ("url", "answer", "link"):
        ledger.execute(f"DELETE FROM {table}")
    for place, row in enumerate(rows, 1):
        id = 2 * place
        ledger.execute(
            "INSERT INTO url (id, url, host, outcome, pass, due, seq_ahead) "
            "VALUES (?, ?, 1, ?, ?, ?, ?)",
            (
                id,
                f"http://a/{id}",
                row.outcome,
                row.number,
                row.due,
                0 if row.listed else None,
            ),
        )
        if row.answer is not None:
            ledger.execute(
                "INSERT INTO answer (id, error_kind, status, path, bytes, fill) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (id, row.error_kind, *row.answer, row.fill),
            )
    for page, image in links:
        ledger.execute(
            "INSERT INTO link (parent, child) VALUES (?, ?)",
            (2 * page, 2 * image),
        )


def summed(ends: Iterable[Ended]) -> list[Ended]:
    """Those of all slices, as one statement gives them."""
    alike: dict[tuple[Any, ...], list[Ended]] = {}
    for end in ends:
        alike.setdefault(end[:4], []).append(end)
    return sorted(
        (
            Ended(
                *key,
                urls=sum(end.urls for end in some),
                bytes=sum(end.bytes for end in some),
                unasked=sum(end.unasked for end in some),
                not_before=min(
                    (e.not_before for e in some if e.not_before is not None),
                    default=None,
                ),
            )
            for key, some in alike.items()
        ),
        key=str,
    )


def at_once(ledger: Ledger, which: str, *values: Any) -> list[Ended]:
    found = ledger.execute(AT_ONCE.format(which=which), values)
    return sorted((Ended(*row) for row in found), key=str)


# Few kinds of rows, so that slices often have some of the same.
ROWS = st.lists(
    st.builds(
        Row,
        st.booleans(),
        st.sampled_from([None, "done", "failed", "elsewhere"]),
        st.sampled_from([0, 5.5, 9.25]),
        st.integers(1, 2),
        st.sampled_from([None, "timeout"]),
        st.sampled_from(
            [
                None,
                (None, None, None),
                (200, "pages/a", 7),
                (404, "images/b", 3),
                (404, "files/c", None),
            ]
        ),
        st.sampled_from(
            [
                None,
                '[["a",1,{"x":1}]]',
                '[["a",1,{"x":0}],["b",3,{"y":2,"z":0}]]',
                '[["b",0,{"y":0}]]',
            ]
        ),
    ),
    max_size=9,
)
LATER_AND_SOONER = [
    Row(outcome="failed", due=hour) for hour in (9.25, 5.5, 0.0)
]
PLACES = st.integers(1, 9)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ROWS,
    st.sets(st.tuples(PLACES, PLACES), max_size=12),
    st.sets(PLACES),
)
@example(LATER_AND_SOONER, set(), {1, 2, 3})
@example(LATER_AND_SOONER[::-1], set(), {1, 2, 3})
def test_slices_of_any_size_add_up_to_what_one_statement_counts(
    ledger: Ledger,
    rows: list[Row],
    links: set[tuple[int, int]],
    chosen: set[int],
) -> None:
    fill(ledger, rows, links)
    ids = sorted(2 * place for place in chosen)
    these = REACHED_FROM.format(f"SELECT value FROM json_each('{ids}')")
    db = ledger.connection
    with pytest.MonkeyPatch.context() as patch:
        for size in range(1, 6):
            for module in (schema, ends):
                patch.setattr(module, "ROWS_A_SLICE", size)
            assert summed(count_ends(db)) == at_once(ledger, OF_LISTS)
            assert summed(count_ends_of(db, ids)) == at_once(ledger, these)
            assert summed(count_ends_of_pass(db, 2)) == at_once(
                ledger,
                "pass = ? AND state != 'pending' AND answer.id IS NOT NULL",
                2,
            )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_what_recipes_came_to_is_added_up_over_what_has_ended(
    ledger: Ledger, rows: list[Row]
) -> None:
    fill(ledger, rows, set())
    counted = [
        row.fill
        for row in rows
        if row.listed and row.outcome and row.answer and row.fill
    ]
    with pytest.MonkeyPatch.context() as patch:
        for size in range(1, 6):
            for module in (schema, ends):
                patch.setattr(module, "ROWS_A_SLICE", size)
            assert added(count_ends(ledger.connection)) == of_texts(counted)


def added(ends: Iterable[Ended]) -> Fills:
    total = Fills()
    for end in ends:
        if end.fills is not None:
            total.add(end.fills)
    return total


def of_texts(texts: Iterable[str]) -> Fills:
    total = Fills()
    for text in texts:
        total.add(Fills.of_text(text))
    return total


def test_what_differs_in_its_fill_alone_is_one_end(ledger: Ledger) -> None:
    """A million pages with as many fills are not a million ends in memory."""
    texts = [f'[["a",{n},{{"x":{n % 7}}}]]' for n in range(500)]
    fill(ledger, [Row(fill=text) for text in texts], set())
    (end,) = ledger.ends()
    assert (end.urls, end.bytes) == (500, 3_500)
    assert end.fills == of_texts(texts)


LISTED, IMAGE = Row(), Row(listed=False)
UNLISTED = IMAGE._replace(answer=(200, "pages/b", 5))


@pytest.mark.parametrize(
    ("rows", "links", "counted"),
    [
        ([LISTED, IMAGE], {(1, 2)}, 2),
        ([UNLISTED, IMAGE], {(1, 2)}, 0),
        ([UNLISTED, LISTED, IMAGE], {(1, 3), (2, 3)}, 2),
        ([LISTED, IMAGE], set(), 1),
        ([LISTED, LISTED], {(1, 2)}, 2),
        ([IMAGE, LISTED], {(2, 1)}, 2),
        ([], set(), 0),
    ],
    ids=[
        "an image of a listed page",
        "an image of a page that no list names any more",
        "an image whose first page is gone, but another names it",
        "an image that no page names any more",
        "an image that a list names, too",
        "an image before its page",
        "an empty folder",
    ],
)
def test_what_counts(
    ledger: Ledger,
    rows: list[Row],
    links: set[tuple[int, int]],
    counted: int,
) -> None:
    fill(ledger, rows, links)
    assert sum(end.urls for end in ledger.ends()) == counted


def test_an_image_is_counted_once_beside_pages_that_name_it(
    ledger: Ledger,
) -> None:
    fill(ledger, [LISTED, IMAGE, LISTED], {(1, 2), (3, 2)})
    (end,) = ledger.ends([2, 4, 6])
    assert end.urls == 3
    (end,) = ledger.ends([6])
    assert end.urls == 2


WITH_LITTLE_MEMORY = """
import sys
from pathlib import Path
from scraper.storage import ends, schema
from scraper.storage.sets.bitmap import Bitmap
from scraper.storage.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
ledger.execute("PRAGMA cache_size = -512")
ledger.execute("PRAGMA hard_heap_limit = 5000000")
schema.ROWS_A_SLICE = ends.ROWS_A_SLICE = int(sys.argv[2])
db = ledger.connection
def count(): return sum(end.urls for end in ledger.ends())
def count_these(): return sum(end.urls for end in ledger.ends(range(100_001)))
def count_pass():
    return sum(end.urls for end in ends.count_ends_of_pass(db, 1))
def refresh(): return ledger.passes.reopen_listed(2)
def drop():
    ledger.intake.drop_unlisted([1], Bitmap())
    return 100_000 - ledger.value_of("SELECT count(seq) FROM url")
def reopen(): return ledger.reopen_from(0)
assert eval(sys.argv[3])() == 100_000
ledger.close()
"""


@pytest.mark.parametrize(
    "act", ["count", "count_these", "count_pass", "refresh", "drop", "reopen"]
)
def test_memory_does_not_grow_with_the_list(tmp_path: Path, act: str) -> None:
    """In a process of its own: the limit holds for all of SQLite, and cannot be taken back."""
    child = act_with_little_memory(tmp_path, act, schema.ROWS_A_SLICE)
    assert child.returncode == 0, child.stderr


@pytest.mark.parametrize("act", ["count", "count_these", "count_pass", "drop"])
def test_more_rows_at_once_would_take_more_memory(
    tmp_path: Path, act: str
) -> None:
    child = act_with_little_memory(tmp_path, act, 100_000)
    assert "MemoryError" in child.stderr


def act_with_little_memory(
    folder: Path, act: str, rows: int
) -> subprocess.CompletedProcess[str]:
    path = folder / "ledger.sqlite"
    ledger = Ledger(path)
    ledger.execute("""WITH RECURSIVE n(i) AS
        (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
      INSERT INTO url (id, url, host, outcome, pass, seq_ahead, source)
        SELECT i, 'http://a.example/a-path-of-some-length/' || i, 1, 'done',
          1, 0, 1 FROM n""")
    ledger.execute("""INSERT INTO answer (id, status, path, bytes, "offset")
      SELECT id, 200, 'pages/' || id, 1, id FROM url""")
    ledger.passes.open(1, 0.0, {}, [], "")
    ledger.commit()
    ledger.close()
    return subprocess.run(
        [sys.executable, "-c", WITH_LITTLE_MEMORY, path, str(rows), act],
        capture_output=True,
        text=True,
        check=False,
    )
