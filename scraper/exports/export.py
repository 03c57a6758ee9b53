"""An export: a function of a run folder, from a snapshot of its ledger to a file that is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

import orjson

from scraper.errors import KINDS, UsageError
from scraper.exports.columns import (
    OF_RECIPES,
    ROWS,
    Column,
    KindsOfFolder,
    are_of_all_folders,
    choose_columns,
    columns_of_folder,
    list_columns,
)
from scraper.exports.delimited import write_delimited
from scraper.exports.files import (
    FAILED,
    TEXT,
    check_formats,
    check_places,
    format_of,
    is_of_own_rows,
)
from scraper.exports.flattening import (
    STATES,
    Batch,
    Records,
    Values,
    encode_lists,
    in_batches,
    select_entries,
)
from scraper.exports.item_rows import Items, split_into_items
from scraper.exports.json_files import objects_of, write_array, write_lines
from scraper.exports.kinds import kinds_of_folder, own_kinds
from scraper.exports.parquet import write_parquet
from scraper.exports.reading import RecordFile, copy_places
from scraper.exports.replacing import replacing
from scraper.exports.sqlite import write_sqlite
from scraper.storage.readers.snapshot import (
    ORDERS,
    ListColumns,
    OwnRow,
    Snapshot,
)
from scraper.storage.readers.status import owners_of

LEDGER = Path(".scraper", "ledger.sqlite")
_WRITERS = {".json": write_array, ".jsonl": write_lines}  # of objects
_URL = "url"  # what the column of the URLs is called where no table says it
_NO_TABLE = ListColumns(_URL, (), 0)
_NO_ENDS_OF_LINES = dict.fromkeys(map(ord, "\r\n"))
_Item = TypeVar("_Item")


class Choice(NamedTuple):
    """What is exported, and how."""

    fields: tuple[str, ...] = ()  # none: all
    only: str = ""  # good, done, failed; "": all
    order: str = "input"
    number: int | None = None  # of the pass; None: the last record of each URL
    csv_raw: bool = False
    rows: str = "records"  # what a row is
    known: KindsOfFolder = KindsOfFolder()  # fields that there are in any case


class Exported(NamedTuple):
    """A file that was made."""

    name: str
    rows: int
    empty: int = 0  # of these, if nothing but fields of recipes was asked for


def export(
    folder: str | PathLike[str],
    file: str | PathLike[str],
    *,
    fields: Sequence[str] = (),
    only: Literal["", "good", "done", "failed"] = "",
    order: Literal["input", "done"] = "input",
    number: int | None = None,
    csv_raw: bool = False,
    rows: Literal["records", "items"] = "records",
) -> Path:
    """Make a table of the records of a run folder, also while a run goes on. Returns its path.

        pandas.read_parquet(scraper.export("downloads/urls", "items.parquet"))

    The extension says the format: .csv .tsv .json .jsonl .parquet .sqlite; remaining.txt,
    failed.csv and the like are the rows of the list without a good outcome, as the next list.
    `fields` chooses columns and their order, `only` states (`good`: done and unchanged), `order` is
    that of the list or that in which they ended (`done`), `number` a pass. With `rows="items"` a
    row is an item of a page, not a record. The file is there as a whole or not at all. Raises
    UsageError, and LocalFault if the disk is full.
    """
    if isinstance(fields, str):
        fields = [fields]
    choice = Choice(
        tuple(fields),
        only,
        order,
        number,
        csv_raw,
        rows,
    )
    folder, path = Path(folder), Path(file)
    check_choice(choice)
    check_formats([str(path)])
    check_places([str(path)], folder, lists_of(folder))
    export_file(folder, path, choice)
    return path


def is_ledger_there(folder: Path) -> bool:
    """Has a run begun in this folder?"""
    return (folder / LEDGER).exists()


def lists_of(folder: Path) -> list[str]:
    """What identifies the lists that a folder belongs to."""
    return owners_of(folder / LEDGER) or []


def check_choice(choice: Choice) -> None:
    """Raises UsageError if something is asked for that there is not."""
    if choice.only and choice.only not in STATES:
        raise UsageError(f"only={choice.only!r}: one of {', '.join(STATES)}")
    if choice.order not in ORDERS:
        raise UsageError(f"order={choice.order!r}: one of {', '.join(ORDERS)}")
    if choice.rows not in ROWS:
        raise UsageError(f"rows={choice.rows!r}: one of {', '.join(ROWS)}")


def export_file(
    folder: Path,
    path: Path,
    choice: Choice,
) -> Exported:
    """Make one file. Raises as `export` does."""
    counter = _Counter()
    with (
        _snapshot_of(folder, choice) as snapshot,
        replacing(path) as beside,
    ):
        snapshot.copy_tables()
        if is_of_own_rows(path):
            _write_own_rows(
                snapshot,
                path,
                beside,
                counter,
            )
        else:
            _export_records(
                snapshot,
                folder,
                path,
                beside,
                choice,
                counter,
            )
    return Exported(str(path), counter.rows, counter.empty)


@contextmanager
def _snapshot_of(
    folder: Path,
    choice: Choice,
) -> Iterator[Snapshot]:
    """Raises UsageError if the folder has no such pass."""
    with Snapshot(folder / LEDGER) as snapshot:
        snapshot.copy_passes()
        passes = snapshot.passes()
        if choice.number is not None and choice.number not in passes:
            known = ", ".join(map(str, passes)) or "none"
            raise UsageError(
                f"{folder} has no pass {choice.number}; there are: {known}"
            )
        yield snapshot


class _Counter:
    """How many rows have gone by."""

    def __init__(self) -> None:
        self.rows = self.empty = 0

    def count(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """The same items."""
        for item in items:
            self.rows += 1
            yield item

    def count_empty(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches."""
        for batch in batches:
            self.empty += sum(
                all(value is None for value in row) for row in batch.rows()
            )
            yield batch


