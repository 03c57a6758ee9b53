"""The value of a key: what is accepted, in which spellings, and what a message says of it.

The unit in a key's name decides what is understood: `_seconds` take `500ms 30s 5m 6h 7d`, `_bytes`
take `64k 2M 1G`.
"""

from __future__ import annotations

import math
import operator
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from scraper.config import functions
from scraper.config.keys import Key, KeySet
from scraper.errors import UsageError
from scraper.text import did_you_mean

SCRIPT = "the script"  # as the place of a value
_UNITS: dict[str, dict[str, float]] = {
    "seconds": {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400},
    "bytes": {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40},
}
_EXAMPLES = {
    "seconds": " such as 30, 500ms, 5m",
    "bytes": " such as 65536, 64k, 2M",
}
_MOST_CHOICES = 8  # that a message names
_NOUNS = {"seconds": "a duration", "bytes": "a size"}
_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


class Given(NamedTuple):
    """A value as it was given: by which name, and where."""

    name: str
    value: Any
    place: str
    path: str = ""  # in which table: "[[variant]] 2: "


def parse_all(keys: KeySet, given: Iterable[Given]) -> dict[str, Given]:
    """By the name of its key, each value as the type of the key. Raises UsageError."""
    parsed: dict[str, Given] = {}
    spellings: dict[str, str] = {}
    for each in given:
        key = keys.find(each.name)
        if key is None:
            raise UsageError(_describe_unknown(keys, each))
        spelling = spellings.setdefault(key.name, each.name)
        if spelling != each.name:
            raise UsageError(
                f"{each.path}{spelling} and {each.name} in {each.place} are the same key: "
                "give one of them"
            )
        parsed[key.name] = each._replace(value=parse_value(key, each))
    return parsed


def _describe_unknown(keys: KeySet, given: Given) -> str:
    if renamed := keys.find_renamed(given.name):
        return f"{given.path}{given.name} in {given.place} is called {renamed.name} now"
    if replacement := keys.find_replacement(given.name):
        return (
            f"{given.path}{given.name} in {given.place} is gone: {replacement}"
        )
    if near := keys.nearest(given.name):
        hint = f"did you mean {near}?"
    elif given.path:
        hint = f"keys: {', '.join(keys.by_name)}"
    elif given.place == SCRIPT:
        hint = "print(scraper.configure()) shows all keys"
    else:
        hint = "--show-config shows all keys"
    return f"{given.path}unknown key {given.name!r} in {given.place}; {hint}"


def parse_value(key: Key, given: Given) -> Any:
    """The value as the key's type. Raises UsageError that names key, place and what is allowed."""
    try:
        return convert(key, given.value)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"{given.path}{key.name} = {key.redact(given.value)!r} from {given.place} is invalid: "
            f"expected {allowed_values(key)}{_probably_meant(key, given.value)}"
        ) from None


def _probably_meant(key: Key, value: Any) -> str:
    """The end of a message about a wrong value."""
    if isinstance(value, bool):
        value = str(value).lower()
    if key.is_list and isinstance(value, str | list | tuple):
        value = _first_wrong(key, value)
    if not isinstance(value, str):
        return ""
    if value in key.info.formerly:
        return f"; {value!r} is called {key.info.formerly[value]!r} now"
    return did_you_mean(value, key.info.choices)


def _first_wrong(key: Key, given: str | list[Any] | tuple[Any, ...]) -> Any:
    """The first element of a list that is none of the choices."""
    words = split_list(given) if isinstance(given, str) else given
    return next((word for word in words if not _may_be_in(key, word)), "")


# -- conversion -----------------------------------------------------------------------------------


def convert(key: Key, given: Any) -> Any:
    """`given` as the key's type. Raises ValueError, TypeError or OverflowError."""
    if key.info.takes is not None:
        given = functions.names_in(given, key.name)
    if key.is_list:
        return _strings(key, given)
    if key.is_table:
        return _table(given)
    value = _builtin(given)
    if key.type is bool:
        return _boolean(value)
    if key.type is str:
        return _text(key, value)
    return _number(key, value)


def _builtin(value: Any) -> Any:
    """A scalar of another library, such as numpy's, as one of Python's own."""
    if isinstance(value, bool | int | float | str):
        return value
    item = getattr(value, "item", None)
    if callable(item):
        value = item()
    if isinstance(value, bool | int | float):
        return value
    if hasattr(value, "__index__"):
        return operator.index(value)
    if hasattr(value, "__float__"):
        return float(value)
    return value


def _strings(key: Key, given: Any) -> tuple[str, ...]:
    value: Any = given
    if isinstance(given, str) and key.info.command:
        value = shlex.split(given)
    elif isinstance(given, str):
        value = (
            split_list(given)
            if key.info.splits
            else list(filter(None, [given]))
        )
    if not isinstance(value, list | tuple):
        raise ValueError
    if not all(isinstance(each, str) for each in value):
        raise ValueError
    if not all(_may_be_in(key, each) for each in value):
        raise ValueError
    return tuple(value)


