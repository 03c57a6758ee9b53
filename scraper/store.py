"""Names and places: where bodies and derived files stand, and how they come to stand there.

Threads and workers write only parts, below `.scraper/parts/<run token>/`; only the coordinator
publishes, by rename. A name is a pure function of the canonical URL and the type of the content,
so it is the same after a kill, on every shard, and never another URL's.
"""

from __future__ import annotations

import functools
import os
import re
import secrets
import shutil
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from scraper.errors import InUse, LocalFault, UsageError, disk_failure
from scraper.model import Kind, Publication
from scraper.sniff import extension_of
from scraper.urls import digest

MAX_STEM_BYTES = 80  # with hash, host and extension a path stays below 255 bytes a component
MAX_HOST_BYTES = 100
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


def path_of(url: str, host: str, kind: Kind, type: str) -> str:
    """Where the body of a URL stands below the run folder.

    >>> path_of("https://example.com/cat/A%20tale.html?x", "example.com", "page", "text/html")
    'pages/example.com/A-tale-98b42ceb64.html'
    >>> path_of("https://example.com/m/bolt.stl", "example.com", "file", "application/octet-stream")
    'files/example.com/bolt-ffe7451626.stl'
    """
    name = _last_part(url)
    own = _plain_extension(name) if kind == "file" else ""
    stem = _stem(url, name.removesuffix(own) if own else _without_extension(name))
    return f"{FOLDERS[kind]}/{host_folder(host)}/{stem}{own.lower() or extension_of(type)}"


def processed_prefix(url: str, host: str) -> str:
    """What the paths of a picture's variants begin with."""
    return f"processed/{host_folder(host)}/{_stem(url, _without_extension(_last_part(url)))}"


def _last_part(url: str) -> str:
    """What the URL calls the file, percent signs resolved."""
    path = url.partition("://")[2].partition("?")[0].rstrip("/")
    name = path.rpartition("/")[2] if "/" in path else "index"
    if "%" in name:
        name = unicodedata.normalize("NFC", unquote(name, errors="replace"))
    return name


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

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hidden = folder / ".scraper"
        self.parts = self.hidden / "parts" / secrets.token_hex(6)
        self._lock: IO[str] | None = None
        self._made: set[str] = set()

    def open(self) -> None:
        """Take the lock and make a parts folder of our own."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.hidden.mkdir(mode=0o700, exist_ok=True)  # URLs with passwords stand in there
            self._lock = (self.hidden / "lock").open("a+")
            _lock(self._lock, self.folder)
            self.parts.mkdir(parents=True)
        except InUse:
            self._lock = None
            raise
        except FileExistsError:
            raise UsageError(f"{self.folder} is a file: choose another --dir") from None
        except NotADirectoryError:
            raise UsageError(f"a part of {self.folder} is a file: choose another --dir") from None
        except OSError as error:
            self.close()
            if disk_failure(error).kind == "disk_full":
                raise LocalFault(disk_failure(error)) from error
            raise UsageError(f"cannot use folder {self.folder}: {error.strerror}") from error

    def close(self, *, keep_parts: bool = False) -> None:
        """Give the lock back, and remove what was never published, unless the next run needs it."""
        if not keep_parts:
            shutil.rmtree(self.parts, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def part(self, name: str) -> str:
        """The absolute path of a part, as text: it is made for each URL."""
        return f"{self.parts}{os.sep}{name}"

    def publish(self, files: Iterable[Publication]) -> None:
        """Rename parts to their final names. A part that is gone was renamed before a kill."""
        for each in files:
            final = self.folder / each.path
            if each.part is None:
                final.unlink(missing_ok=True)
                continue
            parent = os.path.dirname(each.path)
            if parent not in self._made:
                final.parent.mkdir(parents=True, exist_ok=True)
                self._made.add(parent)
                if len(self._made) > 10_000:
                    self._made.clear()
            os.replace(self.part(each.part), final)

    def sync(self, files: Iterable[Publication]) -> None:
        """Have the disk hold these parts before anything says that they are there."""
        for each in files:
            if each.part is not None:
                _sync(self.part(each.part))

    def sync_names(self, files: Iterable[Publication]) -> None:
        """Have the disk hold the names under which they were published."""
        for parent in {os.path.dirname(each.path) for each in files}:
            if os.name != "nt":  # a folder cannot be opened there, and need not be
                _sync(self.folder / parent)

    def recover(self, files: Sequence[Publication]) -> None:
        """Finish the publications of a killed run, then drop every part but our own."""
        parts = self.hidden / "parts"
        others = [each for each in parts.iterdir() if each != self.parts]
        for each in files:
            if each.part is None:
                (self.folder / each.path).unlink(missing_ok=True)
                continue
            for other in others:
                part = other / each.part
                if part.exists():
                    final = self.folder / each.path
                    final.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(part, final)
        for other in others:
            shutil.rmtree(other, ignore_errors=True)


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> str | None:
    """The process number of the run that holds this folder; None if none does."""
    path = folder / ".scraper" / "lock"
    try:
        with path.open("r") as file:  # a lock needs no right to write
            _lock(file, folder, note=False)
    except InUse:
        return path.read_text().strip()
    except OSError:
        return None  # no lock file, or not ours to try
    return None


def _lock(file: IO[str], folder: Path, note: bool = True) -> None:
    """An OS lock: it ends with its holder, however that ends."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read(32).strip()
        file.close()
        who = f" (process {holder})" if holder else ""
        raise InUse(
            f"{folder} is in use by another run{who}: wait for it, or choose another --dir"
        ) from None
    if note:
        file.seek(0)
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
