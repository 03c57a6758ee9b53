"""What is told of a URL follows from what was told last, and from what came."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from scraper.model import Reported
from scraper.outcomes.changes import (
    LEAVES,
    TRANSITIONS,
    WORDS,
    Came,
    Change,
    Word,
)

CAME: tuple[Came, ...] = ("same", "other", "elsewhere", "missing", "unclear")


def story_of(nights: list[Came]) -> list[Word | None]:
    """What is told in each of them."""
    told: Reported | None = None
    words: list[Word | None] = []
    for came in nights:
        if told is None and came in ("same", "elsewhere"):
            came = "other"
        word = TRANSITIONS.get((told, came))
        words.append(word)
        told = LEAVES[word] if word else told
    return words


nights = st.lists(st.sampled_from(CAME), max_size=30)


@given(nights)
def test_what_is_told_is_news(nights: list[Came]) -> None:
    last: Word | None = None
    for word in filter(None, story_of(nights)):
        assert (word == "new") == (last is None)
        assert word not in ("gone", "unknown") or word != last
        assert word != "back" or last in ("gone", "unknown")
        last = word


@given(nights)
def test_unknown_is_never_gone(nights: list[Came]) -> None:
    for came, word in zip(nights, story_of(nights), strict=True):
        assert word != "gone" or came == "missing"
        assert word != "unknown" or came == "unclear"


@given(nights)
def test_whoever_adds_up_the_lines_knows_what_is_here(
    nights: list[Came],
) -> None:
    """The last line of a URL says whether it is here, gone or unknown: nothing else is needed."""
    told: Reported | None = None
    for came, word in zip(nights, story_of(nights), strict=True):
        told = LEAVES[word] if word else told
        if came == "missing":
            assert told in (None, "gone")
        elif came == "unclear":
            assert told in (None, "unknown", "gone")
        else:
            assert told == "here"


def test_every_word_has_its_place_in_the_summary() -> None:
    assert set(WORDS) == set(TRANSITIONS.values()) == set(LEAVES)


def test_a_line_is_fit_to_be_shown() -> None:
    what = {"title": {"before": "a", "after": "\x1b[2J\u202e"}}
    line = Change("changed", 2, 0.0, "http://a/", "ab" * 8, what=what).line()
    assert line.isascii()
    assert orjson.loads(line)["what"] == what
    assert orjson.loads(line)["id"] == "abababababababab-2"
