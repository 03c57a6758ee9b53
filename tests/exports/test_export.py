"""An export is a function of the folder: which records, which rows, in which order."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

import scraper
from scraper.errors import UsageError
from scraper.exports.export import Choice, export_file
from tests.exports.made import TABLE, Made, make_folder, url_of
from tests.exports.readers import (
    READERS,
    Rows,
    each_of,
    needs_pyarrow,
    read_lines,
    read_sqlite,
)
from tests.test_rooms import loaded_by

URLS = [
    Made("b", {3: {"id": 7}, 5: {"id": 9}}, {"title": "B"}),
    Made("a", {2: {"id": 8}}, {"title": "A"}, "unchanged"),
    Made("c", {4: {"id": 1}}, state="failed"),
    Made("s", {7: {"id": 3}}, state="skipped"),
    Made("p", {6: {"id": 2}}, state="pending"),
    Made("picture", {}, {"format": "jpeg"}),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "run", URLS, ["Link", "id"])


def exported(folder: Path, name: str = "items.jsonl", **how: Any) -> Rows:
    file = scraper.export(folder, folder.parent / name, **how)
    return READERS[file.suffix](file)


def names_of(rows: Rows) -> list[str]:
    return [row["url"].rpartition("/")[2] for row in rows]


def test_a_url_comes_out_once_a_row_in_the_order_of_the_list(
    folder: Path,
) -> None:
    rows = exported(folder)
    assert names_of(rows) == ["a", "b", "c", "b", "s", "picture"]
    assert [row["line"] for row in rows] == [2, 3, 4, 5, 7, None]
    ids = [row.get("input", {}).get("id") for row in rows]
    assert ids == [8, 7, 1, 9, 3, None]


def test_what_has_no_record_yet_stands_in_remaining(folder: Path) -> None:
    assert "p" not in names_of(exported(folder))
    file = scraper.export(folder, folder.parent / "remaining.txt")
    names = ["c", "p", "s"]
    assert file.read_text() == "".join(f"{url_of(n).href}\n" for n in names)


def test_a_row_that_was_misread_is_one_line_of_remaining(
    tmp_path: Path,
) -> None:
    table = tmp_path / "a.csv"
    table.write_text('url,id\n"x y",1,"too\nmany"\n')
    config = scraper.configure(dir=str(tmp_path / "run"), url_col="url")
    scraper.run(table, config)
    file = scraper.export(tmp_path / "run", tmp_path / "remaining.txt")
    assert file.read_text() == "x y,1,toomany\n"


def test_failed_rows_come_in_their_own_columns(folder: Path) -> None:
    file = scraper.export(folder, folder.parent / "failed.csv")
    assert file.read_bytes() == b"Link,id\r\nhttps://example.com/c,1\r\n"
    assert exported(folder, "remaining.jsonl") == [
        {"Link": url_of("c").href, "id": 1},
        {"Link": url_of("p").href, "id": 2},
        {"Link": url_of("s").href, "id": 3},
    ]


@needs_pyarrow
def test_so_do_those_of_parquet(folder: Path) -> None:
    assert exported(folder, "remaining.parquet")[1]["id"] == 2


def test_the_next_list_holds_what_the_last_one_did(tmp_path: Path) -> None:
    """It is the user's own: nothing is guarded, a URL is as it was written."""
    urls = [Made("a", {2: {"note": "=1+1", "tags": ["x"]}}, state="failed")]
    folder = make_folder(tmp_path / "run", urls, ["Link", "note", "tags"])
    with closing(sqlite3.connect(folder / ".scraper/ledger.sqlite")) as db:
        db.execute("UPDATE url SET written = 'EXAMPLE.com/a?token=x'")
        db.commit()
    file = scraper.export(folder, tmp_path / "failed.csv")
    with file.open(newline="") as opened:
        assert list(csv.reader(opened)) == [
            ["Link", "note", "tags"],
            ["EXAMPLE.com/a?token=x", "=1+1", '["x"]'],
        ]


def test_the_rows_of_a_plain_list_count_too(tmp_path: Path) -> None:
    urls = [Made("a", {1: None, 3: None}), Made("b", {2: None}, state="failed")]
    folder = make_folder(tmp_path / "run", urls, None)
    rows = exported(folder)
    assert names_of(rows) == ["a", "b", "a"]
    assert not any("input" in row for row in rows)
    assert exported(folder, "failed.jsonl") == [{"url": url_of("b").href}]


