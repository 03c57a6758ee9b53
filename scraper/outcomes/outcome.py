"""The last word on one URL: in each pass every URL gets exactly one `Outcome`.

It holds the record. The files that the URL has brought stay where they are kept, its `Place`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import orjson
from msgspec import Struct

from scraper.model import Failure, Fetched, Publication, State, Task


class Place(Protocol):
    """Where the files of an outcome are kept. Raises UsageError if they are not there any more."""

    def body_of(self, outcome: Outcome) -> bytes:
        """The body, as it is kept now."""

    def files_of(self, outcome: Outcome) -> tuple[Path, ...]:
        """The original first, then what was made of it."""


class Outcome(Struct, frozen=True):
    """The last word on one URL in this pass.

    `line` is the very line of `records.jsonl`, but that of what was unchanged is filled in once it
    is delivered. `record` is the same as a dict (docs/records.md names its keys); `found` are the
    URLs that this one adds to the run. What is `stored` was known to the folder before, and was not
    asked now. What has brought nothing that is kept has no `place`.
    """

    task: Task
    state: State
    line: bytes
    publications: tuple[Publication, ...] = ()
    found: tuple[str, ...] = ()
    failure: Failure | None = None
    fetched: Fetched | None = None
    stored: bool = False
    place: Place | None = None

    @property
    def not_before(self) -> float | None:
        """It was not asked for its host's sake: unix time from which the same command asks it."""
        return None if self.failure is None else self.failure.not_before

    def __repr__(self) -> str:
        return f"<Outcome {self.state} {self.task.shown_url}>"

    @property
    def url(self) -> str:
        """The canonical URL that was asked for."""
        return self.task.origin_url.href

    @property
    def record(self) -> Mapping[str, Any]:
        """The record, decoded at each call: keep it if you need it twice."""
        decoded: dict[str, Any] = orjson.loads(self.line)
        return decoded
