"""Removes from a run folder what is needed no more: files of URLs that have long been gone, and
files that only earlier records name. What is recorded stays.

The ledger forgets a file before it is removed, and promises to remove it: whatever a kill leaves,
the next run or the next `prune` finishes. Ours is a file only if a record names it and it has the
bytes that this record says; no other is touched.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from io import BufferedReader
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from scraper.errors import UsageError
from scraper.machine.files import Folder, open_folder, opening
from scraper.model import Publication
from scraper.record import decode
from scraper.run_folder.owners import RECORDS
from scraper.run_folder.verification import LEDGER, paths_in, refuse_running
from scraper.storage.faults import local_errors
from scraper.storage.file_names import variants_of
from scraper.storage.ledger import Ledger
from scraper.storage.readers.inventory import (
    Inventory,
    KnownFiles,
    StoredBody,
    look_into,
)
from scraper.storage.readers.reading import is_missing
from scraper.storage.sets.bitmap import Bitmap
from scraper.storage.store import Store
from scraper.storage.upkeep.gone import GoneUrl, forget_files
from scraper.storage.upkeep.passes import forget_passes
from scraper.storage.upkeep.vacuum import vacuum

_AT_ONCE = 500
_Remove = Callable[[Sequence[GoneUrl], Sequence[str]], None]


class Pruned(Struct):
    """What was removed; of a dry run, what would be."""

    urls: int = 0  # that are gone, and had a body
    files: int = 0  # of theirs
    leftovers: int = 0  # files that earlier records alone name
    bytes: int = 0  # of all these files, that the disk has back
    unknown: int = 0  # files that no record names: they stay
    passes: int = 0
    ledger_bytes: int = 0
    problem: str | None = None  # why these were not given back


def prune(
    folder: Path,
    before: float,
    *,
    dry_run: bool = False,
) -> Pruned:
    """Remove what has been gone since `before`, in unix time, or longer.

    Raises InUse if a run holds the folder, UsageError if it cannot be used; LocalFault when this
    machine cannot go on (disk full): then some is removed, and the rest is whole.
    """
    ledger = folder / LEDGER
    if is_missing(ledger):
        raise UsageError(
            f"no ledger in {folder}: since when URLs are gone is known there alone"
        )
    if dry_run:
        return _look(
            folder,
            ledger,
            before,
        )
    with local_errors(folder), ExitStack() as resources:
        store = Store(folder)
        resources.callback(store.close)
        store.open()
        pruned = _prune(
            store,
            ledger,
            before,
        )
        vacuumed = vacuum(ledger)
        pruned.ledger_bytes = vacuumed.bytes
        pruned.problem = vacuumed.problem
        return pruned


def _look(
    folder: Path,
    ledger: Path,
    before: float,
) -> Pruned:
    """What would be removed. Nothing is written."""
    refuse_running(folder)

    def look(known: KnownFiles) -> Pruned:
        with open_folder(folder) as root:
            pruned = _remove_files(
                root,
                known,
                before,
                lambda *_: None,
            )
        pruned.passes = len(known.old_passes(before))
        pruned.ledger_bytes = known.free_bytes()
        return pruned

    with opening(f"folder {folder}"):
        return look_into(ledger, look)


def _prune(
    store: Store,
    path: Path,
    before: float,
) -> Pruned:
    # durable: a file may not be gone from the disk before the commit that forgets it is there
    with closing(Ledger(path, durable=True)) as ledger:
        store.recover(ledger.unpublished())
        ledger.mark_published()
        ledger.commit()

        def remove(
            urls: Sequence[GoneUrl],
            paths: Sequence[str],
        ) -> None:
            files = [Publication(None, path) for path in paths]
            forget_files(ledger.connection, [each.id for each in urls])
            ledger.commit(files)
            store.publish(files)

        known = KnownFiles(ledger.connection)
        pruned = _remove_files(
            store.root,
            known,
            before,
            remove,
        )
        passes = known.old_passes(before)
        forget_passes(ledger.connection, passes)
        pruned.passes = len(passes)
        ledger.commit()
    return pruned


def _remove_files(
    root: Folder, known: KnownFiles, before: float, remove: _Remove
) -> Pruned:
    with ExitStack() as opened:
        records = opened.enter_context(root.open_reader(RECORDS))
        files = _Files(
            root,
            records,
            known,
        )
        opened.callback(files.close)
        files.note(before)
        weights = _Weights(root)
        pruned = Pruned()
        for urls in _some(known.gone(before)):
            paths = files.of_gone(urls)
            pruned.urls += len(urls)
            pruned.files += len(paths)
            pruned.bytes += weights.freed_by(paths)
            remove(urls, paths)
        for paths in files.leftovers(pruned):
            pruned.leftovers += len(paths)
            pruned.bytes += weights.freed_by(paths)
            remove((), paths)
        return pruned


def _some(slices: Iterator[list[GoneUrl]]) -> Iterator[list[GoneUrl]]:
    """So many at once that each commit is a small one: the disk may be all but full."""
    for urls in slices:
        for start in range(
            0,
            len(urls),
            _AT_ONCE,
        ):
            yield urls[start : start + _AT_ONCE]


class _Files:
    """The files of a folder: those that last records of living URLs name, and all others."""

    def __init__(
        self, root: Folder, records: BufferedReader, known: KnownFiles
    ) -> None:
        self._root = root
        self._records = records
        self._known = known
        self._variants = known.variants()
        self._living = Inventory()
        self._gone = Inventory()

    def close(self) -> None:
        """Forget all of it."""
        self._living.close()
        self._gone.close()

    def note(
        self,
        before: float,
    ) -> None:
        """Learn what each URL has, those apart that were gone `before`."""
        gone = Bitmap()
        for urls in self._known.gone(before):
            for each in urls:
                gone.add(each.id)
                self._gone.add(self._names_of(each.path))
        for body in self._known.bodies():
            if body.id not in gone:
                self._living.add(self._named_by(body))
        self._living.add(each.path for each in self._known.promised())

    def of_gone(
        self,
        urls: Sequence[GoneUrl],
    ) -> list[str]:
        """Their files, as far as they are there, and not those of another."""
        names = [name for each in urls for name in self._names_of(each.path)]
        return list(filter(self._root.has_file, self._living.unknown(names)))

    def leftovers(
        self,
        pruned: Pruned,
    ) -> Iterator[list[str]]:
        """Files of ours that no last record names, some at a time; what is not ours is counted."""
        strays = list(self._strays())
        written = _files_in(self._records, set(strays)) if strays else {}
        ours = [path for path in strays if self._is_one_of(path, written)]
        pruned.unknown = len(strays) - len(ours)
        for start in range(
            0,
            len(ours),
            _AT_ONCE,
        ):
            yield ours[start : start + _AT_ONCE]

    def _strays(self) -> Iterator[str]:
        paths = paths_in(self._root)
        while some := list(itertools.islice(paths, _AT_ONCE)):
            unnamed = self._living.unknown(some)
            yield from self._gone.unknown(unnamed)

    def _is_one_of(
        self, path: str, written: Mapping[str, frozenset[str]]
    ) -> bool:
        """Has it the bytes that a record says of a file at this path?"""
        if path not in written or not self._root.has_file(path):
            return False
        with self._root.open_reader(path) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        return found in written[path]

    def _named_by(
        self,
        body: StoredBody,
    ) -> tuple[str, ...]:
        """What a living URL has: its body, and the variants that its record names. What came before
        a later failure stays, and so does all that may be its own."""
        record = self._record_of(body)
        if record.get("path") is None:
            return self._names_of(body.path)
        made = (each["path"] for each in record.get("processed", ()))
        return body.path, *made

    def _record_of(
        self,
        body: StoredBody,
    ) -> Mapping[str, Any]:
        if body.offset is None:
            return {}
        self._records.seek(body.offset)
        try:
            return decode(self._records.readline(), body.url)
        except ValueError:
            return {}  # edited: `verify` says so

    def _names_of(
        self,
        path: str,
    ) -> tuple[str, ...]:
        return path, *variants_of(path, self._variants)


def _files_in(
    records: BufferedReader, paths: set[str]
) -> dict[str, frozenset[str]]:
    """Of those of these paths that a record has ever named, the hashes that were said of them."""
    found: dict[str, frozenset[str]] = {}
    records.seek(0)
    for line in records:
        try:
            record = orjson.loads(line)
        except ValueError:
            continue  # edited, or not whole yet
        for file in (record, *record.get("processed", ())):
            path, sha256 = file.get("path"), file.get("sha256")
            if path in paths and sha256 is not None:
                found[path] = found.get(path, frozenset()) | {sha256}
    return found


class _Weights:
    """What the disk has back: of a file with several names only when its last one goes."""

    def __init__(
        self,
        root: Folder,
    ) -> None:
        self._root = root
        self._left: dict[tuple[int, int], int] = {}  # names of each

    def freed_by(
        self,
        paths: Sequence[str],
    ) -> int:
        """How many bytes these files give back."""
        return sum(map(self._weigh, paths))

    def _weigh(
        self,
        path: str,
    ) -> int:
        found = self._root.stat_entry(path)
        if found is None:
            return 0  # removed by another program
        file = found.st_dev, found.st_ino
        if found.st_nlink > 1 or file in self._left:
            self._left[file] = self._left.get(file, found.st_nlink) - 1
            if self._left[file]:
                return 0
        return found.st_size