def test_a_row_that_has_moved_is_there_once(folder: Path) -> None:
    """While a list is read again, rows of both readings stand in the ledger."""
    with closing(sqlite3.connect(folder / ".scraper/ledger.sqlite")) as db:
        db.execute("INSERT INTO input VALUES (2, 1, 12, '{\"id\":88}', 2)")
        db.commit()
    rows = exported(folder)
    assert [row["line"] for row in rows if row["url"].endswith("/a")] == [12]


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("good", ["a", "b", "b", "picture"]),
        ("done", ["b", "b", "picture"]),
        ("failed", ["c"]),
    ],
)
@pytest.mark.parametrize("format", each_of([".jsonl", ".parquet"]))
def test_only_some_states(
    only: str, names: list[str], format: str, folder: Path
) -> None:
    assert names_of(exported(folder, f"items{format}", only=only)) == names


def test_in_the_order_in_which_they_ended(folder: Path) -> None:
    names = names_of(exported(folder, order="done"))
    assert names == ["b", "b", "a", "c", "s", "picture"]


@pytest.mark.parametrize("format", each_of(READERS))
def test_chosen_fields(format: str, folder: Path) -> None:
    fields = ["title", "input.id", "seconds.fetch"]
    rows = exported(folder, f"items{format}", fields=fields)
    for row in rows:
        if format == ".sqlite":
            assert {"record", "id", *fields} - {"input.id"} <= {*row, "record"}
            assert "state" not in row
        else:
            assert [*row] == fields
    assert str(rows[0]["title"]) == "A"
    own = rows[0]["own"]["id"] if "own" in rows[0] else rows[0]["input.id"]
    assert str(own) == "8"
    assert exported(folder, f"items{format}", fields="title")[0]["title"] == "A"


def test_a_pass_is_as_it_was(folder: Path) -> None:
    (first,) = [
        row for row in exported(folder, number=1) if row["url"].endswith("/a")
    ]
    (second,) = exported(folder, number=2)
    assert (first["state"], first["title"], first["pass"]) == ("done", "A", 1)
    assert (second["state"], second["title"]) == ("unchanged", "A")
    assert second["input"] == {"id": 8}


def test_a_pass_that_there_is_not_is_one_error(folder: Path) -> None:
    older = folder.parent / "items.csv"
    older.write_text("yours")
    with pytest.raises(UsageError, match="run has no pass 99; there are: 1, 2"):
        exported(folder, "items.csv", number=99)
    assert older.read_text() == "yours"


def test_what_was_unchanged_is_filled_in(folder: Path) -> None:
    row = exported(folder)[0]
    assert (row["state"], row["title"], row["same_as"]) == ("unchanged", "A", 1)


@pytest.mark.parametrize("format", each_of(READERS))
def test_an_empty_folder_has_columns_and_no_rows(
    format: str, tmp_path: Path
) -> None:
    folder = make_folder(tmp_path / "run", [], ["Link", "id"])
    assert exported(folder, f"items{format}") == []
    if format == ".csv":
        header = (tmp_path / "items.csv").read_text("utf-8-sig")
        assert header.startswith("id,schema,pass,")


@pytest.mark.parametrize("format", each_of(READERS))
def test_records_of_schema_1_have_the_same_columns(
    format: str, tmp_path: Path
) -> None:
    old = {"schema": 1, "links": ["https://x/"], "images": [], "title": "old"}
    urls = [
        Made("old", {2: {}}, more=old),
        Made("new", {3: {}}, {"links": [{"url": "https://y/", "text": "y", "rel": []}]}),
    ]  # fmt: skip
    rows = exported(make_folder(tmp_path / "run", urls), f"items{format}")
    assert [str(row["schema"]) for row in rows] == ["1", "2"]
    links = [row["links"] for row in rows]
    if format == ".parquet":
        assert links[0] == [{"url": "https://x/", "text": None, "rel": None}]
        assert links[1] == [{"url": "https://y/", "text": "y", "rel": []}]
    else:
        assert (
            json.loads(links[0]) if isinstance(links[0], str) else links[0]
        ) == ["https://x/"]


