"""URLs without the parameters of their query that say nothing of what is asked."""

import re
from collections.abc import Sequence
from fnmatch import translate
from functools import lru_cache
from urllib.parse import unquote_plus


def without_parameters(url: str, names: Sequence[str]) -> str:
    """The URL without the parameters that fit these globs; the others stay as they are written.

    >>> without_parameters("https://a.example/?utm_source=x&b=1&fbclid=2", ["utm_*", "fbclid"])
    'https://a.example/?b=1'
    >>> without_parameters("https://a.example/b?utm_id=1", ["utm_*"])
    'https://a.example/b'
    """
    before, mark, query = url.partition("?")
    if not mark or not names:
        return url
    pattern = _pattern_of(tuple(names))
    parts = query.split("&")
    kept = [part for part in parts if not pattern.fullmatch(_name_of(part))]
    if len(kept) == len(parts):
        return url
    return f"{before}?{'&'.join(kept)}" if kept else before


def _name_of(parameter: str) -> str:
    return unquote_plus(parameter.partition("=")[0])


@lru_cache(maxsize=16)
def _pattern_of(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, names)))
