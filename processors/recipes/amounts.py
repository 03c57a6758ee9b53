"""Numbers as pages write them, in any locale: `£1,234.50`, `1.234,50 €`, `−5 %`, `٥١٫٧٧`."""

import re
import sys
from decimal import Decimal
from typing import Final

MAX_NUMBER_CHARS: Final = 40
_UNWRITTEN: Final = re.compile(r"[\s']")
_ONE: Final = Decimal(1)
MAX_INTEGER: Final = 2**63 - 1  # what every format of ours can hold
MAX_FLOAT: Final = sys.float_info.max

# The first number: digits, and signs between them. A space stands before three digits only, so
# that two numbers are not taken for one; after a euro sign there are two cents.
_NUMBER: Final = re.compile(
    r"[.,]?\d+(?:(?:[.,']|\s(?=\d{3}(?!\d)))\d+)*(?:€\d\d(?!\d))?"
)
# A minus touches what it belongs to, the number or its currency; a dash between words does not.
_SIGN: Final = re.compile(
    r"(?:(?<!\w)[-−–]|^[-−–]\s)(?:[A-Z]{2,3}\s?|[A-Z]{0,3}[^\s\w]\s?)?$"
)
_ONE_MARK: Final = re.compile(r"(\d*)([.,])\d+")
_PLAIN: Final = str.maketrans(
    {"٫": ".", "٬": ",", "’": "'", "\u200e": "", "\u200f": "", "\u061c": ""}
)


def read_number(text: str, decimal: str | None) -> int | float:
    """The first number in a text; raises ValueError if there is none, or no sense in it.

    >>> read_number("£1,234.50", None), read_number("1.234,50 €", None), read_number("−5 %", None)
    (1234.5, 1234.5, -5)

    `decimal` is the decimal mark. Without one it is taken from the number itself; three digits
    after the only mark are thousands (price-parser's rule), if they can be.

    >>> read_number("1.234", None), read_number("1.234", "."), read_number("0.234", None)
    (1234, 1.234, 0.234)
    """
    from price_parser.parser import parse_number

    plain = text.translate(_PLAIN).strip()
    found = _NUMBER.search(plain)
    if found is None:
        raise ValueError("there is no number in it")
    digits = found[0]
    if len(digits) > MAX_NUMBER_CHARS:
        raise ValueError("the number is too long")
    mark = decimal or _decimal_mark(digits)
    _check_thousands(digits, mark)
    amount = parse_number(_UNWRITTEN.sub("", digits), mark)
    if amount is None:
        raise ValueError("its signs make no number")
    if _SIGN.search(plain, max(0, found.start() - 8), found.start()):
        amount = -amount
    if not amount.same_quantum(_ONE):
        return float(amount)  # it has digits after the mark
    return check_size(int(amount))


def read_integer(text: str, decimal: str | None) -> int:
    """A number that has to be whole."""
    return whole(read_number(text, decimal))


def check_size(number: int | float) -> int | float:
    """The same; raises ValueError if it is larger than a record can hold, or no number at all."""
    if number != number:  # what `to_number` of JMESPath makes of "nan"
        raise ValueError("there is no number in it")
    if abs(number) > (MAX_INTEGER if isinstance(number, int) else MAX_FLOAT):
        raise ValueError("the number is too large; as text it can be kept")
    return number


def whole(number: int | float) -> int:
    """The same as an integer; raises ValueError if it is none."""
    if number != number // 1:
        raise ValueError("the number is not whole")
    return int(check_size(int(number)))


def _check_thousands(digits: str, mark: str | None) -> None:
    """What is not the decimal mark stands before three digits."""
    if mark is None:
        return
    before = digits.partition(mark)[0]
    other = "," if mark == "." else "."
    if other in before and len(before.rpartition(other)[2]) != 3:
        raise ValueError(f"with {mark!r} as decimal mark it is no number")


def _decimal_mark(digits: str) -> str | None:
    """What has to be the decimal mark; None where price-parser decides."""
    if "€" in digits:
        return None
    one = _ONE_MARK.fullmatch(digits)
    if one:
        before, mark = one.groups()
        can_group = 1 <= len(before) <= 3 and before[0] != "0"
        return None if can_group else mark
    marks = [sign for sign in digits if sign in ".,"]
    return marks[-1] if len(set(marks)) == 2 else None
