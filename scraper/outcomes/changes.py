"""What has changed about a URL since it was last known, as a line of changes.jsonl.

What is reported follows from what was reported last, and from what came: see `TRANSITIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
from msgspec import Struct, field

from scraper.model import Reported
from scraper.text import iso, printable_json

Word = Literal["new", "changed", "moved", "back", "gone", "unknown"]
# What came: what was known, other content, an answer from a new address, that it is not there, or
# nothing that says anything of it.
Came = Literal["same", "other", "elsewhere", "missing", "unclear"]

# Of a URL that was never good, nothing is reported until it is.
TRANSITIONS: Mapping[tuple[Reported | None, Came], Word] = {
    (None, "other"): "new",
    ("here", "other"): "changed",
    ("here", "elsewhere"): "moved",
    ("here", "missing"): "gone",
    ("here", "unclear"): "unknown",
    ("unknown", "same"): "back",
    ("unknown", "other"): "changed",
    ("unknown", "elsewhere"): "moved",
    ("unknown", "missing"): "gone",
    ("gone", "same"): "back",
    ("gone", "other"): "back",
    ("gone", "elsewhere"): "back",
}

# How a URL stands after each word.
LEAVES: Mapping[Word, Reported] = {
    "new": "here",
    "changed": "here",
    "moved": "here",
    "back": "here",
    "gone": "gone",
    "unknown": "unknown",
}

# The order in which they are counted out.
WORDS: tuple[Word, ...] = (
    "changed",
    "new",
    "gone",
    "back",
    "moved",
    "unknown",
)
LABELS = (*WORDS, "noise")


class Change(Struct, frozen=True):
    """A line of changes.jsonl. `what` has by its name what differs, before and after."""

    change: Word
    number: int  # of the pass
    at: float  # unix time
    url: str  # without secrets
    key: str
    was: Reported | None = None
    before: int | None = None  # the pass of the record that it is compared with
    reason: str | None = None  # of `gone` and `unknown`
    is_noise: bool = False  # nothing that a reader sees differs
    what: Mapping[str, Any] = field(default_factory=dict)
    offset: int | None = None  # of its record in records.jsonl
    before_offset: int | None = None  # of that one

    @property
    def id(self) -> str:
        """The same for the same change, and for no other one of the folder."""
        return f"{self.key}-{self.number}"

    @property
    def label(self) -> str:
        """As what it is counted."""
        return _label_of(self.change, is_noise=self.is_noise)

    def line(self) -> bytes:
        """As it stands in the file, without its end."""
        return printable_json(
            orjson.dumps(
                {
                    "pass": self.number,
                    "at": iso(self.at),
                    "id": self.id,
                    "url": self.url,
                    "change": self.change,
                    "was": self.was,
                    "before": self.before,
                    "reason": self.reason,
                    "noise": self.is_noise,
                    "what": self.what,
                    "offset": self.offset,
                    "before_offset": self.before_offset,
                }
            )
        )


def label_of_line(line: Mapping[str, Any]) -> str:
    """As what a line of the file is counted."""
    return _label_of(line["change"], is_noise=line["noise"])


def _label_of(change: str, *, is_noise: bool) -> str:
    return "noise" if is_noise and change == "changed" else change
