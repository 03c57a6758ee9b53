"""Until when a page was changed last, as its sitemap says it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

# Where it is the same day last; and a day without a time lasts until its end.
_WEST_OF_ALL: Final = timedelta(hours=12)
_DAY: Final = timedelta(days=1)
# A time may be given without its seconds, by a clock that is not ours.
_CLOCKS_DIFFER: Final = timedelta(minutes=2)


def latest_moment(text: str) -> float | None:
    """The last moment that such a date may mean, in unix time; None if it is none.

    >>> latest_moment("1970-01-02T00:00:00Z")
    86520.0
    >>> latest_moment("1970-01-01")  # in the west it is that day for longer
    129720.0
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        if "T" not in text and " " not in text.strip():
            moment += _DAY
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC) + _WEST_OF_ALL
        return (moment + _CLOCKS_DIFFER).timestamp()
    except (ValueError, OverflowError):
        return None
