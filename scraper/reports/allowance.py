"""How many URLs may fail before a run has: `--fail-on failed=5%`, or a number of them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

_FAILED = "failed="


def is_exceeded(fail_on: Iterable[str], failed: int, asked: int) -> bool:
    """Have more failed than is allowed? Where nothing says how many, none is.

    >>> is_exceeded(["gone", "failed=5%"], failed=5, asked=100)
    False
    """
    allowed = [
        each.removeprefix(_FAILED)
        for each in fail_on
        if each.startswith(_FAILED)
    ]
    return any(failed > _most(each, asked) for each in allowed or ["0"])


def _most(allowed: str, asked: int) -> Fraction:
    """A share is exact: 29 of 100 are not more than 29 %."""
    if allowed.endswith("%"):
        return Fraction(allowed[:-1]) * asked / 100
    return Fraction(allowed)
