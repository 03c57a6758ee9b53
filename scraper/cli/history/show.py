"""`python -m scraper show`: the story of one URL over the passes, its record and its files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from scraper.cli.status import add_folder, find_folder
from scraper.cli.terminal import answer
from scraper.errors import UsageError
from scraper.record import key_of_record
from scraper.redaction import redacted
from scraper.reports.diffs import shorten
from scraper.reports.history import (
    CHANGES,
    changes_in,
    records_of,
    urls_in,
)
from scraper.text import counted, printable, printable_json
from scraper.urls import BadUrl, canonical

MAX_SHOWN = 5  # of a list in the record
MAX_SUGGESTED = 3  # URLs
_Record = Mapping[str, Any]


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Print what each pass has brought, the files, and the last record."""
    options = _build_parser(parser_class).parse_args(arguments)
    folder = find_folder(options.folder)
    try:
        url = canonical(options.url)
    except BadUrl as error:
        raise UsageError(
            f"{redacted(options.url)} is no URL: {error}"
            f"{_suggestions(folder, options.url, options.url)}"
        ) from error
    key = key_of_record(url.href)
    records = records_of(folder, key)
    if not records:
        raise UsageError(
            f"{folder} has no record of {redacted(url.href)}"
            f"{_suggestions(folder, options.url, redacted(url.href))}"
        )
    changes = _changes_of(folder, key)
    if options.json:
        answer(_as_json(folder, records, changes))
    else:
        answer("\n".join(map(printable, _lines(folder, records, changes))))
    return 0


def _build_parser(
    parser_class: type[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = parser_class(
        prog="scraper show",
        description="What each pass has brought of a URL, its last record, and where its files "
        "are; nothing is written.",
    )
    add_folder(parser, json="all of it as one JSON object")
    parser.add_argument("url", help="the URL, as it stands in the list")
    return parser


def _suggestions(folder: Path, given: str, url: str) -> str:
    """URLs that it does know: those with what was given in them first, then the nearest."""
    from difflib import get_close_matches

    known = dict.fromkeys(urls_in(folder))
    holding = [each for each in known if given in each]
    near = holding[:MAX_SUGGESTED] or get_close_matches(
        url,
        known,
        MAX_SUGGESTED,
    )
    return f"; did you mean {', or '.join(near)}?" if near else ""


def _changes_of(folder: Path, key: str) -> dict[int, _Record]:
    """By pass; a folder of before has none."""
    if not (folder / CHANGES).exists():
        return {}
    mark = f"{key}-"
    every = changes_in(folder, lambda _, __: True)
    return {
        each["pass"]: each for _, each in every if each["id"].startswith(mark)
    }


def _files_of(folder: Path, record: _Record) -> list[Path]:
    """Of the body first, then the pictures made of it."""
    paths = [record.get("path")]
    paths += [each["path"] for each in record.get("processed", ())]
    return [folder / path for path in paths if path]


def _as_json(
    folder: Path, records: Sequence[_Record], changes: Mapping[int, _Record]
) -> str:
    last = _last_with_file(records)
    shown = {
        "url": records[-1]["canonical_url"],
        "files": [str(path) for path in _files_of(folder, last)],
        "changes": list(changes.values()),
        "record": records[-1],
        "passes": [_row_of(each) for each in records],
    }
    indented = orjson.dumps(shown, option=orjson.OPT_INDENT_2)
    return printable_json(indented).decode()


def _last_with_file(records: Sequence[_Record]) -> _Record:
    """What is kept is of the last good answer."""
    return next(
        (each for each in reversed(records) if each.get("path")),
        records[-1],
    )


def _row_of(record: _Record) -> dict[str, Any]:
    names = (
        "pass",
        "fetched_at",
        "state",
        "status",
        "error_kind",
        "bytes",
        "sha256",
    )
    return {name: record.get(name) for name in names}


def _lines(
    folder: Path, records: Sequence[_Record], changes: Mapping[int, _Record]
) -> Iterator[str]:
    last = records[-1]
    yield str(last["canonical_url"] or last["url"])
    for path in _files_of(folder, _last_with_file(records)):
        is_there = "" if path.exists() else "  (not there any more)"
        yield f"  {path}{is_there}"
    yield ""
    rows = {each["pass"]: _row_text(each) for each in records}
    for number in sorted(rows.keys() | changes.keys()):
        change = changes.get(number)
        word = f"  {change['change']}" if change else ""
        row = rows.get(number, f"{change['at'][:16] if change else '':16}  -")
        yield f"  pass {number:<4} {row}{word}"
    yield ""
    for name, value in last.items():
        yield f"  {name}: {_value_text(value)}"


def _row_text(record: _Record) -> str:
    at = (record["fetched_at"] or "")[:16]
    size = f"{record['bytes']:,} bytes" if record.get("bytes") else ""
    status = record.get("status") or "-"
    why = record.get("error_kind") or ""
    return f"{at:16}  {record['state']:9}  {status!s:3}  {why or size}".rstrip()


def _value_text(value: Any) -> str:
    """On one line; the record as a whole is what --json prints."""
    if isinstance(value, str):
        return shorten(value.replace("\n", " | "))
    if isinstance(value, list) and len(value) > MAX_SHOWN:
        more = counted(len(value) - MAX_SHOWN, "more value")
        return f"{_value_text(value[:MAX_SHOWN])} and {more}"
    return shorten(orjson.dumps(value).decode())
