"""Files of this machine beside the URLs of a session: read by its threads, with no host asked."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import Makers
from scraper.errors import UsageError
from scraper.guard.guard import Guard
from scraper.http.fetcher import AnyFetcher
from scraper.http.flight import Flight
from scraper.local.addresses import SCHEME, address_of, text_of_path
from scraper.local.reading import LocalFetcher
from scraper.model import Fact, Line


def line_of_path(path: str | os.PathLike[str]) -> Line:
    """What stands for a file. Raises UsageError for what is no path."""
    try:
        text = os.fsdecode(path)
    except TypeError:
        raise UsageError(
            f"process({path!r}) is invalid: expected the path of a file"
        ) from None
    if not text or "\0" in text:
        raise UsageError(f"process({text!r}): there is no file of such a name")
    absolute = os.path.abspath(text)
    return Line(address_of(absolute), written=text_of_path(text))


def makers_with_files(makers: Makers) -> Makers:
    """The same for a run that also reads the files that it is given."""

    def guard(config: Config) -> Guard:
        made = makers.guard(config)
        made.reads_files = True
        return made

    def fetcher(*given: Any, **keys: Any) -> AnyFetcher:
        return _FilesToo(makers.fetcher, given, keys)

    return replace(makers, guard=guard, fetcher=fetcher)


class _FilesToo:
    """Fetches URLs, and reads files."""

    def __init__(
        self,
        make: Callable[..., AnyFetcher],
        given: tuple[Any, ...],
        keys: dict[str, Any],
    ) -> None:
        self._network = make(*given, **keys)
        self._files = LocalFetcher(*given, **keys)

    @property
    def proxies(self) -> tuple[tuple[str, int], ...]:
        return self._network.proxies

    def fetch(self, flight: Flight) -> Fact:
        if flight.task.url.scheme == SCHEME:
            return self._files.fetch(flight)
        return self._network.fetch(flight)

    def close(self) -> None:
        self._network.close()
