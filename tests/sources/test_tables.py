"""Lists that are tables: every dialect that programs write, and what is said of a wrong one."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scraper.config import InputSettings
from scraper.errors import UsageError
from scraper.sources.source import Source, file_source, file_sources
from scraper.sources.text import TableRow

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

A, B = "https://a.example/1", "https://b.example/2"
PATIENCE = 20


def rows_of(source: Source) -> list[TableRow]:
    rows = list(source.lines())
    assert all(isinstance(row, TableRow) for row in rows)
    return rows  # type: ignore[return-value]  # as was just looked at


def read(
    tmp_path: Path, name: str, content: bytes | str, **settings: Any
) -> list[tuple[int, str, dict[str, Any]]]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    source = file_source(str(path), InputSettings(**settings))
    return [
        (row.number, row.url, orjson.loads(row.columns))
        for row in rows_of(source)
    ]


def refusal(
    tmp_path: Path, name: str, content: bytes | str, **settings: Any
) -> str:
    with pytest.raises(UsageError) as raised:
        read(tmp_path, name, content, **settings)
    return str(raised.value)


EXPECTED = [
    (2, A, {"id": "1", "title": "Ä, b"}),
    (3, B, {"id": "2", "title": ""}),
]
ROWS = [["id", "title", "url"], ["1", "Ä, b", A], ["2", "", B]]


def table(delimiter: str = ",", newline: str = "\r\n") -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline)
    writer.writerows(ROWS)
    return text.getvalue()


# -- dialects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_of_any_program_is_read(
    tmp_path: Path, delimiter: str, newline: str, encoding: str
) -> None:
    content = table(delimiter, newline).encode(encoding)
    assert read(tmp_path, "a.csv", content) == EXPECTED


def test_excel_may_say_what_divides_the_cells(tmp_path: Path) -> None:
    found = read(tmp_path, "a.csv", "sep=;\r\n" + table(";"))
    assert found == [(number + 1, url, row) for number, url, row in EXPECTED]


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", zstd.compress),
    ],
)
def test_what_is_packed_is_unpacked(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(table().encode())
    assert read(tmp_path, f"a.csv{suffix}", packed) == EXPECTED
    (tmp_path / "b.txt").write_bytes(pack(f"{A}\n{B}\n".encode()))
    lines = file_source(str(tmp_path / "b.txt")).lines()
    assert list(lines) == [f"{A}\n".encode(), f"{B}\n".encode()]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstd.compress])
def test_what_is_packed_and_cut_off_is_said(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    packed = pack(os.urandom(500_000).hex().encode())
    told = refusal(tmp_path, "a.csv.gz", packed[: len(packed) // 2])
    assert "a.csv.gz" in told
    assert "cut off" in told


def test_what_is_packed_and_damaged_is_said(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(f"url\n{A}\n".encode()))
    packed[-8:-4] = b"\0\0\0\0"  # its checksum
    assert "cannot be unpacked" in refusal(tmp_path, "a.csv.gz", bytes(packed))


def test_json_keeps_its_types(tmp_path: Path) -> None:
    values = {
        "n": 1,
        "x": 1.5,
        "yes": True,
        "none": None,
        "tags": ["a", {"b": 2}],
    }
    lines = [orjson.dumps({"url": A, **values}), b"", orjson.dumps({"url": B})]
    expected = [(1, A, values), (3, B, {})]
    assert read(tmp_path, "a.jsonl", b"\n".join(lines)) == expected
    array = orjson.dumps([{"url": A, **values}, {"url": B}])
    expected = [(1, A, values), (2, B, {})]
    assert read(tmp_path, "a.json", array) == expected


def test_json_keeps_columns_that_only_later_rows_have(tmp_path: Path) -> None:
    lines = [{"url": A}] * 100 + [{"url": B, "note": "late"}]
    content = b"\n".join(map(orjson.dumps, lines))
    assert read(tmp_path, "a.jsonl", content)[-1] == (101, B, {"note": "late"})
    some = read(tmp_path, "a.jsonl", content, columns=("none",))
    assert some[-1] == (101, B, {})


def test_a_json_list_of_texts_is_a_list_of_urls(tmp_path: Path) -> None:
    assert read(tmp_path, "a.json", orjson.dumps([A, B])) == [
        (1, A, {}),
        (2, B, {}),
    ]


def test_an_unknown_extension_leaves_it_to_the_content(tmp_path: Path) -> None:
    assert read(tmp_path, "a.dat", table()) == EXPECTED
    assert read(tmp_path, "b", table("\t")) == EXPECTED
    assert "--input-format csv" in refusal(tmp_path, "b.txt", table())
    assert read(tmp_path, "b.txt", table(), input_format="csv") == EXPECTED
    lines = InputSettings(input_format="lines")
    source = file_source(str(tmp_path / "b.txt"), lines)
    assert next(source.lines()) == b"id,title,url\r\n"


# -- which column -------------------------------------------------------------------------------


def test_the_one_column_of_urls_is_found_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table())
    source = file_source(str(tmp_path / "a.csv"))
    assert source.columns == ("url", "id", "title")
    assert source.note.endswith("its URLs stand in url (beside id, title)")
    how = InputSettings(url_col="url")
    assert file_source(str(tmp_path / "a.csv"), how).note == ""


def test_two_columns_of_urls_are_both_named(tmp_path: Path) -> None:
    content = f"page,picture\n{A},{B}\n"
    told = refusal(tmp_path, "a.csv", content)
    assert "page, picture" in told
    assert "--url-col" in told
    found = read(tmp_path, "a.csv", content, url_col="picture")
    assert found == [(2, B, {"page": A})]


def test_hosts_count_where_the_column_is_called_so(tmp_path: Path) -> None:
    content = "file,website\nphoto.jpg,a.example\nmap.png,b.example\n"
    assert [row[1] for row in read(tmp_path, "a.csv", content)] == [
        "a.example",
        "b.example",
    ]


def test_without_a_header_columns_are_numbered(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", f"1,{A}\n2,{B}\n") == [
        (1, A, {"column_1": "1"}),
        (2, B, {"column_1": "2"}),
    ]


@pytest.mark.parametrize(
    ("content", "wish", "says"),
    [
        ("id,url\n1,2\n2,3\n", {}, "no column of it holds URLs (it has id, url)"),
        (f"id,url\n1,{A}\n", {"url_col": "urls"}, "has no column 'urls'; did you mean url?"),
        (f"id,url\n1,{A}\n", {"columns": ("ids",)}, "has no column 'ids'"),
        (f"a,a,url\n1,2,{A}\n", {}, "several columns called a"),
        ("", {}, "is empty"),
        ("\n\n", {}, "is empty"),
        (f'id,url\n1,{A}\n"2,{B}\n', {}, "row 3: a quoted cell begins there and does not end"),
        ("id,url\n", {}, "has no row that can be read, so no URL (its columns: id, url)"),
        (f'id,url\n1,{A}\n"' + 1_001 * f"{9_999 * 'x'}\n" + f'",{B}\n', {},
         "row 3: a cell of more than 10,000,000 characters"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_is_refused_in_one_line(
    tmp_path: Path, content: str, wish: dict[str, Any], says: str
) -> None:
    told = refusal(tmp_path, "a.csv", content, **wish)
    assert says in told
    assert "\n" not in told


def test_only_the_columns_that_are_wanted_come_along(tmp_path: Path) -> None:
    wanted = read(tmp_path, "a.csv", table(), columns=("id",))
    assert wanted[0] == (2, A, {"id": "1"})
    assert read(tmp_path, "a.csv", table(), columns=("none",))[0][2] == {}


# -- rows that are not as the others ------------------------------------------------------------


def test_an_odd_row_costs_no_other_one(tmp_path: Path) -> None:
    content = (
        f"id,url,note\n1,{A}\n2,{A},x,,\n3,{A},x,y\n\n"
        f'4,{A},"two\nlines"\n5,,\n6,{A},"q" z\n7,{A},\0\n'
    )
    found = read(tmp_path, "a.csv", content)
    assert found == [
        (2, A, {"id": "1"}),
        (3, A, {"id": "2", "note": "x"}),
        (4, f"3,{A},x,y", {}),
        (6, A, {"id": "4", "note": "two\nlines"}),
        (7, "", {"id": "5", "note": ""}),
        (8, A, {"id": "6", "note": "q z"}),
        (9, A, {"id": "7", "note": "\0"}),
    ]


def test_a_line_of_json_that_is_no_object_costs_no_other(
    tmp_path: Path,
) -> None:
    good = orjson.dumps({"url": A}).decode()
    content = f'{good}\n{{"url": \n[1]\n{good}\n'
    assert [row[:2] for row in read(tmp_path, "a.jsonl", content)] == [
        (1, A),
        (2, '{"url":'),
        (3, "[1]"),
        (4, A),
    ]


def test_parquet_keeps_times_that_python_has_no_type_for(
    tmp_path: Path,
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    nano = pyarrow.array([1, 1_000], pyarrow.timestamp("ns"))
    days = pyarrow.array([10**8, 1], pyarrow.date32())
    offsets = pyarrow.array([0, 1, 2], pyarrow.int32()).buffers()[1]
    bytes_of_text = [None, offsets, pyarrow.py_buffer(b"\xffb")]
    text = pyarrow.Array.from_buffers(pyarrow.string(), 2, bytes_of_text)
    columns = {"url": [A, B], "nano": nano, "day": days, "text": text}
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table(columns), path)
    assert [row for _, _, row in read(tmp_path, path.name, path.read_bytes())] == [
        {"nano": "1970-01-01T00:00:00.000000001", "day": "<value out of range: 100000000>",
         "text": None},
        {"nano": "1970-01-01T00:00:00.000001", "day": "1970-01-02", "text": "b"},
    ]  # fmt: skip


def test_two_columns_of_one_name_are_refused_in_parquet_too(
    tmp_path: Path,
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "a.parquet"
    table = pyarrow.table([[A], [1], [2]], names=["url", "a", "a"])
    parquet.write_table(table, path)
    told = refusal(tmp_path, path.name, path.read_bytes())
    assert "several columns called a" in told


def test_a_url_in_another_encoding_is_refused_alone(tmp_path: Path) -> None:
    content = f"url,name\n{A},M\xfcller\n{B}/f\xfcr,x\n".encode("cp1252")
    (tmp_path / "a.csv").write_bytes(content)
    good, bad = rows_of(file_source(str(tmp_path / "a.csv")))
    assert (good.url, orjson.loads(good.columns)) == (A, {"name": "Müller"})
    assert (bad.number, bad.refusal) == (3, "bad_encoding")


def test_a_line_that_begins_with_a_nul_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f'url,note\n{A},"one\n\0two"\n')
    (row,) = rows_of(file_source(str(path)))
    assert orjson.loads(row.columns) == {"note": "one\n\0two"}


# -- pipes --------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="it has no named pipes")
def test_a_table_in_a_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    rows = [f"{number},https://a.example/{number}\n" for number in range(5_000)]
    content = gzip.compress(("id,url\n" + "".join(rows)).encode())
    writer = threading.Thread(target=path.write_bytes, args=[content])
    writer.start()
    source = file_source(str(path), InputSettings(input_format="csv"))
    assert source.columns == ("url", "id")
    first = next(source.tasks_ahead())
    assert first.url.href == "https://a.example/0"
    found = rows_of(source)
    writer.join(PATIENCE)
    assert [row.url for row in found] == [
        row.rstrip().partition(",")[2] for row in rows
    ]


# -- laws ---------------------------------------------------------------------------------------

NAMES = st.lists(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff"),
        min_size=1,
    ).map(str.strip).filter(lambda name: name not in ("", "url")),
    max_size=4,
    unique=True,
)  # fmt: skip


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), delimiter=st.sampled_from(",;\t|"), names=NAMES)
def test_what_is_written_is_read(
    tmp_path: Path, data: st.DataObject, delimiter: str, names: list[str]
) -> None:
    values = st.text(st.characters(exclude_categories=["Cs"]))
    rows = data.draw(st.lists(st.tuples(*[values for _ in names])))
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writerow(["url", *names])
        writer.writerow([A, *("x" for _ in names)])
        writer.writerows([A, *row] for row in rows)
    how = InputSettings(url_col="url")
    _, *found = rows_of(file_source(str(path), how))
    assert [orjson.loads(row.columns) for row in found] == [
        dict(zip(names, row, strict=True)) for row in rows
    ]


@settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.binary() | st.text().map(str.encode),
    st.sampled_from(["csv", "tsv", "jsonl", "json", "parquet"]),
)
def test_any_bytes_are_rows_or_one_clear_error(
    tmp_path: Path, content: bytes, format: str
) -> None:
    path = tmp_path / f"a.{format}"
    path.write_bytes(content)
    with suppress(UsageError):
        assert all(row.number > 0 for row in rows_of(file_source(str(path))))


# -- several lists ------------------------------------------------------------------------------


def test_a_folder_and_a_pattern_stand_for_the_lists_in_them(
    tmp_path: Path,
) -> None:
    for name in ("b.csv", "a.txt", "c.jsonl.gz", "photo.jpg", ".d.csv"):
        (tmp_path / name).write_text(table() if "csv" in name else f"{A}\n")
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(f'"{A}"'.encode()))
    (tmp_path / "inner").mkdir()

    def names_of(name: str) -> list[str]:
        found = file_sources(str(tmp_path / name))
        return [Path(each.name).name for each in found]

    assert names_of("") == ["a.txt", "b.csv", "c.jsonl.gz"]
    assert names_of("*.*s*") == ["b.csv", "c.jsonl.gz"]
    assert names_of("b.csv") == ["b.csv"]
    for name, says in (("inner", "without lists"), ("*.tsv", "no such file")):
        with pytest.raises(UsageError, match=says):
            names_of(name)


@pytest.mark.parametrize("format", [".json", ".jsonl"])
def test_an_integer_of_more_than_64_bits_is_kept_as_text(
    format: str, tmp_path: Path
) -> None:
    path = tmp_path / f"urls{format}"
    row = (
        '{"url": "https://a.example/", "id": 123456789012345678901, '
        '"least": -9223372036854775809, "most": 18446744073709551615, "x": 1e20}'
    )
    path.write_text(f"[{row}]" if format == ".json" else row)
    (found,) = file_source(str(path)).lines()
    assert isinstance(found, TableRow)
    assert orjson.loads(found.columns) == {
        "id": "123456789012345678901",
        "least": "-9223372036854775809",
        "most": 18446744073709551615,
        "x": 1e20,
    }
