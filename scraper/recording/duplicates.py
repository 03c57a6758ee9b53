"""Which bodies the folder has already, and how their bytes are stored once.

The part of a body that came again becomes a hard link to the file that has its bytes, before
anything is recorded: from then on it is a part like any other, published by a rename. No file is
ever written to once it has its name, so that what replaces one leaves the other as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from io import BufferedReader
from typing import NamedTuple

from msgspec import Struct, field

from scraper.config.settings import OutputSettings
from scraper.machine.files import Folder
from scraper.model import Fetched, Publication, Task
from scraper.storage.file_names import processed_prefix
from scraper.storage.store import Store
from scraper.storage.tables.bodies import BodyTable, KnownBody

_PIECE_BYTES = 2**20
# Comparing holds up the loop, for 0.1 s or so: 256 MB, if the disk need not be waited for.
MAX_COMPARED_BYTES = 256_000_000
MAX_COMPARED = 1_024  # files that are remembered
Files = tuple[Publication, ...]


class Shared(NamedTuple):
    """The files of a body that are still to be published; if another URL has brought its bytes
    before, that URL, and how many bytes need not be stored again."""

    files: Files
    duplicate_of: str | None = None
    saved: int | None = None


class _Original(NamedTuple):
    """The first URL that has these bytes, and those of its files that are parts yet."""

    sha256: str
    body: KnownBody
    parts: Mapping[str, str]  # by path

    def path_for(self, path: str, place: str) -> str:
        """Where it has what stands at `path` of a body that stands at `place`."""
        if path == place:
            return self.body.path
        ending = path.removeprefix(processed_prefix(place))
        return processed_prefix(self.body.path) + ending


class _Twin(NamedTuple):
    """A file that holds the same bytes as a part, or should, if it is large; both as they were
    found."""

    folder: Folder
    path: str
    found: os.stat_result
    part: os.stat_result


class Duplicates(Struct):
    """Looks at each body that is to be published."""

    store: Store
    bodies: BodyTable
    links: bool = True  # else each has a copy of its own
    dated: bool = False  # the time of a file is that of its URL
    # Since the last commit: by sha256 the first URLs, by row what those have now that had something
    # else.
    _originals: dict[str, _Original] = field(default_factory=dict)
    _changed: dict[int, str | None] = field(default_factory=dict)
    # By sha256, files that were compared in this run, as they were then.
    _compared: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def share(self, fetched: Fetched, files: Files) -> Shared:
        """A new body, the first of these files, is kept with what was made of it."""
        task, sha256 = fetched.task, fetched.sha256
        assert sha256 is not None, "it was hashed on its way to the disk"
        if task.stored is not None:
            self._changed[task.id] = sha256
        original = self._find(sha256)
        twins = self._twins_of(files, files[0].path, original)
        if original is None or twins[0] is None:
            self._keep(task, sha256, files)
            return Shared(files)
        self._remember(sha256, twins[0])
        left, saved = self._link(files, twins)
        if original.body.id == task.id:
            self._note_parts(original, left)
            return Shared(left)
        return Shared(left, original.body.url, saved)

    def share_variants(
        self, fetched: Fetched, place: str, files: Files
    ) -> Files:
        """These were made of a body that has stood at `place` before."""
        original = self._find(fetched.sha256) if fetched.sha256 else None
        twins = self._twins_of(files, place, original)
        left, _ = self._link(files, twins)
        if original is not None and original.body.id == fetched.task.id:
            self._note_parts(original, left)
        return left

    def forget(self, task: Task) -> None:
        """Of this URL nothing is kept any more."""
        self._changed[task.id] = None

    def commit(self) -> None:
        """The ledger knows all of it, and files have their names."""
        self._originals.clear()
        self._changed.clear()

    # -- the first one ------------------------------------------------------------------------

    def _find(self, sha256: str) -> _Original | None:
        original = self._originals.get(sha256)
        if original is None:
            body = self.bodies.find(sha256)
            if body is None:
                return None
            original = _Original(sha256, body, {})
        if self._changed.get(original.body.id, sha256) != sha256:
            return None
        self._originals[sha256] = original
        return original

    def _keep(self, task: Task, sha256: str, files: Files) -> None:
        body = KnownBody(task.id, task.origin_url.href, files[0].path)
        self._note_parts(_Original(sha256, body, {}), files)
        self.bodies.keep(sha256, task.id)

    def _note_parts(self, original: _Original, files: Files) -> None:
        """What is made of it now is where others that have its bytes find it."""
        parts = {each.path: each.part for each in files if each.part}
        self._originals[original.sha256] = original._replace(parts=parts)

    # -- its files ----------------------------------------------------------------------------

    def _twins_of(
        self, files: Files, place: str, original: _Original | None
    ) -> list[_Twin | None]:
        """Of each of these what the first one has of it; none that was changed meanwhile."""
        if original is None:
            return [None] * len(files)
        return [self._twin_of(each, place, original) for each in files]

    def _twin_of(
        self, file: Publication, place: str, original: _Original
    ) -> _Twin | None:
        if file.part is None:
            return None
        parts = self.store.own_parts
        folder = self.store.root
        path = original.path_for(file.path, place)
        if path in original.parts:
            folder = parts
            path = original.parts[path]
        # gone, or something else lies there: there is no such file
        with suppress(OSError), ExitStack() as opened:
            if file.path == place:
                twin = self._known_twin(original, folder, path, file.part)
                if twin is not None:
                    return twin
            theirs = opened.enter_context(folder.open_reader(path))
            ours = opened.enter_context(parts.open_reader(file.part))
            found = os.fstat(theirs.fileno())
            part = os.fstat(ours.fileno())
            if found.st_size != part.st_size:
                return None
            if _is_large(found) or _are_equal(theirs, ours):
                return _Twin(folder, path, found, part)
        return None

    def _remember(self, sha256: str, twin: _Twin) -> None:
        """The file has these bytes for as long as it looks as it does now."""
        if len(self._compared) >= MAX_COMPARED:
            self._compared.clear()
        self._compared[sha256] = _look_of(twin.found)

    def _known_twin(
        self,
        original: _Original,
        folder: Folder,
        path: str,
        part: str,
    ) -> _Twin | None:
        """It need not be compared with every one, if it looks as it did then."""
        look = self._compared.get(original.sha256)
        if look is None:
            return None
        found = folder.stat_entry(path)
        ours = self.store.own_parts.stat_entry(part)
        if found is None or ours is None or _look_of(found) != look:
            return None
        return _Twin(folder, path, found, ours)

    def _link(
        self, files: Files, twins: Sequence[_Twin | None]
    ) -> tuple[Files, int]:
        """Have them be their twins. Returns those that are not there yet, and the bytes saved."""
        left = []
        saved = 0
        for file, twin in zip(files, twins, strict=True):
            if twin is None or not self._may_be_one(twin):
                left.append(file)
                continue
            try:
                if not self._drop_if_there(file, twin):
                    self._make_link(file, twin)
                    left.append(file)
                saved += twin.found.st_size
            except OSError:
                # the file system has no links, or no more of this file: it stays a copy
                left.append(file)
        return tuple(left), saved

    def _may_be_one(self, twin: _Twin) -> bool:
        if not self.links or _is_large(twin.found):
            return False
        return not self.dated or twin.found.st_mtime_ns == twin.part.st_mtime_ns

    def _drop_if_there(self, file: Publication, twin: _Twin) -> bool:
        """A rename over another link to the same file would leave the part where it is."""
        there = self.store.root.stat_entry(file.path)
        if there is None or not os.path.samestat(there, twin.found):
            return False
        assert file.part is not None, "it has a twin"
        self.store.own_parts.remove_file(file.part)
        return True

    def _make_link(self, file: Publication, twin: _Twin) -> None:
        assert file.part is not None, "it has a twin"
        self.store.own_parts.link_in(
            twin.folder,
            twin.path,
            twin.found,
            file.part,
        )


def duplicates_of(
    store: Store,
    bodies: BodyTable,
    output: OutputSettings,
) -> Duplicates:
    """What a configuration asks for."""
    return Duplicates(
        store,
        bodies,
        links=output.duplicates == "link",
        dated=output.mtime,
    )


def _look_of(file: os.stat_result) -> tuple[int, ...]:
    """What differs once it was written to, or is another one."""
    return file.st_dev, file.st_ino, file.st_size, file.st_mtime_ns


def _is_large(file: os.stat_result) -> bool:
    return file.st_size > MAX_COMPARED_BYTES


def _are_equal(one: BufferedReader, other: BufferedReader) -> bool:
    while piece := one.read(_PIECE_BYTES):
        if piece != other.read(_PIECE_BYTES):
            return False
    return not other.read(1)