@pytest.mark.parametrize("format", each_of(READERS))
def test_long_texts_and_odd_characters(format: str, tmp_path: Path) -> None:
    texts = [
        "x" * 100_000,
        "a\0b",
        "line\r\nline\n",
        "\u2028\u202e😀",
        '"";,\t|',
        "\x1b[2J",
    ]
    urls = [
        Made(str(n), {n + 2: {"note": text}}, {"title": text})
        for n, text in enumerate(texts)
    ]
    folder = make_folder(tmp_path / "run", urls, ["Link", "note"])
    rows = exported(folder, f"items{format}")
    assert [row["title"] for row in rows] == texts
    own = "input" if "json" in format else "note"
    notes = [row[own] for row in rows]
    assert [n["note"] if isinstance(n, dict) else n for n in notes] == texts


@pytest.mark.parametrize("format", [".json", ".jsonl"])
def test_no_terminal_is_commanded(format: str, tmp_path: Path) -> None:
    urls = [Made("a", {2: {"note": "\u202e"}}, {"title": "\u202e\x7f"})]
    folder = make_folder(tmp_path / "run", urls, ["Link", "note"])
    for fields in ((), ("title", "input.note")):
        file = scraper.export(
            folder, tmp_path / f"items{format}", fields=fields
        )
        assert "\u202e" not in file.read_text()
        assert "\x7f" not in file.read_text()


@needs_pyarrow
def test_values_of_other_types_than_documented_do_no_harm(
    tmp_path: Path,
) -> None:
    """As another program may have written them."""
    odd = {"status": "ok", "title": 7, "bytes": 2**70 * 1.0, "fetched_at": "soon",
           "retryable": 1, "seconds": [1], "flags": {"a": 1}, "x_robots_tag": [1, "b"],
           "links": [5, {"url": 1}]}  # fmt: skip
    urls = [Made("odd", {2: {}}, more=odd), Made("b", {3: {}})]
    folder = make_folder(tmp_path / "run", urls)
    odd_row, row = exported(folder, "items.parquet")
    assert row["status"] == 200
    assert row["seconds.fetch"] == 0.3
    nulls = (
        "status",
        "bytes",
        "fetched_at",
        "retryable",
        "seconds.fetch",
        "flags",
    )
    assert [odd_row[name] for name in nulls] == [None] * len(nulls)
    assert odd_row["title"] == "7"
    assert odd_row["x_robots_tag"] == ["1", "b"]
    assert odd_row["links"] == [None, {"url": "1", "text": None, "rel": None}]
    for name in ("items.csv", "items.sqlite", "items.json"):
        assert len(exported(folder, name)) == 2


@pytest.mark.parametrize("format", each_of(READERS))
def test_values_below_your_own_data(format: str, tmp_path: Path) -> None:
    data = {
        "price": {"net": 3.5},
        "a.b": "dots",
        "tags": ["x"],
        "big": 2**64 - 1,
    }
    urls = [Made("a", {2: {}}, {"data": data}), Made("b", {3: {}}, {"data": 7})]
    folder = make_folder(tmp_path / "run", urls)
    fields = ["data.price.net", "data.a.b", "data.tags", "data.big", "data"]
    name = f"items{format}"
    first, second = exported(folder, name, fields=fields)
    assert float(first["data.price.net"]) == 3.5
    assert first["data.a.b"] == "dots"
    assert first["data.tags"] in (["x"], '["x"]')
    assert int(first["data.big"]) == 2**64 - 1
    assert second["data.price.net"] in (None, "")
    assert int(second["data"]) == 7


def test_a_database_has_a_row_for_each_url_and_one_for_each_row(
    folder: Path,
) -> None:
    file = scraper.export(folder, folder.parent / "items.sqlite")
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM records").fetchone() == (5,)
        found = db.execute(
            "SELECT input.id, title FROM input JOIN records ON records.id = input.record "
            "ORDER BY input.line"
        ).fetchall()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert found == [(8, "A"), (7, "B"), (1, None), (9, "B"), (3, None)]
    assert len(read_sqlite(file)) == 6


def test_a_database_that_cannot_hold_the_columns_says_so(
    tmp_path: Path,
) -> None:
    names = [f"c{number}" for number in range(2_100)]
    urls = [Made("a", {2: dict.fromkeys(names, "x")})]
    folder = make_folder(tmp_path / "run", urls, ["Link", *names])
    with pytest.raises(
        UsageError, match=r"cannot hold this table \(too many col"
    ):
        scraper.export(folder, tmp_path / "items.sqlite")
    assert not (tmp_path / "items.sqlite").exists()


