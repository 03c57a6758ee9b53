"""The last word on one URL: in each pass every URL gets exactly one `Outcome`.

It holds the record. The files that the URL has brought stay where they are kept, its `Place`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import orjson
from msgspec import Struct

from scraper.errors import ScraperError, Unreadable, UsageError
from scraper.media_types import is_text
from scraper.model import Failure, Fetched, Publication, State, Task
from scraper.outcomes.changes import Change
from scraper.redaction import redacted
from scraper.text import printable

if TYPE_CHECKING:
    from PIL import Image

    from processors.page import Page


class Failed(ScraperError):
    """A URL came to nothing, and `outcome.raise_for_failure()` was asked to say so."""

    exit_code = 3

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.task.shown_url}: {outcome.reason}")
        self.outcome = outcome

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.outcome,)


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
    asked now. What has brought nothing that is kept has no `place`. `flags` are
    words for what its body seems to be instead of what was asked for, `fill` says which fields the
    recipes have filled (fills.py), `change` what changes.jsonl reports of it (changes.py). `saved`
    are the bytes of its files that the folder had, if another URL has brought the same body before.

    `body` and what is made of it are read each time that they are asked for: keep what you need
    twice. They raise UsageError if there is no body, or another one by now; Unreadable (a
    ValueError, too) if it is not what it is taken for.
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
    flags: tuple[str, ...] = ()
    fill: str = ""
    saved: int | None = None
    change: Change | None = None

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

    @property
    def reason(self) -> str:
        """Why it failed or was skipped, on one line without secrets; "" if it was not."""
        if self.failure is None:
            return ""
        message = redacted(self.failure.message)
        return printable(f"{self.failure.label}: {message}")

    def raise_for_failure(self) -> Outcome:
        """The outcome itself; raises Failed if it has failed or was skipped."""
        if self.failure is not None:
            raise Failed(self)
        return self

    # -- what it has brought ------------------------------------------------------------------

    @property
    def body(self) -> bytes:
        """The body as it was when the record was written."""
        if self.place is None:
            why = self.reason or "it is kept nowhere"
            raise UsageError(f"{self.task.shown_url} has no body: {why}")
        body = self.place.body_of(self)
        if self.record["sha256"] not in (sha256(body).hexdigest(), None):
            raise UsageError(
                f"{self.task.shown_url} has another body by now: a later pass has replaced it, or "
                "another program has changed it"
            )
        return body

    @property
    def page(self) -> Page:
        """The body as a page, with `tree` (selectolax) and `soup` (BeautifulSoup), which are made
        when they are asked for and last as long as the page."""
        from processors.page import Page

        body, _ = self._read_text()
        return Page(self.task.url.href, body, self._charset)

    @property
    def text(self) -> str:
        """The body of a page or another text, decoded; a page as it was for its record."""
        from processors.page.charset import decode

        body, type = self._read_text()
        is_markup = type.endswith(("html", "xml"))
        return decode(body, self._charset, is_markup=is_markup).text

    def _read_text(self) -> tuple[bytes, str]:
        """The body, and its type if that is one of text."""
        body, type = self.body, self.record["content_type"]
        if not is_text(type):
            raise Unreadable(f"{self.task.shown_url} is no text but {type}")
        return body, type

    def json(self) -> Any:
        """What the body says in JSON, of whatever type the server calls it."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise Unreadable(
                f"{self.task.shown_url} is no JSON: {error}"
            ) from error

    def image(self) -> Image.Image:
        """The picture as it came, decoded: not turned, in its own mode."""
        from processors import Unusable
        from processors.image import read

        body = self.body
        try:
            return read(body)
        except Unusable as error:
            raise Unreadable(f"{self.task.shown_url}: {error}") from error

    @property
    def files(self) -> tuple[Path, ...]:
        """Where the body is kept, then the pictures made of it; () if there is none. A body that a
        session without a folder holds in memory is not among them: `body` has it."""
        return () if self.place is None else self.place.files_of(self)

    @property
    def _charset(self) -> str | None:
        """What HTTP declares."""
        answer = self.fetched or self.task.stored
        return answer.charset if answer else None


class OutOfTime(ScraperError, TimeoutError):
    """The time of `map` or `as_completed` is over; `outcomes` are those that were done and not
    given yet, in their order."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        super().__init__("not all of it was done in time")
        self.outcomes = list(outcomes)

    def __reduce__(self) -> tuple[object, ...]:
        return OutOfTime, (self.outcomes,)
