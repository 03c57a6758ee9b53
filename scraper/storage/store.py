"""One run folder: its lock, its parts, and their publication under their final names.

Threads and workers write only parts, below `.scraper/parts/<run token>/`; only the coordinator
publishes, by rename.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path

from scraper.errors import UsageError
from scraper.machine.files import Folder, open_folder, opening
from scraper.model import Publication
from scraper.storage.file_names import FOLDERS
from scraper.storage.lock import LockKeeper, take_lock


class Store:
    """One run folder. Entering takes the lock, leaving gives it back.

    Raises InUse if another run holds it, UsageError if the folder cannot be used.
    """

    root: Folder
    own_parts: Folder

    def __init__(self, folder: Path, keeper: LockKeeper | None = None) -> None:
        self.folder = folder
        self._keeper = keeper or LockKeeper()
        # The process may change its folder while a run goes on.
        self.hidden = folder.absolute() / ".scraper"
        self.parts = self.hidden / "parts" / secrets.token_hex(6)
        self._hidden: Folder | None = None
        self._lock: FileIO | None = None
        self._open: list[Folder] = []

    def open(self) -> None:
        """Take the lock and make a parts folder of our own."""
        try:
            with opening(f"folder {self.folder}"):
                self._make_folder()
                self.root = self._keep_open(open_folder(self.folder))
                self._check_places()
                # URLs with passwords stand in there.
                self._hidden = self._keep_open(
                    self.root.open_below(".scraper", create=True, mode=0o700)
                )
                kept = self._keeper.take()
                self._lock = kept or take_lock(self._hidden, self.folder)
                self.own_parts = self._keep_open(
                    self._hidden.open_below(
                        f"parts/{self.parts.name}", create=True
                    )
                )
        except BaseException:
            self._release()
            raise

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            if self.folder.is_symlink():
                raise UsageError(
                    f"{self.folder} is a link that leads nowhere: make its target, or choose "
                    "another --dir"
                ) from None
            raise UsageError(
                f"{self.folder} is a file: choose another --dir"
            ) from None
        except NotADirectoryError:
            raise UsageError(
                f"a part of {self.folder} is a file: choose another --dir"
            ) from None

    def _check_places(self) -> None:
        """Refuse now, not in the middle of the run, what lies in the place of a folder of ours."""
        for name in (*FOLDERS.values(), "processed"):
            with suppress(FileNotFoundError):
                self.root.open_below(name).close()

    def _keep_open(self, folder: Folder) -> Folder:
        self._open.append(folder)
        return folder

    def close(self, *, keep_parts: bool = False) -> None:
        """Give the lock back, and remove what was never published, unless the next run needs it."""
        if (
            self._hidden is not None
            and self._lock is not None
            and not keep_parts
        ):
            # What cannot be removed now is removed by the next run.
            with suppress(OSError), self._hidden.open_below("parts") as parts:
                parts.remove_tree(self.parts.name)
        self._release()

    def _release(self) -> None:
        while self._open:
            self._open.pop().close()
        self._hidden = None
        if self._lock is not None:
            self._keeper.give_back(self._lock)
            self._lock = None

    def part(self, name: str) -> str:
        """The absolute path of a part, as text: it is made for each URL."""
        return f"{self.parts}{os.sep}{name}"

    def publish(self, files: Iterable[Publication]) -> None:
        """Rename our parts to their final names."""
        self._publish(files, self.own_parts)

    def _publish(self, files: Iterable[Publication], parts: Folder) -> None:
        """Folder by folder, each of them opened once."""
        _publish_below(self.root, files, parts, 0)

    def sync(self, files: Iterable[Publication]) -> None:
        """Have the disk hold these parts before anything says that they are there."""
        for each in files:
            if each.part is not None:
                _sync(self.part(each.part))

    def sync_names(self, files: Iterable[Publication]) -> None:
        """Have the disk hold the names under which they were published; a folder that has gone
        with its last file has none."""
        for parent in {_parent_of(each) for each in files}:
            with (
                suppress(FileNotFoundError),
                self.root.open_below(parent) as folder,
            ):
                folder.sync()

    def recover(self, files: Sequence[Publication]) -> None:
        """Finish the publications of a killed run, then drop every part but our own.

        A part that is gone was renamed before the kill.
        """
        assert self._hidden is not None, "open() comes first"
        with self._hidden.open_below("parts") as parts:
            self._publish([each for each in files if each.part is None], parts)
            for name in set(parts.folder_names()) - {self.parts.name}:
                with parts.open_below(name) as killed:
                    left = [
                        each
                        for each in files
                        if each.part and killed.has_file(each.part)
                    ]
                    self._publish(left, killed)
                parts.remove_tree(name)


def _parent_of(file: Publication) -> str:
    return os.path.dirname(file.path)


def _publish_below(
    folder: Folder, files: Iterable[Publication], parts: Folder, depth: int
) -> None:
    """Into a folder that is so deep, and those in it. What had its last file removed goes, too,
    but for the folders that lie in the run folder itself."""
    for name, group in _grouped(files, depth):
        if group[0].path.count("/") == depth:
            _publish_into(folder, group, parts)
            continue
        inner = _folder_for(group, folder, name)
        if inner is not None:
            with inner:
                _publish_below(inner, group, parts, depth + 1)
            if depth > 0 and any(each.part is None for each in group):
                folder.remove_empty(name)


def _grouped(
    files: Iterable[Publication], depth: int
) -> Iterator[tuple[str, list[Publication]]]:
    """By the folder in which they stand there; those that stand in none, by nothing."""

    def name_of(file: Publication) -> str:
        *folders, _ = file.path.split("/")
        return folders[depth] if len(folders) > depth else ""

    for name, group in itertools.groupby(sorted(files, key=name_of), name_of):
        yield name, list(group)


def _folder_for(
    files: Sequence[Publication], parent: Folder, name: str
) -> Folder | None:
    """The folder of these files; None if there is only something to remove, which is gone as well
    as its folder."""
    creates = any(each.part is not None for each in files)
    try:
        return parent.open_below(name, create=creates)
    except FileNotFoundError:
        if creates:
            raise
        return None


def _publish_into(
    folder: Folder, files: Iterable[Publication], parts: Folder
) -> None:
    for each in files:
        name = os.path.basename(each.path)
        if each.part is None:
            folder.remove_file(name)
        else:
            folder.move_in(parts, each.part, name)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
