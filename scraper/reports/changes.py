"""What has changed in a pass, in words."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from scraper.outcomes.changes import LABELS

_WORDS_OF = {"noise": "with other bytes alone"}
SUSPICIOUS = "--max-gone 100% believes it"


class Missing(Struct, frozen=True):
    """How many of the known URLs were not there any more when the list had ended."""

    urls: int
    known: int
    max_gone: float  # the share up to which that is believed
    is_much: bool  # it is not believed: none is reported as gone

    def text(self) -> str:
        """Why none is gone."""
        return (
            f"missing: {self.urls:,} of {self.known:,} known URLs answer 404 or 410, or are in no "
            f"list any more: too many to believe (max_gone is {self.max_gone:.0%}), so none is "
            f"reported as gone; {SUSPICIOUS}"
        )


def counts_text(changes: Mapping[str, int]) -> str:
    """3 changed, 1 new, 2 gone; "" if nothing has.

    >>> counts_text({"gone": 2, "changed": 1_003})
    '1,003 changed, 2 gone'
    """
    return ", ".join(
        f"{changes[word]:,} {_WORDS_OF.get(word, word)}"
        for word in LABELS
        if changes.get(word)
    )
