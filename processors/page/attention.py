"""Which parts of a page count as its text and its links: all, but what is ignored; of the text only
what is watched, if anything is."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError


class Attention(NamedTuple):
    """The selectors; empty: all of the page is seen, and nothing is watched."""

    watch: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


EVERYTHING: Final = Attention()


class Parts(NamedTuple):
    """The elements that these are in one page, by their `mem_id`."""

    watched: frozenset[int] = frozenset()
    ignored: frozenset[int] = frozenset()
    ignored_links: frozenset[int] = frozenset()


ALL: Final = Parts()


def parts_of(tree: LexborHTMLParser, attention: Attention) -> Parts:
    """What the selectors find in a page."""
    if attention == EVERYTHING:
        return ALL
    ignored = _ids(find_all(tree, attention.ignore))
    return Parts(
        _ids(find_all(tree, attention.watch)),
        ignored,
        ignored | _links_in(tree, attention.ignore),
    )


def find_all(
    top: LexborHTMLParser | LexborNode, selectors: Iterable[str]
) -> list[LexborNode]:
    """The elements that fit one of them, in the order of the page."""
    css = ", ".join(selectors)
    try:
        return top.css(css) if css else []
    except SelectolaxError as error:
        # They were checked, so what Lexbor lacks is memory.
        raise MemoryError(f"{css}: {error}") from error


def _links_in(
    tree: LexborHTMLParser, ignore: tuple[str, ...]
) -> frozenset[int]:
    """All links below what is ignored. What is ignored inside of it is not looked at again."""
    inside: set[int] = set()
    for node in find_all(tree, ignore):
        if node.mem_id not in inside:
            inside |= _ids(find_all(node, ("a", "area", *ignore)))
    return frozenset(inside)


def _ids(nodes: Iterable[LexborNode]) -> frozenset[int]:
    return frozenset(node.mem_id for node in nodes)
