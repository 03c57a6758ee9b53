"""One URL, written in many ways that all mean it (https://url.spec.whatwg.org/)."""

from __future__ import annotations

import posixpath
import random
from typing import NamedTuple
from urllib.parse import quote, unquote

PLAIN_SHARE = 0.7  # of all references


class Address(NamedTuple):
    """The parts of a canonical http URL."""

    authority: str
    path: str
    query: str  # with its question mark


def address_of(href: str) -> Address:
    """
    >>> address_of("http://a.localhost:8000/b/c?d")
    Address(authority='a.localhost:8000', path='/b/c', query='?d')
    """
    authority, slash, rest = href.removeprefix("http://").partition("/")
    path, mark, query = rest.partition("?")
    return Address(authority, slash + path, mark + query)


def written(base: str, target: str, draw: random.Random) -> str:
    """A reference in a page at `base` that means `target`; both are canonical, without fragment."""
    reference = written_plainly(base, target, draw)
    if draw.random() < PLAIN_SHARE:
        return reference
    return draw.choice(_DECORATIONS)(reference, draw)


def written_plainly(base: str, target: str, draw: random.Random) -> str:
    """One that may stand in a header."""
    here, there = address_of(base), address_of(target)
    forms = [_absolute(there), f"//{there.authority}{there.path}{there.query}"]
    if here.authority == there.authority:
        near = _relative(here, there)
        forms += [there.path + there.query, near, near, near]
        if there.query and here.path == there.path:
            forms.append(there.query)
    return draw.choice(forms)


def _absolute(there: Address) -> str:
    return f"http://{there.authority}{there.path}{there.query}"


def _relative(here: Address, there: Address) -> str:
    folder = posixpath.dirname(here.path)
    name = there.path.rpartition("/")[2]
    steps = posixpath.relpath(posixpath.dirname(there.path), folder)
    if steps == ".":
        # an empty reference would mean the base with its query
        return (name or "./") + there.query
    return f"{steps}/{name}{there.query}"


# -- decorations: what stands in the reference and changes nothing --------------------------------


def _fragment(reference: str, draw: random.Random) -> str:
    return f"{reference}#{draw.choice(('top', 'a/b?c', '', '%23'))}"


def _white_space(reference: str, draw: random.Random) -> str:
    """Around it, and TAB or the end of a line even inside."""
    inside = draw.randrange(len(reference) + 1)
    return (
        f" \n{reference[:inside]}{draw.choice((chr(9), chr(10)))}"
        f"{reference[inside:]}  "
    )


def _loud(reference: str, draw: random.Random) -> str:
    """Scheme and host in capitals."""
    if not reference.startswith("http://"):
        return reference
    authority, slash, rest = reference.removeprefix("http://").partition("/")
    return f"HTTP://{authority.upper()}{slash}{rest}"


def _backslashes(reference: str, draw: random.Random) -> str:
    """To a browser they are slashes, before the query."""
    before, mark, query = reference.partition("?")
    return before.replace("/", "\\") + mark + query


def _dots(reference: str, draw: random.Random) -> str:
    """A step aside and back, where the reference begins with the root of its host."""
    if not reference.startswith("/") or reference.startswith("//"):
        return reference
    return draw.choice(("/./", "/aside/../", "/aside/%2E%2e/")) + reference[1:]


def _plain(reference: str, draw: random.Random) -> str:
    """What is percent-encoded, written as the character, where that is encoded again."""
    before, mark, query = reference.partition("?")
    plain = unquote(before)
    again = "".join(map(_encoded, plain))
    return (plain if again == before else before) + mark + query


def _encoded(letter: str) -> str:
    is_kept = letter.isascii() and letter != " "
    return letter if is_kept else quote(letter)


_DECORATIONS = (_fragment, _white_space, _loud, _backslashes, _dots, _plain)
