"""Which files a picture offers, and which one is right for a width.

HTML Standard: https://html.spec.whatwg.org/multipage/images.html#parse-a-srcset-attribute
It is written for a browser, which knows how wide it draws a picture; here a width in pixels of the
file is wanted, or the largest file there is.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from math import inf
from typing import Final, NamedTuple

from processors.page.images.css import (
    Component,
    parse_components,
    split_at,
)
from processors.page.images.css_lengths import length_of
from processors.page.images.media_queries import matches_condition

_SPACE: Final = " \t\n\f\r"
# Nothing that these match grows shorter by backtracking: an attribute is walked once.
_URL: Final = re.compile(rf"[{_SPACE},]*+([^{_SPACE}]++)")
_UP_TO_COMMA: Final = re.compile(r"((?:[^(,]++|\([^)]*+\)?+)*+),?+")
_DESCRIPTOR: Final = re.compile(rf"(?:[^{_SPACE}(]++|\([^)]*+\)?+)++")
# A picture of more digits does not exist: they are an error like another.
_INTEGER: Final = re.compile(r"0*+([0-9]{1,9})")
_FLOAT: Final = re.compile(
    r"-?+(?:[0-9]++(?:\.[0-9]++)?+|\.[0-9]++)(?:[eE][+-]?+[0-9]++)?+"
)


MAX_CANDIDATES: Final = 1000  # of one picture


class Candidate(NamedTuple):
    """One file that is offered, "image source" in the standard: its URL as written, and what is
    said of its size."""

    url: str
    width: int | None = None
    """In pixels of the file, if it has a `w` descriptor."""
    density: float | None = None
    """In pixels of the file for each of CSS, if it has an `x` descriptor."""


def parse_srcset(text: str) -> Iterator[Candidate]:
    """The candidates of a `srcset`: "parse a srcset attribute".

    >>> [each.url for each in parse_srcset("a.jpg 640w, b.jpg 2x 3x, c.jpg")]
    ['a.jpg', 'c.jpg']
    """
    position = 0
    # splitting loop; the commas before a URL are an error that changes nothing
    while found := _URL.match(text, position):
        position = found.end()
        url = found[1].rstrip(",")
        descriptors: list[str] = []
        if url == found[1]:
            # descriptor tokenizer
            listed = _UP_TO_COMMA.match(text, position)
            assert listed is not None, "it may be empty"
            position = listed.end()
            descriptors = _DESCRIPTOR.findall(listed[1])
        candidate = _describe(url, descriptors)
        if candidate is not None:
            yield candidate


def _describe(
    url: str,
    descriptors: Sequence[str],
) -> Candidate | None:
    """Descriptor parser: None for "error is yes"."""
    said: dict[str, float] = {}
    for descriptor in descriptors:
        value, kind = descriptor[:-1], descriptor[-1]
        # `h` may stand beside `w`, and nothing else beside another
        allowed_beside = {"w": {"h"}, "h": {"w"}, "x": set[str]()}.get(kind)
        number = _float_of(value) if kind == "x" else _integer_of(value)
        if (
            allowed_beside is None
            or number is None
            or not said.keys() <= allowed_beside
        ):
            return None
        said[kind] = number
    if "h" in said and "w" not in said:
        return None
    width = int(said["w"]) if "w" in said else None
    return Candidate(url, width, said.get("x"))


def _integer_of(text: str) -> int | None:
    """A "valid non-negative integer" above 0."""
    found = _INTEGER.fullmatch(text)
    return int(found[1]) or None if found else None


def _float_of(text: str) -> float | None:
    """A "valid floating-point number", not below 0 and not beyond what a number can be."""
    number = float(text) if _FLOAT.fullmatch(text) else -1.0
    return abs(number) if 0 <= number < inf else None


def parse_sizes(
    text: str,
    viewport: float,
) -> float:
    """How wide a picture is drawn, in CSS pixels: "parse a sizes attribute".

    >>> parse_sizes("(width >= 60em) 33vw, calc(100vw - 2em)", 600)
    568.0
    """
    for unparsed_size in split_at(",", parse_components(text)):
        condition = _without_space_at_end(unparsed_size)
        if not condition:
            continue
        # `auto` is how wide the picture is drawn, which is not known here: it has no length
        size = length_of(condition.pop(), viewport)
        if size is None or size < 0:
            continue
        condition = _without_space_at_end(condition)
        if not condition or matches_condition(condition, viewport):
            return size
    return viewport  # 100vw


def _without_space_at_end(values: Sequence[Component]) -> list[Component]:
    kept = list(values)
    while kept and kept[-1].kind == "space":
        kept.pop()
    return kept


def source_set(
    srcset: str,
    default: str = "",
) -> list[Candidate]:
    """What an element offers: its `srcset`, and its `src` where that belongs to it: "create a
    source set"."""
    if not srcset:
        return [Candidate(default)] if default else []
    candidates = list(islice(parse_srcset(srcset), MAX_CANDIDATES))
    if default and all(
        each.width is None and each.density != 1 for each in candidates
    ):
        candidates.append(Candidate(default))
    return candidates


def select_candidate(
    candidates: Sequence[Candidate],
    wanted: int | None = None,
    drawn: float | None = None,
    sizes: str = "",
) -> Candidate | None:
    """The candidate for a width in pixels, the largest without one: "select an image source".

    That is the smallest one at least so wide, else the widest; of equal ones the first. `drawn`
    is the picture's `width` in CSS pixels, of which a density makes pixels; where it is not known,
    the greatest density is taken. Where widths and densities are mixed, `sizes` counts instead.
    """
    if len(candidates) == 1:
        return candidates[0]
    have_width = [each.width is not None for each in candidates]
    if any(have_width) and not all(have_width):
        drawn = parse_sizes(sizes, wanted or inf)

    def size_of(candidate: Candidate) -> tuple[float, float]:
        """In pixels, and for those that are equal or not known: its density."""
        density = 1.0 if candidate.density is None else candidate.density
        if candidate.width is not None:
            return candidate.width, density
        return (density * drawn if drawn and density else 0.0), density

    enough = [
        each for each in candidates if wanted and size_of(each)[0] >= wanted
    ]
    if enough:
        return min(enough, key=size_of)
    return max(candidates, key=size_of, default=None)
