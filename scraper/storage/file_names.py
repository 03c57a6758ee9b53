"""Where bodies and derived files stand below the run folder.

A name is a pure function of the canonical URL and the type of the content, so it is the same after
a kill, on every shard, and never another URL's.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from scraper.machine.files import Folder
from scraper.media_types import extension_of
from scraper.model import Kind
from scraper.text import pattern
from scraper.urls import Url, digest

MAX_STEM_BYTES = (
    80  # with hash, host and extension a path stays below 255 bytes a component
)
MAX_HOST_BYTES = 100
DEFAULT = "default"  # the variant whose files have no name of their own
PICTURE_EXTENSIONS = (".jpg", ".png", ".webp", ".avif", ".gif")
FOLDERS: dict[Kind, str] = {"page": "pages", "image": "images", "file": "files"}
# Windows gives these a meaning, with any extension.
_RESERVED = pattern(
    r"(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?\Z", re.IGNORECASE
)
# Letters and digits, a letter among them: what follows the dot of `v1.2` is no extension.
_PLAIN_EXTENSION = pattern(r"\.(?=[0-9]*[A-Za-z])([A-Za-z0-9]{1,12})\Z")
_EXTENSION = pattern(r"\.[A-Za-z0-9]{1,5}$")
_PICTURE_EXTENSION = pattern(
    r"\.(jpe?g|jpe|jfif|pjpeg|a?png|gif|webp|avif|hei[cf]|jxl|svg|bmp|dib|tiff?|ico|cur|pcx"
    r"|p[abgnp]m|hei[cf]|jxl|jp2|bin)\Z",
    re.IGNORECASE,
)
_NOT_FOR_NAMES = pattern(r"[^\w.]+")
_OF_PAGE_OR_PICTURE = pattern(
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
    stem, extension = stem_and_extension(url, kind, type)
    name = f"{stem}-{digest(url.href).hex()[:10]}{extension}"
    return f"{FOLDERS[kind]}/{host_folder(url.host)}/{name}"


def stem_and_extension(url: Url, kind: Kind, type: str) -> tuple[str, str]:
    """What can be read of a name, and how it ends."""
    name = _last_part(url.href)
    own = _own_extension(name) if kind == "file" else ""
    bare = name.removesuffix(own) if own else _without_extension(name)
    return _stem_of(bare), own.lower() or extension_of(type)


def last_part_of(url: Url) -> str:
    """The last part of its path as the name of a file.

    >>> from scraper.urls import parts_of
    >>> last_part_of(parts_of("https://example.com/lists/urls.csv.gz?day=1"))
    'urls.csv.gz'
    """
    stem, extension = stem_and_extension(url, "file", "")
    return f"{stem}{extension}"


def processed_prefix(path: str) -> str:
    """What the paths of a picture's variants begin with, its body standing at `path`.

    >>> processed_prefix("images/example.com/bolt-ffe7451626.jpg")
    'processed/example.com/bolt-ffe7451626'
    """
    _, _, name = path.partition("/")
    return f"processed/{_PICTURE_EXTENSION.sub('', name)}"


def variants_of(path: str, names: Iterable[str]) -> tuple[str, ...]:
    """Every path that a variant of one of these names may have, made of the body at `path`.

    >>> variants_of("images/a/bolt-ffe7451626.png", ["thumb"])[0]
    'processed/a/bolt-ffe7451626@thumb.jpg'
    """
    if not path.startswith(f"{FOLDERS['image']}/"):
        return ()
    prefix = processed_prefix(path)
    return tuple(
        # no name of a file that a list or a URL says has an @ of its own
        f"{prefix}{'' if name == DEFAULT else f'@{name}'}{extension}"
        for name in names
        for extension in PICTURE_EXTENSIONS
    )


def has_variants(folder: Folder, path: str, names: Iterable[str]) -> bool:
    """Do all of these variants lie there that were made of the body at `path`?"""
    return all(
        any(map(folder.has_file, variants_of(path, [name]))) for name in names
    )


def _last_part(url: str) -> str:
    """What the URL calls the file, percent signs resolved."""
    path = url.partition("://")[2].partition("?")[0].rstrip("/")
    name = path.rpartition("/")[2] if "/" in path else "index"
    if "%" in name:
        name = unicodedata.normalize("NFC", unquote(name, errors="replace"))
    # what follows are parameters, often the id of a session
    return name.partition(";")[0]


def _own_extension(name: str) -> str:
    """The extension that a file which is neither page nor picture keeps; empty if it has none.

    It knows better than the type what is in a file (`.parquet`, `.csv` as text/plain, `.docx` as a
    zip). Those of pages and pictures would be a lie.
    """
    own = plain_extension(name)
    return "" if _OF_PAGE_OR_PICTURE.fullmatch(own[1:]) else own


def plain_extension(name: str) -> str:
    """How a name ends, if that can be an extension."""
    found = _PLAIN_EXTENSION.search(name)
    return found[0] if found else ""


def _without_extension(name: str) -> str:
    return _EXTENSION.sub("", name)


def _stem_of(name: str) -> str:
    name = _NOT_FOR_NAMES.sub("-", name.replace("\ufffd", "-")).strip("-._")
    return shortened(name, MAX_STEM_BYTES) or "index"


def shortened(name: str, size: int) -> str:
    """The beginning of a name, of so many bytes, without a separator at its end."""
    if name.isascii():
        return name[:size].rstrip("-._")
    return name.encode()[:size].decode(errors="ignore").rstrip("-._")


@functools.lru_cache(maxsize=4096)
def host_folder(host: str) -> str:
    name = re.sub(r"[^a-z0-9.\-]", "_", host.lower()).strip(".") or "_"
    if len(name) > MAX_HOST_BYTES:
        name = f"{name[:MAX_HOST_BYTES]}-{digest(host).hex()[:10]}"
    return f"_{name}" if is_reserved(name) else name


def is_reserved(name: str) -> bool:
    """Does Windows give it a meaning?"""
    return _RESERVED.match(name) is not None
