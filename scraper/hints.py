"""What was probably meant: of the words that would be right, the one nearest to the wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The choice that begins with the word, if only one does, else the most similar one.

    Case, and whether words are joined by - or _, is no difference.

    >>> nearest("--gray", ["--retry", "--delay", "--grayscale"])
    '--grayscale'
    """
    by_letters = {_letters(choice): choice for choice in choices if choice}
    letters = _letters(word)
    if letters in by_letters:
        return by_letters[letters]
    longer = [each for each in by_letters if letters and each.startswith(letters)]
    if len(longer) == 1:
        return by_letters[longer[0]]
    near = difflib.get_close_matches(letters, by_letters, 1, cutoff)
    return by_letters[near[0]] if near else None


def did_you_mean(
    word: str, choices: Iterable[str], otherwise: str = "", cutoff: float = 0.6
) -> str:
    """The end of a message about a wrong word; `otherwise` stands there if nothing is near."""
    near = nearest(word, choices, cutoff)
    return f"; did you mean {near}?" if near else otherwise


def _letters(word: str) -> str:
    return word.lower().replace("-", "_").lstrip("_")
