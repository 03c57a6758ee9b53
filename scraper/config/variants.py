"""A variant in one line: `thumb=128x128,cover,gray,webp`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from scraper.config.keys import KeySet
from scraper.text import did_you_mean

Meaning = tuple[str, Any]  # a key, and its value

OPERATIONS: Final = (
    "crop",
    "rotate",
    "blur",
    "sharpen",
    "autocontrast",
    "resize",
)
# the edges of a crop have commas between them
_WORDS: Final = re.compile(r"(?:^|,)((?: *crop=[^,]*(?:,[^,]*){3})|[^,]*)")
_FUNCTION: Final = re.compile(r"[^\W\d][^=]*:")
_SIZE: Final = re.compile(r"\d+(x\d+)?")
_FORM: Final = (
    "expected NAME=WORDS, such as thumb=128x128,cover,gray,webp: a size, how it is reached, "
    "gray, a format, an operation, or KEY=VALUE with the keys of [[variant]]"
)
_OTHER_WORDS: Final[Mapping[str, Meaning]] = {
    "gray": ("grayscale", True),
    "grey": ("grayscale", True),
}


def parse_variant(text: str, keys: KeySet) -> dict[str, Any]:
    """The table that a line stands for; its values are checked like those of any other.

    Raises ValueError that says what is wrong.
    """
    name, sign, rest = text.partition("=")
    words = [each.strip() for each in _WORDS.split(rest)[1::2]]
    if not sign or not all(words):
        raise ValueError(_FORM)
    known = {**dict(_words_of(keys)), **_OTHER_WORDS}
    table: dict[str, Any] = {"name": name.strip()}
    said: dict[str, str] = {}
    for word in words:
        if _is_operation(word) or (word == "gray" and "op" in table):
            table.setdefault("op", []).append(word)
            continue
        key, value = _meaning_of(word, known, keys)
        if key in said:
            raise ValueError(f"{said[key]!r} and {word!r} both say its {key}")
        said[key] = word
        table[key] = value
    return table


def _is_operation(word: str) -> bool:
    return word.partition("=")[0] in OPERATIONS or bool(_FUNCTION.match(word))


def _meaning_of(
    word: str,
    known: Mapping[str, Meaning],
    keys: KeySet,
) -> Meaning:
    """The key that a word sets, and to what."""
    if _SIZE.fullmatch(word):
        return "resize", word
    if word in known:
        return known[word]
    name, sign, value = word.partition("=")
    key = keys.find(name)
    if sign and key is not None and key.name != "name":
        return key.name, value
    hint = did_you_mean(word, known, f"; {_FORM}")
    raise ValueError(f"{word!r} is no word of a variant{hint}")


def _words_of(keys: KeySet) -> Iterator[tuple[str, Meaning]]:
    """The words that can mean one key alone: values that are to be chosen from, and what is done or
    not."""
    for key in keys.by_name.values():
        for choice in filter(None, (*key.info.choices, *key.info.aliases)):
            yield choice, (key.name, choice)
        if key.type is bool:
            word = key.name.replace("_", "-")
            yield word, (key.name, True)
            yield f"no-{word}", (key.name, False)