def test_a_ledger_of_an_earlier_version_is_read_and_stays_as_it_is(
    tmp_path: Path,
) -> None:
    folders = Path(__file__).parent.parent / "folders"
    for number in (1, 2, 3, 4):
        run = shutil.copytree(
            folders / f"schema-{number}", tmp_path / f"{number}"
        )
        ledger = run / ".scraper" / "ledger.sqlite"
        before = ledger.read_bytes()
        rows = exported(run, f"{number}.jsonl", order="done")
        expected = list(scraper.records(run))
        assert {row["key"]: row["state"] for row in rows} == {
            each["key"]: each["state"] for each in expected
        }
        assert ledger.read_bytes() == before


# -- what is wrong with a folder ---------------------------------------------------------------


def test_what_is_no_run_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no run in .*: name a run folder"):
        scraper.export(tmp_path, tmp_path / "items.csv")
    assert not (tmp_path / "items.csv").exists()


def test_records_that_are_gone_say_so(folder: Path) -> None:
    (folder / "records.jsonl").unlink()
    with pytest.raises(UsageError, match=r"cannot read .*records\.jsonl"):
        exported(folder)


@pytest.mark.parametrize(
    "name", each_of(["items.csv", "items.parquet", "items.json"])
)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[: len(text) // 2],
        lambda text: b"x" * 7 + text,
        lambda text: text.replace(b'"state":"done"', b'"state":"do\xffe"'),
        lambda text: text.replace(b'"done"', b"[1,2,3"),
    ],
)
def test_records_that_were_changed_are_named_by_their_place(
    spoil: Any, name: str, folder: Path
) -> None:
    path = folder / "records.jsonl"
    path.write_bytes(spoil(path.read_bytes()))
    old = folder.parent / name
    old.write_text("an earlier one")
    with pytest.raises(UsageError, match=r"was changed: at byte [\d,]+"):
        exported(folder, name)
    assert old.read_text() == "an earlier one"
    assert [each.name for each in folder.parent.glob(".*.part")] == []


def test_facts_that_are_missing_are_said_to_be(folder: Path) -> None:
    path = folder / "records.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    (at,) = [
        n
        for n, line in enumerate(lines)
        if b'/a"' in line and b"same_as" not in line
    ]
    lines[at] = lines[at].replace(b'"pass":1', b'"pass":9')
    path.write_bytes(b"".join(lines))
    with pytest.raises(UsageError, match="lacks the record of pass 1"):
        exported(folder)


# -- what is asked for -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"only": "godo"}, "only='godo': one of good, done, failed"),
        ({"order": "url"}, "order='url': one of input, done"),
        ({"fields": ["titel"]}, "did you mean title?"),
        ({"fields": ["input.idd"]}, "did you mean input.id?"),
    ],
)
def test_a_wrong_word_is_one_clear_line(
    how: dict[str, Any], says: str, folder: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        exported(folder, "items.csv", **how)
    assert says in str(raised.value)
    assert not (folder.parent / "items.csv").exists()


def test_how_many_rows_there_are_is_known(folder: Path) -> None:
    for name, rows in (
        ("items.csv", 6),
        ("failed.csv", 1),
        ("remaining.txt", 3),
    ):
        assert export_file(folder, folder.parent / name, Choice()).rows == rows
    made = export_file(folder, folder.parent / "i.csv", Choice(only="failed"))
    assert made.rows == 1


def test_csv_loads_no_library_for_it() -> None:
    loaded = loaded_by("import scraper.exports.export, scraper.cli.export")
    assert loaded & {"pyarrow", "pandas", "requests", "scraper.runner"} == set()


def test_the_list_is_named_as_in_the_records(folder: Path) -> None:
    assert {row["source"] for row in read_lines(
        scraper.export(folder, folder.parent / "items.jsonl"))} == {TABLE, None}  # fmt: skip


def test_rows_are_bounded_groups_of_a_parquet_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("scraper.exports.flattening._BATCH_ROWS", 2)
    monkeypatch.setattr("scraper.exports.parquet._GROUP_ROWS", 4)
    file = scraper.export(folder, folder.parent / "items.parquet")
    found = parquet.ParquetFile(file).metadata
    groups = [found.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert groups == [4, 2]


def test_whole_records_are_those_of_scraper_records(folder: Path) -> None:
    expected = {each["key"]: each for each in scraper.records(folder)}
    for row in exported(folder, order="done"):
        record = expected[row["key"]]
        assert row | {"line": None, "input": None} == record | {
            "line": None,
            "input": None,
        }
        assert orjson.dumps(row)
