"""What the meta elements of a page say, by their names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from selectolax.lexbor import LexborNode

from processors.page.references import attributes_of
from processors.page.visible_text import collapse_spaces

MAX_METAS: Final = 2_000
MAX_CONTENT_CHARS: Final = 10_000  # of one
MAX_CONTENTS_CHARS: Final = 1_000_000  # of all together

Metas = Mapping[str, list[str]]
_NAMES: Final = ("name", "property", "itemprop")
_SOCIAL: Final = (
    "og:",
    "article:",
    "book:",
    "fb:",
    "music:",
    "product:",
    "profile:",
    "video:",
)


def contents_of(elements: Iterable[LexborNode], name: str) -> list[str]:
    """What the meta elements of this name say."""
    named = (
        node
        for node in elements
        if (node.attrs.get("name") or "").lower() == name
    )
    return attributes_of(named, "content")


def read_metas(elements: Sequence[LexborNode]) -> tuple[Metas, bool]:
    """By name, property or itemprop, in lower case, what the meta elements say, on one line; and
    whether there is more."""
    found: dict[str, list[str]] = {}
    chars_left = MAX_CONTENTS_CHARS
    for node in elements[:MAX_METAS]:
        said = node.attributes
        content = collapse_spaces(said.get("content"))
        if content is None:
            continue
        names = {(said.get(each) or "").strip().lower() for each in _NAMES}
        for name in names - {""}:
            chars_left -= len(name) + min(len(content), MAX_CONTENT_CHARS)
            if chars_left < 0:
                return found, True
            found.setdefault(name, []).append(content[:MAX_CONTENT_CHARS])
    return found, len(elements) > MAX_METAS


def open_graph(metas: Metas) -> dict[str, list[str]]:
    """The properties of OpenGraph and its namespaces, each with all its values."""
    return _of_prefixes(metas, _SOCIAL)


def twitter_card(metas: Metas) -> dict[str, list[str]]:
    """The same of the Twitter card."""
    return _of_prefixes(metas, ("twitter:",))


def _of_prefixes(
    metas: Metas, prefixes: tuple[str, ...]
) -> dict[str, list[str]]:
    return {
        name: values
        for name, values in metas.items()
        if name.startswith(prefixes)
    }
