"""Lengths of CSS in pixels.

CSS Values: https://www.w3.org/TR/css-values-4/#lengths and #math
"""

from collections.abc import Callable, Sequence
from math import isnan, nan
from typing import Final

from processors.page.images.css import Component, split_at, without_space

_PIXELS: Final = {
    "px": 1.0,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "ch": 8.0,
    "in": 96.0,
    "cm": 96 / 2.54,
    "mm": 96 / 25.4,
    "q": 96 / 101.6,
    "pt": 96 / 72,
    "pc": 16.0,
}
_OF_VIEWPORT: Final = ("vw", "vi", "svw", "lvw", "dvw")

# A number, and whether it is a length.
_Amount = tuple[float, bool]
_Result = _Amount | None
Values = Sequence[Component]

_PLUS: Final = Component("sign", "+")


def length_of(
    value: Component,
    viewport: float,
) -> float | None:
    """A length in pixels, for a viewport so wide; None for what is no length, or not known here.

    Fonts are as large as where no one has set them; how high the viewport is, is not known.
    """
    amount, is_length = _amount_of(value, viewport) or (nan, False)
    if is_length:
        return 0.0 if isnan(amount) else amount
    return 0.0 if value.kind == "number" and amount == 0 else None


def _amount_of(
    value: Component,
    viewport: float,
) -> _Result:
    if value.kind == "number":
        return _number_of(value, viewport)
    if value.kind == "block" and value.text == "(":
        return _sum_of(value.inside, viewport)
    if value.kind == "call" and value.text in _FUNCTIONS:
        return _result_of(value, viewport)
    return None


def _number_of(
    value: Component,
    viewport: float,
) -> _Result:
    number = float(value.text)
    if not value.unit:
        return number, False
    if value.unit in _OF_VIEWPORT:
        return (number / 100 * viewport if number else 0.0), True
    pixels = _PIXELS.get(value.unit)
    return None if pixels is None else (number * pixels, True)


def _result_of(
    call: Component,
    viewport: float,
) -> _Result:
    count, function = _FUNCTIONS[call.text]
    arguments = [_sum_of(part, viewport) for part in split_at(",", call.inside)]
    if count not in (0, len(arguments)):
        return None
    return _reduce(function, arguments)


def _clamp(amounts: Sequence[float]) -> float:
    low, middle, high = amounts
    return max(low, min(middle, high))


# How many arguments each takes, 0 for any number.
_FUNCTIONS: Final[dict[str, tuple[int, Callable[[Sequence[float]], float]]]] = {
    "calc": (1, sum),
    "-webkit-calc": (1, sum),
    "min": (0, min),
    "max": (0, max),
    "clamp": (3, _clamp),
}


def _sum_of(
    values: Values,
    viewport: float,
) -> _Result:
    """What an expression such as `a * b + c` amounts to; None if it is none."""
    signed = [_PLUS, *without_space(values)]
    if len(signed) % 2:
        return None
    terms: list[_Result] = []
    for sign, operand in zip(signed[::2], signed[1::2], strict=True):
        amount = _amount_of(operand, viewport)
        if sign.is_sign("+"):
            terms.append(amount)
        elif sign.is_sign("-"):
            terms.append(_product_of(amount, (-1.0, False)))
        elif sign.is_sign("*"):
            terms.append(_product_of(terms.pop(), amount))
        elif sign.is_sign("/"):
            terms.append(_product_of(terms.pop(), _inverse_of(amount)))
        else:
            return None
    return _reduce(sum, terms)


def _product_of(
    left: _Result,
    right: _Result,
) -> _Result:
    if left is None or right is None or (left[1] and right[1]):
        return None
    return left[0] * right[0], left[1] or right[1]


def _inverse_of(amount: _Result) -> _Result:
    if amount is None or amount[1]:
        return None
    return (1 / amount[0] if amount[0] else nan), False


def _reduce(
    function: Callable[[Sequence[float]], float],
    amounts: Sequence[_Result],
) -> _Result:
    """What the function makes of numbers, or of lengths; None of both together."""
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts) or len({each for _, each in known}) != 1:
        return None
    return function([number for number, _ in known]), known[0][1]
