"""A folder that is held open: what lies below it is opened by descriptor, and no link is followed.

The folder itself, and what lies above it, may be links. Below it only regular files and real
folders are opened; a link, a named pipe or a device that lies there instead is `NotPlain`, in one
line that names it. Where the system opens nothing by descriptor (Windows) the same is looked
up just before.
"""

from __future__ import annotations

import itertools
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path

from scraper.errors import LocalFault, ScraperError, UsageError, disk_failure

BY_DESCRIPTOR = {
    os.open,
    os.mkdir,
    os.rename,
    os.unlink,
    os.stat,
} <= os.supports_dir_fd
_FOLDER = (
    os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
)
_SAFELY = (
    getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a named pipe need not have another end
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_WORDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISREG, "a file"),
)

# Where the system can name the link itself: what it leads to is not to be had.
_FOLLOWS = os.link not in os.supports_follow_symlinks

_NO_NAMES = frozenset({"", ".", ".."})

Test = Callable[[int], bool]  # of a mode, such as stat.S_ISREG


class NotPlain(OSError):
    """Something else lies where a file or folder of ours belongs; the text says all."""


class Folder(AbstractContextManager["Folder"]):
    """An open folder. Names are of one component, paths have "/" between theirs."""

    def __init__(self, path: str, descriptor: int | None) -> None:
        self._path = path
        self._fd = descriptor

    @property
    def path(self) -> Path:
        """Where it was when it was opened."""
        return Path(self._path)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of it. Safe to call twice."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    # -- what lies in it ----------------------------------------------------------------------

    def open_below(
        self, path: str, *, create: bool = False, mode: int = 0o777
    ) -> Folder:
        """The real folder at `path`; with `create` it is made, and what leads to it."""
        folder = self
        for name in path.split("/"):
            try:
                inner = _open_or_create(folder, name, create=create, mode=mode)
            finally:
                if folder is not self:
                    folder.close()
            folder = inner
        return folder

    def open_file(self, name: str) -> FileIO:
        """A regular file to read and to append to, made if there is none; unbuffered."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
        return os.fdopen(self._open(name, flags), "r+b", buffering=0)

    def create_file(self, name: str) -> FileIO:
        """A regular file that was not there before."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        return os.fdopen(self._open(name, flags), "wb", buffering=0)

    def open_reader(self, path: str) -> BufferedReader:
        """A regular file, to be read; an absolute path is that of one that lies elsewhere. Raises
        FileNotFoundError."""
        if os.path.isabs(path):
            return open_plain(path)
        parent, _, name = path.rpartition("/")
        if not parent:
            return os.fdopen(self._open(name, os.O_RDONLY), "rb")
        with self.open_below(parent) as folder:
            return folder.open_reader(name)

    def has_file(self, path: str) -> bool:
        """Is there a regular file at `path`, behind folders that are none of them links?

        Nothing is opened: that costs 2.5 times as much, and it is asked of each stored body.
        """
        if os.path.isabs(path):
            mode = _mode_of(path)
            return mode is not None and stat.S_ISREG(mode)
        *parents, name = path.split("/")
        if not _NO_NAMES.isdisjoint((*parents, name)):
            return False
        folders = itertools.accumulate(parents, "{}/{}".format)
        return all(
            self._has_such(folder, stat.S_ISDIR) for folder in folders
        ) and self._has_such(path, stat.S_ISREG)

    def _has_such(self, path: str, is_wanted: Test) -> bool:
        try:
            found = self.stat_entry(path)
        except OSError:
            return False
        return found is not None and is_wanted(found.st_mode)

    def check_file(self, name: str) -> None:
        """Raises NotPlain if something else than a regular file lies there."""
        found = self.stat_entry(name)
        if found is not None and not stat.S_ISREG(found.st_mode):
            path = os.path.join(self._path, name)
            raise NotPlain(_complaint(path, found.st_mode, stat.S_ISREG))

    def stat_entry(self, name: str) -> os.stat_result | None:
        """What lies there, a link being a link; None if nothing does."""
        try:
            return os.stat(
                self._at(name), dir_fd=self._fd, follow_symlinks=False
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._with_path(name, error) from None

    def folder_names(self) -> list[str]:
        """The names of the real folders in it."""
        names = os.listdir(self._path if self._fd is None else self._fd)
        entries = ((name, self.stat_entry(name)) for name in names)
        return [
            name
            for name, entry in entries
            if entry and stat.S_ISDIR(entry.st_mode)
        ]

    def entries(self) -> Iterator[tuple[str, bool]]:
        """What lies in it: each name, and whether it is a real folder."""
        with os.scandir(self._path if self._fd is None else self._fd) as found:
            for each in found:
                yield each.name, each.is_dir(follow_symlinks=False)

    # -- what is done to it -------------------------------------------------------------------

    def move_in(self, source: Folder, part: str, name: str) -> None:
        """Rename a file of `source` into this folder, over what may have had that name."""
        old, new = source._at(part), self._at(name)
        try:
            os.replace(old, new, src_dir_fd=source._fd, dst_dir_fd=self._fd)
        except FileNotFoundError as error:
            raise source._with_path(part, error) from None
        except OSError as error:
            raise self._explain(name, error, stat.S_ISREG) from None

    def link_in(
        self, source: Folder, path: str, found: os.stat_result, name: str
    ) -> None:
        """Have the file `name` of this folder be the very one at `path` in `source`, if that is
        still the one that was `found` there. Raises OSError, and leaves `name` as it was."""
        link = f"{name}.link"
        os.link(
            source._at(path),
            self._at(link),
            src_dir_fd=source._fd,
            dst_dir_fd=self._fd,
            follow_symlinks=_FOLLOWS,
        )
        try:
            made = self.stat_entry(link)
            if made is None or not os.path.samestat(made, found):
                raise FileNotFoundError(f"{path} is another file by now")
            self.move_in(self, link, name)
        except OSError:
            self.remove_file(link)
            raise

    def remove_file(self, name: str) -> None:
        """Remove a file, if it is there."""
        try:
            os.unlink(self._at(name), dir_fd=self._fd)
        except FileNotFoundError:
            return  # as wished
        except OSError as error:
            raise self._explain(name, error, stat.S_ISREG) from None

    def remove_empty(self, name: str) -> None:
        """Remove a folder, if nothing lies in it."""
        # where the system says no, something does, or it may as well stay
        with suppress(OSError):
            os.rmdir(self._at(name), dir_fd=self._fd)

    def remove_tree(self, name: str) -> None:
        """Remove a folder with all that is in it, as far as the system lets us."""
        shutil.rmtree(self._at(name), ignore_errors=True, dir_fd=self._fd)

    def sync(self) -> None:
        """Have the disk hold its names. Windows cannot open a folder, and need not."""
        if self._fd is not None:
            os.fsync(self._fd)

    # -- inside -------------------------------------------------------------------------------

    def _at(self, name: str) -> str:
        return name if self._fd is not None else os.path.join(self._path, name)

    def _open_folder(self, name: str) -> Folder:
        path = os.path.join(self._path, name)
        if self._fd is not None:
            return Folder(path, self._open(name, _FOLDER, stat.S_ISDIR))
        found = self.stat_entry(name)
        if found is None:
            raise FileNotFoundError(f"no folder {path}")
        if not stat.S_ISDIR(found.st_mode):
            raise NotPlain(_complaint(path, found.st_mode, stat.S_ISDIR))
        return Folder(path, None)

    def _open(
        self, name: str, flags: int, is_wanted: Test = stat.S_ISREG
    ) -> int:
        path = os.path.join(self._path, name)
        if name in _NO_NAMES:
            raise NotPlain(
                f"{path} leads out of the run folder: it is left alone"
            )
        if self._fd is None:
            self.check_file(name)
        try:
            descriptor = os.open(
                self._at(name), flags | _SAFELY, 0o666, dir_fd=self._fd
            )
        except OSError as error:
            raise self._explain(name, error, is_wanted) from None
        mode = os.fstat(descriptor).st_mode
        if not is_wanted(mode):
            os.close(descriptor)
            raise NotPlain(_complaint(path, mode, is_wanted))
        return descriptor

    def _explain(self, name: str, error: OSError, is_wanted: Test) -> OSError:
        """Why `name` cannot be had: because of what lies there, or as the system says."""
        found = self.stat_entry(name)
        if found is None or is_wanted(found.st_mode):
            return self._with_path(name, error)
        path = os.path.join(self._path, name)
        return NotPlain(_complaint(path, found.st_mode, is_wanted))

    def _with_path(self, name: str, error: OSError) -> OSError:
        """The same error, with a path that people can find."""
        return OSError(
            error.errno, error.strerror, os.path.join(self._path, name)
        )


def _open_or_create(
    folder: Folder, name: str, *, create: bool, mode: int
) -> Folder:
    try:
        return folder._open_folder(name)
    except FileNotFoundError:
        if not create:
            raise
    try:
        # made in between: it is judged as what it is
        with suppress(FileExistsError):
            os.mkdir(folder._at(name), mode, dir_fd=folder._fd)
    except OSError as error:
        raise folder._with_path(name, error) from None
    return folder._open_folder(name)


def _complaint(path: str, mode: int, is_wanted: Test) -> str:
    found = next(
        (word for is_such, word in _WORDS if is_such(mode)), "a device"
    )
    wanted = "folder" if is_wanted is stat.S_ISDIR else "file"
    hint = (
        " (--dir may be a link; below it none is followed)"
        if found == "a link"
        else ""
    )
    return (
        f"{path} is {found} where this program keeps a {wanted} of its own: "
        f"move it away, or choose another --dir{hint}"
    )


def open_plain(path: str) -> BufferedReader:
    """A regular file that is none of ours, to be read. A link is not followed, and nothing else
    hangs: raises NotPlain, which says what lies there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _SAFELY)
    except OSError as error:
        mode = _mode_of(path)
        if mode is None or stat.S_ISREG(mode):
            raise
        raise _not_plain(mode) from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _not_plain(mode)
    return os.fdopen(descriptor, "rb")


def _mode_of(path: str) -> int | None:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return None


def _not_plain(mode: int) -> NotPlain:
    found = next(
        (word for is_such, word in _WORDS if is_such(mode)), "a device"
    )
    return NotPlain(f"{found}, and only files are read")


def open_folder(path: Path) -> Folder:
    """The folder at `path`, which may be a link to one."""
    return Folder(
        os.fspath(path), os.open(path, _FOLDER) if BY_DESCRIPTOR else None
    )


@contextmanager
def opening(what: object) -> Iterator[None]:
    """What the system says while a run opens its files, as an error of ours.

    If the folder cannot be used, the user is to choose another; a full disk, or no descriptor left,
    is a fault of this machine.
    """
    try:
        yield
    except OSError as error:
        raise _usage_error_or_fault(error, what) from error


@contextmanager
def making_temporary() -> Iterator[None]:
    """What the system says where a temporary folder is made, as an error of ours."""
    try:
        yield
    except OSError as error:
        failure = disk_failure(error)
        if failure.kind != "disk_error":
            raise LocalFault(failure) from error
        raise UsageError(
            f"no temporary folder can be made ({error.strerror or error}): set TMPDIR to a folder "
            "that can be written"
        ) from error


def _usage_error_or_fault(error: OSError, what: object) -> ScraperError:
    failure = disk_failure(error)
    if failure.kind != "disk_error":
        return LocalFault(failure)
    if isinstance(error, NotPlain):
        return UsageError(str(error))
    return UsageError(
        f"cannot use {error.filename or what}: {error.strerror or error}"
    )
