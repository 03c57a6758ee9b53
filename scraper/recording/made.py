"""How the facts of a body were made, and by how large a scope its links were judged: one text.

The first part is a hash of the way of processing. The second counts the places that lists had named
by then; if there are more by now, the links of a page that has not changed are looked at once more.
"""

from __future__ import annotations


def made_with(hash: str, places: int) -> str:
    """The text.

    >>> made_with("a1b2", 3), made_with("a1b2", 0), made_with("", 3)
    ('a1b2.3', 'a1b2', '')
    """
    return f"{hash}.{places}" if hash and places else hash


def is_made_alike(one: str | None, other: str | None) -> bool:
    """Were the facts made in the same way?

    >>> is_made_alike("a1b2.3", "a1b2"), is_made_alike("a1b2", "c3d4"), is_made_alike(None, "a1b2")
    (True, False, False)
    """
    if one is None or other is None:
        return one is other
    return one.partition(".")[0] == other.partition(".")[0]


def places_in(text: str) -> int:
    """By how many places the links were judged.

    >>> places_in("a1b2.3"), places_in("a1b2")
    (3, 0)
    """
    return int(text.partition(".")[2] or 0)