# -- records -----------------------------------------------------------------------------------


def _export_records(
    snapshot: Snapshot,
    folder: Path,
    path: Path,
    beside: Path,
    choice: Choice,
    counter: _Counter,
) -> None:
    copy_places(snapshot, folder, choice.number)
    format = format_of(path)
    is_whole = format in _WRITERS and not choice.fields
    with RecordFile(folder) as file:
        columns = [] if is_whole else _columns_of(snapshot, file, choice)
        rows = file.entries(snapshot.rows(choice.order))
        entries = select_entries(rows, choice.only, file)
        table: Records | Items
        if choice.rows == "items":
            items = counter.count(split_into_items(entries, file))
            table = Items(items, file, columns)
        else:
            table = Records(counter.count(entries), file, columns)
        if is_whole:
            _WRITERS[format](beside, table.whole())
        elif format == ".sqlite":
            write_sqlite(beside, table)
        else:
            batches = table.batches()
            if all(each.path[0] == OF_RECIPES for each in columns):
                batches = counter.count_empty(batches)
            _write_table(
                format,
                beside,
                columns,
                batches,
                raw=choice.csv_raw,
            )


def _columns_of(
    snapshot: Snapshot,
    file: RecordFile,
    choice: Choice,
) -> list[Column]:
    if choice.rows == "records" and are_of_all_folders(choice.fields):
        kinds = KindsOfFolder(own_kinds(snapshot, "place"))
    else:
        kinds = kinds_of_folder(snapshot, file, choice.known, choice.rows)
    of_folder = columns_of_folder(kinds, choice.rows)
    return choose_columns(of_folder, choice.fields, choice.rows)


def _write_table(
    format: str,
    path: Path,
    columns: Sequence[Column],
    batches: Iterable[Batch],
    *,
    raw: bool,
) -> None:
    if format in _WRITERS:
        _WRITERS[format](path, objects_of(columns, batches))
    elif format == ".parquet":
        write_parquet(path, columns, batches)
    else:
        delimiter = "\t" if format == ".tsv" else ","
        write_delimited(
            path,
            columns,
            batches,
            delimiter=delimiter,
            raw=raw,
        )


# -- rows of the lists -------------------------------------------------------------------------


def _write_own_rows(
    snapshot: Snapshot,
    path: Path,
    beside: Path,
    counter: _Counter,
) -> None:
    """The next list: rows as they were in the last one, so that nothing is guarded."""
    snapshot.copy_own_rows()
    wanted = _failed if path.stem.lower() == FAILED else None
    found = counter.count(filter(wanted, snapshot.own_rows()))
    if format_of(path) == TEXT:
        _write_urls(beside, found)
        return
    columns = _columns_of_list(snapshot)
    rows = (_row_of(each, columns) for each in found)
    _write_table(
        format_of(path),
        beside,
        columns,
        in_batches(rows),
        raw=True,
    )


def _failed(row: OwnRow) -> bool:
    kind = row.error_kind
    return kind is not None and KINDS[kind].branch != "rule"


def _columns_of_list(snapshot: Snapshot) -> list[Column]:
    """Those of the first table, as they stand there, and what other ones have besides."""
    kinds = own_kinds(snapshot, "own")
    table = next(iter(snapshot.tables()), _NO_TABLE)
    columns = list_columns(kinds, table.url)
    columns.insert(table.url_place, Column(table.url, (_URL,), "text"))
    return columns


def _row_of(
    row: OwnRow,
    columns: Iterable[Column],
) -> Values:
    own = {} if row.columns is None else orjson.loads(row.columns)
    return [
        encode_lists(own.get(each.path[1])) if each.is_own else row.url
        for each in columns
    ]


def _write_urls(
    path: Path,
    rows: Iterable[OwnRow],
) -> None:
    """A row that was misread may hold ends of lines; no URL does."""
    texts = (each.url.translate(_NO_ENDS_OF_LINES) for each in rows)
    write_lines(path, map(str.encode, texts))
