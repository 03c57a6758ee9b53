"""Names and places: where bodies and derived files stand, and how they come to stand there.

Threads and workers write only parts, below `.scraper/parts/<run token>/`; only the coordinator
publishes, by rename. A name is a pure function of the canonical URL and the type of the content,
so it is the same after a kill, on every shard, and never another URL's.
"""

from __future__ import annotations

import errno
import functools
import itertools
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote

from scraper.errors import InUse, UsageError
from scraper.machine.files import Folder, open_folder, opening
from scraper.media_types import extension_of
from scraper.model import Kind, Publication
from scraper.urls import Url, digest

MAX_STEM_BYTES = 80  # with hash, host and extension a path stays below 255 bytes a component
MAX_HOST_BYTES = 100
PICTURE_EXTENSIONS = (".jpg", ".png", ".webp")
FOLDERS: dict[Kind, str] = {"page": "pages", "image": "images", "file": "files"}
# Windows gives these a meaning, with any extension.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?$", re.IGNORECASE)
# Letters and digits, a letter among them: what follows the dot of `v1.2` is no extension.
_PLAIN_EXTENSION = re.compile(r"\.(?=[0-9]*[A-Za-z])([A-Za-z0-9]{1,12})\Z")
_OF_PAGE_OR_PICTURE = re.compile(
    r"html?|xhtml|xht|shtml|phtml|php|aspx?|jspx?|cgi|cfm|do|action"
    r"|jpe?g|jpe|jfif|pjpeg|a?png|gif|webp|avif|svg|bmp|dib|tiff?|ico|cur|pcx|p[abgnp]m",
    re.IGNORECASE,
)


def path_of(url: Url, kind: Kind, type: str) -> str:
    """Where the body of a URL stands below the run folder.

    >>> from scraper.urls import parts_of
    >>> path_of(parts_of("https://example.com/cat/A%20tale.html?x"), "page", "text/html")
    'pages/example.com/A-tale-98b42ceb64.html'
    >>> path_of(parts_of("https://example.com/m/bolt.stl"), "file", "application/octet-stream")
    'files/example.com/bolt-ffe7451626.stl'
    """
    name = _last_part(url.href)
    own = _plain_extension(name) if kind == "file" else ""
    stem = _stem(url.href, name.removesuffix(own) if own else _without_extension(name))
    return f"{FOLDERS[kind]}/{host_folder(url.host)}/{stem}{own.lower() or extension_of(type)}"


def processed_prefix(url: Url) -> str:
    """What the paths of a picture's variants begin with."""
    stem = _stem(url.href, _without_extension(_last_part(url.href)))
    return f"processed/{host_folder(url.host)}/{stem}"


def has_picture(folder: Folder, url: Url) -> bool:
    """Does the picture lie there that was made of this URL?"""
    prefix = processed_prefix(url)
    return any(folder.has_file(prefix + extension) for extension in PICTURE_EXTENSIONS)


def _last_part(url: str) -> str:
    """What the URL calls the file, percent signs resolved."""
    path = url.partition("://")[2].partition("?")[0].rstrip("/")
    name = path.rpartition("/")[2] if "/" in path else "index"
    if "%" in name:
        name = unicodedata.normalize("NFC", unquote(name, errors="replace"))
    return name.partition(";")[0]  # what follows are parameters, often the id of a session


def _plain_extension(name: str) -> str:
    """The extension that a file which is neither page nor picture keeps; empty if it has none.

    It knows better than the type what is in a file (`.parquet`, `.csv` as text/plain, `.docx` as a
    zip). Those of pages and pictures would be a lie.
    """
    found = _PLAIN_EXTENSION.search(name)
    return found[0] if found and not _OF_PAGE_OR_PICTURE.fullmatch(found[1]) else ""


def _without_extension(name: str) -> str:
    return re.sub(r"\.[A-Za-z0-9]{1,5}$", "", name)


def _stem(url: str, name: str) -> str:
    name = re.sub(r"[^\w.]+", "-", name.replace("\ufffd", "-")).strip("-._")
    name = name.encode()[:MAX_STEM_BYTES].decode(errors="ignore").rstrip("-._") or "index"
    return f"{name}-{digest(url).hex()[:10]}"


@functools.lru_cache(maxsize=4096)
def host_folder(host: str) -> str:
    name = re.sub(r"[^a-z0-9.\-]", "_", host.lower()).strip(".") or "_"
    if len(name) > MAX_HOST_BYTES:
        name = f"{name[:MAX_HOST_BYTES]}-{digest(host).hex()[:10]}"
    return f"_{name}" if _RESERVED.match(name) else name


