"""Whether the files of a run folder are what its records say, and whether anything else is there.

Nothing is written, so that an archive on a read-only disk can be looked at. What a killed run has
promised and not renamed yet counts as published: the next run does that first.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

from scraper.errors import InUse
from scraper.machine.files import Folder, NotPlain, open_folder, opening
from scraper.model import Publication
from scraper.record import decode
from scraper.redaction import redacted
from scraper.run_folder.owners import RECORDS
from scraper.storage.file_names import FOLDERS, variants_of
from scraper.storage.lock import holder_of
from scraper.storage.readers.inventory import (
    Fault,
    Inventory,
    KnownFiles,
    StoredBody,
    look_into,
)
from scraper.urls import FILE_BEGINNING, file_path_of

_AT_ONCE = 500
_AS_A_WHOLE = 2**20  # bytes; file_digest fills 256 kB with zeros first
_PARTS = ".scraper/parts"
LEDGER = Path(".scraper", "ledger.sqlite")


class Verified(NamedTuple):
    """How many files were compared, with how many bytes, and how many faults there are."""

    files: int
    bytes: int
    faults: int


class _Expected(NamedTuple):
    """What should lie at a path; what is None is not known."""

    path: str
    bytes: int | None
    sha256: str | None
    is_required: bool = True
    own: str | None = None  # of a file of this machine: the path, byte for byte


def verify(
    folder: Path,
    tell_fault: Callable[[Fault], None],
) -> Verified:
    """Compare each file with the record that names it, and look for what none names.

    Raises InUse if a run holds the folder, UsageError if its ledger or records cannot be read.
    """
    refuse_running(folder)
    with ExitStack() as resources, opening(f"folder {folder}"):
        root = resources.enter_context(open_folder(folder))
        records = resources.enter_context(root.open_reader(RECORDS))

        def look(known: KnownFiles) -> _Verification:
            found = _Verification(
                root, records, known.promised(), known.variants()
            )
            resources.callback(found.inventory.close)
            found.compare_all(known.bodies())
            return found

        found = look_into(folder / LEDGER, look)
        found.find_strays()
        refuse_running(folder)
        for fault in found.inventory.faults():
            tell_fault(fault)
        return Verified(
            found.files, found.bytes, found.inventory.count_faults()
        )


def refuse_running(folder: Path) -> None:
    """Raises InUse if a run holds the folder."""
    holder = holder_of(folder)
    if holder is not None:
        raise InUse(
            f"{folder} is in use by a run (process {holder}), which changes what lies there: "
            "look again when that has ended"
        )


class _Verification:
    """One look at all files of a folder."""

    def __init__(
        self,
        root: Folder,
        records: BufferedReader,
        promised: list[Publication],
        variants: tuple[str, ...],
    ) -> None:
        self.inventory = Inventory()
        self.files = self.bytes = 0
        self._root = root
        self._records = records
        self._variants = variants
        self._parts = _parts_in(root, promised)
        # what the next run removes is no stray
        self.inventory.add(each.path for each in promised)

    # -- what the records name ----------------------------------------------------------------

    def compare_all(
        self,
        bodies: Iterator[StoredBody],
    ) -> None:
        """The files of each URL."""
        for body in bodies:
            for expected in self._expected_of(body):
                self._compare(expected, redacted(body.url))

    def _expected_of(
        self,
        body: StoredBody,
    ) -> Iterator[_Expected]:
        record = self._record_of(body)
        if record.get("path") is None:
            # What came before a later failure stays, and of that record nothing is known here.
            self.inventory.add(variants_of(body.path, self._variants))
            yield _Expected(
                body.path,
                None,
                body.sha256,
                is_required=False,
            )
            return
        is_own = body.url.startswith(FILE_BEGINNING)
        own = file_path_of(body.url) if is_own else None
        for named in (record, *record.get("processed", ())):
            yield _Expected(
                named["path"],
                named.get("bytes"),
                named["sha256"],
                own=own if named is record else None,
            )

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
            self._report(
                "record",
                RECORDS,
                redacted(body.url),
                f"its record is not at byte {body.offset:,} any more",
            )
            return {}

    def _compare(
        self,
        expected: _Expected,
        url: str,
    ) -> None:
        path = expected.path
        self.inventory.add([path])
        place = expected.own or self._parts.get(path, path)
        try:
            with self._root.open_reader(place) as file:
                fault = self._difference(file, expected)
        except FileNotFoundError:
            fault = ("missing", "") if expected.is_required else None
        except NotPlain as error:
            fault = "missing", str(error)
        except OSError as error:
            fault = "unreadable", error.strerror or str(error)
        if fault is not None:
            self._report(
                fault[0],
                path,
                url,
                fault[1],
            )

    def _difference(
        self, file: BufferedReader, expected: _Expected
    ) -> tuple[str, str] | None:
        size = os.fstat(file.fileno()).st_size
        self.files += 1
        self.bytes += size
        if expected.bytes not in (None, size):
            return "size", f"{size:,} bytes, not {expected.bytes:,}"
        sha256 = _sha256_of(file, size)
        if expected.sha256 not in (None, sha256):
            return "sha256", f"{sha256}, not {expected.sha256}"
        return None

    # -- what none names ----------------------------------------------------------------------

    def find_strays(self) -> None:
        """What else lies in the folders."""
        paths = paths_in(self._root)
        while some := list(itertools.islice(paths, _AT_ONCE)):
            for path in self.inventory.unknown(some):
                self._report(
                    "stray",
                    path,
                    None,
                    "",
                )

    def _report(
        self, fault: str, path: str, url: str | None, message: str
    ) -> None:
        self.inventory.report(
            Fault(
                fault,
                path,
                url,
                message,
            )
        )


def _sha256_of(
    file: BufferedReader,
    size: int,
) -> str:
    if size <= _AS_A_WHOLE:
        return hashlib.sha256(file.read()).hexdigest()
    return hashlib.file_digest(file, "sha256").hexdigest()


def paths_in(root: Folder) -> Iterator[str]:
    """The files that lie in the folders of bodies and pictures, ours or not."""
    for name in (*FOLDERS.values(), "processed"):
        try:
            folder = root.open_below(name)
        except FileNotFoundError:
            continue  # nothing of that kind was kept
        with folder:
            yield from _paths_below(folder, name)


def _paths_below(
    folder: Folder,
    path: str,
) -> Iterator[str]:
    for name, is_folder in folder.entries():
        inner = f"{path}/{name}"
        if is_folder:
            with folder.open_below(name) as below:
                yield from _paths_below(below, inner)
        else:
            yield inner


def _parts_in(
    root: Folder,
    promised: list[Publication],
) -> dict[str, str]:
    """By the path that it will have, the part that a killed run has left."""
    try:
        with root.open_below(_PARTS) as folder:
            left = folder.folder_names()
    except FileNotFoundError:
        return {}
    places = (
        (each.path, f"{_PARTS}/{name}/{each.part}")
        for each in promised
        for name in left
        if each.part is not None
    )
    return {path: place for path, place in places if root.has_file(place)}
