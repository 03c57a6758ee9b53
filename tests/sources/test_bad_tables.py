"""Tables as they should not be: each is one clear error, or failures that name their rows."""

from __future__ import annotations

import csv
import gzip
import io
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.config import InputSettings
from scraper.errors import UsageError
from scraper.model import Line
from scraper.sources.rows import CellReader, Misread, text_lines
from scraper.sources.source import file_source
from scraper.sources.text import MAX_LINE_BYTES, parse_line, read_lines

A = "http://a.example/"


def lines_of(path: Path, **settings: Any) -> list[Line]:
    source = file_source(str(path), InputSettings(**settings))
    found = [parse_line(raw, 1, n) for n, raw in enumerate(source.lines(), 1)]
    return [line for line in found if line is not None]


def seen(lines: list[Line]) -> list[tuple[Any, ...]]:
    return [(line.line, line.url.href, line.refusal) for line in lines]


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def test_a_second_header_is_a_failed_row_of_a_table_that_goes_on(
    tmp_path: Path,
) -> None:
    text = "url,id\nURL,No\n" + "".join(f"{A}{n},{n}\n" for n in range(10))
    path = written(tmp_path, "two.csv", text.encode())
    first, *others = lines_of(path)
    assert (first.line, first.url.href, first.refusal) == (2, "URL", "bad_url")
    assert first.columns == '{"id":"No"}'
    assert seen(others) == [(n + 3, f"{A}{n}", None) for n in range(10)]


def test_a_title_above_the_header_is_one_error(tmp_path: Path) -> None:
    text = f"Products,,\nurl,id,size\n{A},1,2\n"
    path = written(tmp_path, "title.csv", text.encode())
    with pytest.raises(UsageError, match=r"title\.csv .*its columns: Products"):
        lines_of(path)


def test_a_column_called_url_that_holds_numbers_is_not_believed(
    tmp_path: Path,
) -> None:
    text = f"url,link\n1,{A}\n2,{A}b\n"
    path = written(tmp_path, "numbers.csv", text.encode())
    assert seen(lines_of(path)) == [(2, A, None), (3, f"{A}b", None)]
    assert seen(lines_of(path, url_col="url")) == [
        (2, "1", "bad_url"),
        (3, "2", "bad_url"),
    ]
    alone = written(tmp_path, "alone.csv", b"url,id\n1,2\n3,4\n")
    with pytest.raises(
        UsageError, match=r"no column of it holds URLs \(it has"
    ):
        lines_of(alone)


def test_encodings_may_change_from_row_to_row(tmp_path: Path) -> None:
    rows = [
        b"url,name",
        f"{A}1,Zo\xeb".encode(),
        f"{A}2,Zo\xeb".encode("cp1252"),
    ]
    rows += [f"{A}\xeb,x".encode("cp1252"), f"{A}\xeb,y".encode()]
    path = written(tmp_path, "mixed.csv", b"\n".join(rows))
    found = lines_of(path)
    assert [line.refusal for line in found] == [
        None,
        None,
        "bad_encoding",
        None,
    ]
    assert [line.line for line in found] == [2, 3, 4, 5]
    assert [line.columns for line in found[:2]] == ['{"name":"Zo\xeb"}'] * 2


CELLS = st.text('a"\n, \xe4', max_size=30)