class Store:
    """One run folder. Entering takes the lock, leaving gives it back.

    Raises InUse if another run holds it, UsageError if the folder cannot be used.
    """

    root: Folder
    own_parts: Folder

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
                self.root = self._kept(open_folder(self.folder))
                self._check_places()
                # URLs with passwords stand in there.
                self._hidden = self._kept(self.root.open_below(".scraper", create=True, mode=0o700))
                self._take_lock(self._hidden)
                self.own_parts = self._kept(
                    self._hidden.open_below(f"parts/{self.parts.name}", create=True)
                )
        except BaseException:
            self._let_go()
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
            raise UsageError(f"{self.folder} is a file: choose another --dir") from None
        except NotADirectoryError:
            raise UsageError(f"a part of {self.folder} is a file: choose another --dir") from None

    def _check_places(self) -> None:
        """What lies in the place of a folder of ours is told now, not in the middle of the run."""
        for name in (*FOLDERS.values(), "processed"):
            with suppress(FileNotFoundError):
                self.root.open_below(name).close()

    def _kept(self, folder: Folder) -> Folder:
        self._open.append(folder)
        return folder

    def _take_lock(self, hidden: Folder) -> None:
        self._lock = hidden.open_file("lock")
        _lock(self._lock, self.folder)
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n".encode())

    def close(self, *, keep_parts: bool = False) -> None:
        """Give the lock back, and remove what was never published, unless the next run needs it."""
        if self._hidden is not None and self._lock is not None and not keep_parts:
            # What cannot be removed now is removed by the next run.
            with suppress(OSError), self._hidden.open_below("parts") as parts:
                parts.remove_tree(self.parts.name)
        self._let_go()

    def _let_go(self) -> None:
        while self._open:
            self._open.pop().close()
        self._hidden = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def part(self, name: str) -> str:
        """The absolute path of a part, as text: it is made for each URL."""
        return f"{self.parts}{os.sep}{name}"

    def publish(self, files: Iterable[Publication]) -> None:
        """Rename our parts to their final names."""
        self._publish(files, self.own_parts)

    def _publish(self, files: Iterable[Publication], parts: Folder) -> None:
        """Folder by folder, each of them opened once."""
        for kind, of_kind in _grouped(files, 0):
            folder = _folder_for(of_kind, self.root, kind)
            if folder is None:
                continue
            with folder:
                for host, of_host in _grouped(of_kind, 1):
                    _publish_into(_folder_for(of_host, folder, host), of_host, parts)

    def sync(self, files: Iterable[Publication]) -> None:
        """Have the disk hold these parts before anything says that they are there."""
        for each in files:
            if each.part is not None:
                _sync(self.part(each.part))

    def sync_names(self, files: Iterable[Publication]) -> None:
        """Have the disk hold the names under which they were published."""
        for parent in {_parent_of(each) for each in files}:
            with self.root.open_below(parent) as folder:
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
                    left = [each for each in files if each.part and killed.has_file(each.part)]
                    self._publish(left, killed)
                parts.remove_tree(name)


def _parent_of(file: Publication) -> str:
    return os.path.dirname(file.path)


def _grouped(files: Iterable[Publication], place: int) -> Iterator[tuple[str, list[Publication]]]:
    """By the component of their paths that stands at `place`."""

    def name_of(file: Publication) -> str:
        return file.path.split("/")[place]

    for name, group in itertools.groupby(sorted(files, key=name_of), name_of):
        yield name, list(group)


def _folder_for(files: Sequence[Publication], parent: Folder, name: str) -> Folder | None:
    """The folder of these files; None if there is only something to remove, which is gone as well
    as its folder."""
    creates = any(each.part is not None for each in files)
    try:
        return parent.open_below(name, create=creates)
    except FileNotFoundError:
        if creates:
            raise
        return None


def _publish_into(folder: Folder | None, files: Iterable[Publication], parts: Folder) -> None:
    if folder is None:
        return
    with folder:
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


def holder(folder: Path) -> str | None:
    """The process number of the run that holds this folder; None if none does."""
    try:
        with open_folder(folder) as opened, opened.open_reader(".scraper/lock") as file:
            process = file.read(32).decode("ascii", "replace").strip()
            try:
                _lock(file, folder)
            except InUse:
                return process
    except OSError:
        return None  # no lock file, or not ours to try
    return None


def _lock(file: BinaryIO, folder: Path) -> None:
    """An OS lock: it ends with its holder, however that ends."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            raise
        file.seek(0)
        holder = file.read(32).decode("ascii", "replace").strip()
        who = f" (process {holder})" if holder else ""
        raise InUse(
            f"{folder} is in use by another run{who}: wait for it, or choose another --dir"
        ) from None
