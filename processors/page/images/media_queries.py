"""Does a list of media queries match a screen of a width?

Media Queries: https://www.w3.org/TR/mediaqueries-4/#mq-syntax
Three answers: yes, no, and None for what is not known here or means nothing. That "unknown" is
"not all" in the end, whatever `not` stands before it.
"""

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Final

from processors.page.images.css import (
    NOTHING,
    Component,
    parse_components,
    split_at,
    without_space,
)
from processors.page.images.css_lengths import length_of

Answer = bool | None
Values = Sequence[Component]

_KEYWORDS: Final = frozenset(("not", "only", "and", "or", "layer"))
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}
_MIRRORED: Final = {"<": ">", "<=": ">=", "=": "=", ">=": "<=", ">": "<"}
_COLON: Final = {"width": "=", "min-width": ">=", "max-width": "<="}


def matches_media(
    text: str,
    viewport: float,
) -> bool:
    """Does this list match a screen so many pixels wide? One that is empty matches.

    >>> matches_media("print, (min-width: 40em)", 700)
    True
    """
    queries = list(split_at(",", parse_components(text)))
    if len(queries) == 1 and not without_space(queries[0]):
        return True
    return any(_query(without_space(each), viewport) for each in queries)


def matches_condition(
    values: Values,
    viewport: float,
) -> bool:
    """Does a condition without a type, such as stands in `sizes`, match?"""
    return _condition(without_space(values), viewport) is True


def _query(
    values: Values,
    viewport: float,
) -> Answer:
    words = [_word(value) for value in (*values[:2], NOTHING, NOTHING)]
    negates = words[0] == "not"
    if not words[0] or (negates and not words[1]):
        return _condition(values, viewport)
    has_prefix = words[0] in ("not", "only")
    kind = words[has_prefix]
    if not kind or kind in _KEYWORDS:
        return None
    matched: Answer = kind in ("all", "screen")
    rest = values[1 + has_prefix :]
    if rest:
        if _word(rest[0]) != "and":
            return None
        matched = _both(
            matched, _condition(rest[1:], viewport, joints=("and",))
        )
    return _opposite(matched) if negates else matched


def _condition(
    values: Values,
    viewport: float,
    joints: Sequence[str] = ("and", "or"),
) -> Answer:
    """`not (...)`, or `(...)` and more of them, all joined by the same word."""
    if len(values) == 2 and _word(values[0]) == "not":
        return _opposite(_in_brackets(values[1], viewport))
    words = {_word(value) for value in values[1::2]}
    if len(values) % 2 == 0 or len(words) > 1 or not words <= set(joints):
        return None
    join = _either if words == {"or"} else _both
    return reduce(
        join, [_in_brackets(value, viewport) for value in values[::2]]
    )


def _in_brackets(
    value: Component,
    viewport: float,
) -> Answer:
    if value.kind != "block" or value.text != "(":
        return None
    inside = without_space(value.inside)
    first = inside[0] if inside else NOTHING
    if first.kind in ("block", "call") or _word(first) == "not":
        return _condition(inside, viewport)
    return _feature(inside, viewport)


def _feature(
    values: Values,
    viewport: float,
) -> Answer:
    """`width`, `min-width: 40em`, `width >= 600px` or `400px < width <= 50em`."""
    words = [_word(value) for value in values]
    if words == ["width"]:
        return viewport > 0
    if len(values) == 3 and values[1].is_sign(":"):
        return _compare(_COLON.get(words[0], ""), values[2], viewport)
    if len(values) == 3 and words[0] == "width":
        return _compare(values[1].text, values[2], viewport)
    if len(values) in (3, 5) and words[2] == "width":
        return _range(values, viewport)
    return None


def _range(
    values: Values,
    viewport: float,
) -> Answer:
    """`400px < width`, and perhaps `<= 50em`."""
    first, *others = (value.text for value in values[1::2])
    answer = _compare(_MIRRORED.get(first, ""), values[0], viewport)
    for second in others:
        if "=" in (first, second) or first[0] != second[0]:
            return None  # they point to both sides
        answer = _both(answer, _compare(second, values[4], viewport))
    return answer


def _compare(
    sign: str,
    value: Component,
    viewport: float,
) -> Answer:
    """Is the viewport as wide as the sign and the length say?"""
    length = length_of(value, viewport)
    if length is None or sign not in _COMPARE:
        return None
    return _COMPARE[sign](viewport, length)


def _both(
    left: Answer,
    right: Answer,
) -> Answer:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _either(
    left: Answer,
    right: Answer,
) -> Answer:
    return _opposite(_both(_opposite(left), _opposite(right)))


def _opposite(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _word(value: Component) -> str:
    return value.text.lower() if value.kind == "name" else ""
