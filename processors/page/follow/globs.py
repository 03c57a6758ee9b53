"""Globs of whole URLs: `*` stands for anything, all else for itself."""

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Final
from urllib.parse import quote

_NOT_IN_URLS: Final = re.compile(r"[^!-~]+")
_SCHEMES: Final = ("http://", "https://")


def pattern_of(globs: Iterable[str]) -> re.Pattern[str] | None:
    """What a URL fits in full that one of them means; None if there are none.

    >>> bool(pattern_of(["*/print/*"]).fullmatch("https://example.org/print/1?a=b"))
    True
    """
    regexes = [_as_regex(glob) for glob in globs]
    return re.compile("|".join(regexes)) if regexes else None


def may_fit(glob: str) -> bool:
    """Can a URL begin so?

    >>> may_fit("*.html"), may_fit("/print/*")
    (True, False)
    """
    begin, star, _ = glob.partition("*")
    return any(
        begin.startswith(scheme) or (star and scheme.startswith(begin))
        for scheme in _SCHEMES
    )


def _as_regex(glob: str) -> str:
    """In a URL, `?` and brackets stand for themselves, and other letters are escaped."""
    as_in_urls = _NOT_IN_URLS.sub(lambda found: quote(found[0]), glob)
    return translate(as_in_urls.replace("[", "[[]").replace("?", "[?]"))
