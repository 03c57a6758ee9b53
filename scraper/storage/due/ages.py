"""How old an answer may become before its URL is due again: for all, and by patterns of URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from scraper.urls import without_credentials


class Ages(Struct, frozen=True):
    """Seconds; of several patterns that a URL fits the least age counts. None: it is never due."""

    of_all: float | None = None
    of_patterns: tuple[tuple[str, float], ...] = ()

    def of(self, url: str, page: str | None = None) -> float | None:
        """The age from which on this URL is due; of a picture that fits no pattern, that of the
        page that names it.

        >>> ages = Ages(60.0, ((r"http://a/.*", 5.0),))
        >>> ages.of("http://a/1"), ages.of("http://b/1"), Ages().of("http://b/1")
        (5.0, 60.0, None)
        >>> ages.of("http://b/1.png", "http://a/1")
        5.0
        """
        bare = without_credentials(url) if "@" in url else url
        fitting = [
            seconds
            for pattern, seconds in self.of_patterns
            if re.fullmatch(pattern, bare)
        ]
        if page is not None and not fitting:
            return self.of(page)
        return min(fitting, default=self.of_all)

    def as_dict(self) -> dict[str, Any]:
        """As the ledger keeps them with a pass."""
        patterns = [list(each) for each in self.of_patterns]
        return {"of_all": self.of_all, "of_patterns": patterns}

    @classmethod
    def of_dict(cls, kept: Mapping[str, Any]) -> Ages:
        """Those that `as_dict` has given."""
        patterns = ((pattern, age) for pattern, age in kept["of_patterns"])
        return cls(kept["of_all"], tuple(patterns))