@given(
    st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=8),
    st.sampled_from(["utf-8", "utf-16"]),
)
def test_a_row_that_is_too_long_costs_no_other_one(
    rows: list[tuple[str, str, str]], encoding: str
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    expected: list[object] = []
    for row in rows:
        start = text.tell()
        writer.writerow(row)
        lines = text.getvalue()[start:].encode().splitlines(keepends=True)
        is_long = max(map(len, lines)) > 40
        expected.append("row_too_long" if is_long else [*row])
    file = io.BufferedReader(io.BytesIO(text.getvalue().encode(encoding)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scraper.sources.rows.MAX_LINE_CHARS", 40)
        patch.setattr("scraper.sources.rows._SHOWN", 7)
        found = [*CellReader(text_lines(file), ",", "a.csv").rows()]
    assert [number for number, _ in found] == [*range(1, len(rows) + 1)]
    assert [
        each.kind if isinstance(each, Misread) else each for _, each in found
    ] == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_cell_that_is_too_long_is_a_failed_row(
    quote: str, encoding: str, tmp_path: Path
) -> None:
    cells = ["one", "x" * 10_000_000, "three"]
    rows = [f"{A}{n},{quote}{each}{quote}" for n, each in enumerate(cells)]
    content = "\n".join(["url,text", *rows]).encode(encoding)
    first, long, last = lines_of(written(tmp_path, "long.csv", content))
    assert [first.columns, last.columns] == ['{"text":"one"}', '{"text":"three"}']  # fmt: skip
    assert (long.line, long.refusal) == (3, "row_too_long")
    assert long.url.href.startswith(f"{A}1,{quote}xxx")
    assert len(long.url.href) < 3_000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_so_is_a_line_of_json_that_is_too_long(
    encoding: str, tmp_path: Path
) -> None:
    texts = ["one", "x" * 10_000_000, "three"]
    rows = [f'{{"url":"{A}{n}","t":"{t}"}}' for n, t in enumerate(texts)]
    content = "\n".join(rows).encode(encoding)
    found = lines_of(written(tmp_path, "long.jsonl", content))
    assert [(each.line, each.refusal) for each in found] == [
        (1, None),
        (2, "row_too_long"),
        (3, None),
    ]


def test_no_header_can_be_too_long(tmp_path: Path) -> None:
    content = f"url,{'x' * 10_000_000}\n{A},1\n".encode()
    with pytest.raises(UsageError, match="row 1: a line of more than 10 MB"):
        lines_of(written(tmp_path, "header.csv", content))


@pytest.mark.parametrize("kept", [0.5, 0.999])
def test_parquet_that_is_cut_off_is_one_error(
    tmp_path: Path, kept: float
) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    urls = [f"{A}{number}" for number in range(10_000)]
    parquet.write_table(pyarrow.table({"url": urls}), file)
    whole = file.getvalue()
    path = written(tmp_path, "cut.parquet", whole[: int(len(whole) * kept)])
    with pytest.raises(
        UsageError, match=r"cut\.parquet cannot be read as Parquet"
    ):
        lines_of(path)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=9)),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(min_value=1, max_value=7),
)
def test_a_list_in_utf_16_has_the_lines_of_its_text(
    lines: list[str], newline: str, size: int
) -> None:
    text = newline.join(["https://a.example/", *lines])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scraper.sources.text._PIECE_BYTES", size)
        found = [*read_lines(io.BytesIO(text.encode("utf-16")))]
    assert found == [*io.StringIO(text, newline=None)]


def test_a_bomb_in_utf_16_is_never_held_in_memory(tmp_path: Path) -> None:
    whole = f"{A}\n".encode("utf-16") + "x".encode("utf-16-le") * 2**25
    path = written(tmp_path, "bomb.txt.gz", gzip.compress(whole, 1))
    tracemalloc.start()
    try:
        assert len([*file_source(str(path)).lines()]) == 2
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**22


@pytest.mark.parametrize("name", ["bomb.txt.gz", "bomb.csv.gz"])
def test_a_gzip_bomb_is_never_held_in_memory(tmp_path: Path, name: str) -> None:
    """One line of 64 MB, of which a plain list keeps the beginning, and a table none."""
    path = written(tmp_path, name, gzip.compress(bytes(2**26), 1))
    tracemalloc.start()
    try:
        if name == "bomb.txt.gz":
            (raw,) = file_source(str(path)).lines()
            assert isinstance(raw, bytes)
            assert len(raw) <= MAX_LINE_BYTES
        else:
            with pytest.raises(UsageError, match="row 1: a line of more than"):
                file_source(str(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < (2**22 if name == "bomb.txt.gz" else 2**27)