def _may_be_in(key: Key, word: Any) -> bool:
    """Is the word one of the choices of a list, or of the form that it may have beside them?"""
    info = key.info
    if not info.choices or word in info.choices:
        return True
    if not info.pattern or not isinstance(word, str):
        return False
    return re.fullmatch(info.pattern, word) is not None


def _table(given: Any) -> dict[str, Any]:
    """A copy, all the way down; what is in it is checked where it is used."""
    if not isinstance(given, Mapping):
        raise ValueError
    if not all(isinstance(name, str) for name in given):
        raise ValueError
    return {name: _copied(each) for name, each in given.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _table(value)
    if isinstance(value, list | tuple):
        return [_copied(each) for each in value]
    return value


def split_list(text: str) -> list[str]:
    """The elements of a list that is written with commas.

    >>> split_list("a.example, b.example,")
    ['a.example', 'b.example']
    """
    parts = (part.strip() for part in text.split(","))
    return [part for part in parts if part]


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLEANS:
        return _BOOLEANS[value.lower()]
    raise ValueError


def _text(key: Key, value: Any) -> str:
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if (
        key.info.pattern
        and isinstance(value, int)
        and not isinstance(value, bool)
    ):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError
    word: str = key.info.aliases.get(value, value)
    if key.info.choices and word not in key.info.choices:
        raise ValueError
    if key.info.pattern and not re.fullmatch(key.info.pattern, word):
        raise ValueError
    return word


def _number(key: Key, value: Any) -> int | float:
    if key.info.auto and value == "auto":
        return 0
    number = _quantity(value, key.unit) if isinstance(value, str) else value
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError
    if not math.isfinite(number):
        raise ValueError
    low, high = key.info.low, key.info.high
    if (low is not None and number < low) or (
        high is not None and number > high
    ):
        raise ValueError
    if key.type is float:
        return float(number)
    if number != int(number):
        raise ValueError
    return int(number)


def _quantity(text: str, unit: str) -> int | float:
    """A number with the suffix that its unit may have: `500ms`, `2MiB`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*", text)
    if match is None:
        raise ValueError
    suffix = match[2].lower()
    if unit == "bytes":
        suffix = _short_suffix(suffix)
    factors = _UNITS.get(unit, {"": 1})
    if suffix not in factors:
        raise ValueError
    number = float(match[1]) * factors[suffix]
    return int(number) if number == int(number) else number


def seconds_of(name: str, value: Any) -> float:
    """A duration that is no key. Raises UsageError.

    >>> seconds_of("max_age", "1d")
    86400.0
    """
    try:
        number = (
            _quantity(value, "seconds") if isinstance(value, str) else +value
        )
        if not 0 <= number < math.inf:
            raise ValueError
    except (ValueError, TypeError):
        raise UsageError(
            f"{name}={value!r} is invalid: expected a duration"
            f"{_EXAMPLES['seconds']}"
        ) from None
    return float(number)


def _short_suffix(suffix: str) -> str:
    """`mib` and `mb` as `m`."""
    if suffix != "ib":
        suffix = suffix.removesuffix("ib")
    if len(suffix) == 2:
        suffix = suffix.removesuffix("b")
    return suffix


# -- in words -------------------------------------------------------------------------------------


def allowed_values(key: Key) -> str:
    """What values are right."""
    info = key.info
    if key.is_list and info.pattern:
        return f"any of {info.metavar.replace('|', ', ')}"
    if info.choices:
        number = "any of" if key.is_list else "one of"
        words = [choice or '""' for choice in info.choices[:_MOST_CHOICES]]
        more = len(info.choices) - len(words)
        end = f" and {more} more" if more else ""
        return f"{number} {', '.join(words)}{end}"
    if key.type is bool:
        return "true or false"
    if key.is_table:
        return "a table"
    if key.info.command:
        return "a command: a list of its words (a line of them outside TOML)"
    if key.is_list:
        where = "outside TOML" if info.splits else "in the environment"
        return f"a list of strings (a comma-separated one {where})"
    if key.type is str:
        return info.metavar.replace("|", " or ") if info.pattern else "a string"
    noun = _NOUNS.get(
        key.unit, "a number" if key.type is float else "a whole number"
    )
    low, high = (
        describe_bound(info.low, key.unit),
        describe_bound(info.high, key.unit),
    )
    word = ", or auto" if info.auto else ""
    return f"{noun} from {low} to {high}{word}{_EXAMPLES.get(key.unit, '')}"


def describe_bound(bound: float | None, unit: str = "") -> str:
    """A bound in the largest unit in which it is a plain number.

    >>> describe_bound(2**21, "bytes"), describe_bound(604_800, "seconds")
    ('2M', '7d')
    """
    if bound is None:
        return "any"
    if unit == "bytes" and bound >= 2**10:
        for letter, power in (("T", 40), ("G", 30), ("M", 20), ("k", 10)):
            if bound % 2**power == 0:
                return f"{int(bound) // 2**power}{letter}"
    if unit == "seconds" and bound >= 86_400:
        return f"{bound / 86_400:g}d"
    return f"{int(bound)}" if bound == int(bound) else f"{bound}"
