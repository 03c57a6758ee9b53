"""Which format a list has, and how it is opened."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

from scraper.config import InputSettings
from scraper.sources.forms import LINES_EXAMINED, format_of
from scraper.sources.maps.markup import HEAD_BYTES
from scraper.sources.maps.open_map import open_map
from scraper.sources.maps.vocabulary import (
    FORMATS as MAPS,
)
from scraper.sources.maps.vocabulary import (
    format_in,
    is_plain_text,
)
from scraper.sources.packed import stem_of
from scraper.sources.tables import OpenFile, Table, open_table
from scraper.sources.text import read_lines

EXTENSIONS: Final = {
    ".txt": "lines",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
}


def format_of_list(
    path: Path,
    open_file: OpenFile,
    wanted: str,
) -> str:
    """The one that is wanted; else by the first element, by the extension, by the first lines."""
    if wanted not in ("", "sitemap"):
        return wanted
    with open_file() as file:
        head = file.read(HEAD_BYTES)
    if wanted:
        return "lines" if is_plain_text(head) else wanted
    if found := format_in(head):
        return found
    extension = stem_of(path).suffix.lower()
    if extension in EXTENSIONS:
        return EXTENSIONS[extension]
    with open_file() as file:
        if file.peek(4).startswith(b"PAR1"):
            return "parquet"
        found = format_of(itertools.islice(read_lines(file), LINES_EXAMINED))
    return found or "lines"


def open_rows(
    open_file: OpenFile,
    format: str,
    name: str,
    how: InputSettings,
    base: str = "",
) -> Table:
    """The table that a list of this format is. Raises UsageError if it is none."""
    if format in MAPS:
        return open_map(
            open_file,
            format,
            name,
            how,
            base,
        )
    return open_table(
        open_file,
        format,
        name,
        how,
    )
