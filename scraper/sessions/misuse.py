"""What those write who come from an executor, and what a session says to it."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Sequence

from scraper.config.settings import SCHEMA
from scraper.errors import UsageError


def check_submit(
    given: Sequence[object],
    named: Iterable[str],
) -> None:
    """Raises UsageError unless it is one URL, and nothing that `submit` does not know."""
    _check_function("submit() takes a URL", given)
    if len(given) > 1:
        more = ", ".join(map(reprlib.repr, given[1:]))
        raise UsageError(f"submit() takes one URL, and not {more} as well")
    for name in named:
        if key := SCHEMA.keys.find(name):
            raise UsageError(
                f"submit() takes no {name}: it is one for the whole session, "
                f"Session({key.stem}=...)"
            )
        raise UsageError(
            f"submit() takes no {name}: a session asks with GET, and a query is part of its URL"
        )


def check_many(method: str, given: Sequence[object]) -> None:
    """Raises UsageError unless it is one iterable of URLs."""
    _check_function(f"{method}() takes URLs", given)
    if len(given) > 1:
        raise UsageError(f"{method}() takes one iterable of URLs")
    if isinstance(given[0], str | bytes):
        raise UsageError(
            f"{method}() takes an iterable of URLs, and a text is one of letters: give it in a "
            f"list, {method}([{given[0]!r}])"
        )


def _check_function(takes: str, given: Iterable[object]) -> None:
    if any(callable(each) for each in given):
        raise UsageError(
            f"{takes} and no function: the session fetches by itself; a function that works on "
            "pages is Session(html=function)"
        )
