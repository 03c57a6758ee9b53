"""A path as the URL under which a file is known: byte for byte, whatever it is called."""

from __future__ import annotations

import os
from urllib.parse import quote

from scraper.urls import FILE_BEGINNING, Url, parts_of

SCHEME = "file"


def address_of(path: str) -> Url:
    """The address of the file at an absolute path.

    >>> address_of("/data/a cat?.jpg").href
    'file://localhost/data/a%20cat%3F.jpg'
    """
    return parts_of(FILE_BEGINNING + quote(os.fsencode(path)))


def text_of_path(path: str) -> str:
    """A path as text that can be written anywhere; a name may be no UTF-8."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
