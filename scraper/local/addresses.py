"""A path as the URL under which a file is known, and back: byte for byte, whatever it is called."""

from __future__ import annotations

import os
from urllib.parse import quote, unquote_to_bytes

from scraper.urls import Url, parts_of

SCHEME = "file"
_BEGINNING = f"{SCHEME}://localhost"


def address_of(path: str) -> Url:
    """The address of the file at an absolute path.

    >>> address_of("/data/a cat?.jpg").href
    'file://localhost/data/a%20cat%3F.jpg'
    """
    return parts_of(_BEGINNING + quote(os.fsencode(path)))


def path_of(address: Url) -> str:
    """Where the file lies."""
    return os.fsdecode(unquote_to_bytes(address.href.removeprefix(_BEGINNING)))


def text_of_path(path: str) -> str:
    """A path as text that can be written anywhere; a name may be no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
