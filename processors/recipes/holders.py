"""Which elements of a page hold a text: in what a reader sees of them, or in an attribute."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page.visible_text import collapse_spaces
from processors.recipes.values import text_of

MAX_PLACES: Final = 2_000  # in the text, and in attributes, that are looked at
MAX_ALIKE: Final = 2  # elements of the same tag and class
MAX_SAID_CHARS: Final = 2_000  # of what holds it

_UNSEEN: Final = frozenset("script style noscript template iframe".split())  # noqa: SIM905
_TEXT: Final = "-text"


class Holder(NamedTuple):
    """An element, and what it says or an attribute of it."""

    node: LexborNode
    attribute: str | None
    said: str


class _Place(NamedTuple):
    """Where the text stands, and how many characters beside it."""

    node: LexborNode
    attribute: str | None
    more: int


def fold(text: str) -> str:
    """What is compared: no white space, no case.

    >>> fold("In stock") in fold("IN  STOCK (12)")
    True
    """
    return "".join(text.split()).casefold()


def holders_of(tree: LexborHTMLParser, needle: str, most: int) -> list[Holder]:
    """The elements that hold a folded text, the smallest of each: those that say nothing else
    first."""
    walked = _Walk(tree, needle)
    in_text = list(walked.places_in_text())
    in_attributes = walked.places_in_attributes
    if not all(place.more for place in in_text):
        # An element says this and nothing else: an address that holds it, too, is beside the point.
        in_attributes = [place for place in in_attributes if not place.more]
    places = [*in_text, *in_attributes]
    places.sort(
        key=lambda place: (
            place.more > 0,
            place.attribute is not None,
            place.more,
        )
    )
    holders: list[Holder] = []
    alike: Counter[object] = Counter()
    for node, attribute, _ in places:
        kind = node.tag, node.attrs.get("class"), attribute
        alike[kind] += 1
        if alike[kind] > MAX_ALIKE:
            continue
        said = said_by(node, attribute) or ""
        if needle in fold(said) and len(said) <= MAX_SAID_CHARS:
            holders.append(Holder(node, attribute, said))
        if len(holders) == most:
            break
    return holders


def said_by(node: LexborNode, attribute: str | None) -> str | None:
    """What a field of type text has of an element, or of an attribute."""
    if attribute is None:
        return text_of(node)
    return collapse_spaces(node.attrs.get(attribute))


class _Walk:
    """One walk over a page: its text without white space, and where which element begins and ends
    in it. By hand, not by recursion: pages nest deeper than Python's stack."""

    def __init__(self, tree: LexborHTMLParser, needle: str) -> None:
        self._needle = needle
        self._starts: list[int] = []
        self._nodes: list[LexborNode] = []  # the text nodes that begin there
        self._ends: dict[int, int] = {}  # by the element's mem_id
        self._begins: dict[int, int] = {}
        self.places_in_attributes: list[_Place] = []
        self._text = self._read(tree)

    def _read(self, tree: LexborHTMLParser) -> str:
        pieces: list[str] = []
        at = 0
        above: list[LexborNode] = []
        node = tree.root
        while node is not None or above:
            if node is None:
                node = above.pop()
                self._ends[node.mem_id] = at
                node = node.next
                continue
            if node.tag == _TEXT:
                piece = fold(node.text_content or "")
                if piece:
                    self._starts.append(at)
                    self._nodes.append(node)
                    pieces.append(piece)
                    at += len(piece)
            elif node.is_element_node and node.tag not in _UNSEEN:
                self._begins[node.mem_id] = at
                self._look_at_attributes(node)
                above.append(node)
                node = node.first_child
                continue
            node = node.next
        return "".join(pieces)

    def _look_at_attributes(self, node: LexborNode) -> None:
        if len(self.places_in_attributes) >= MAX_PLACES:
            return
        for name, value in node.attributes.items():
            if name == "style" or name.startswith("on") or not value:
                continue
            folded = fold(value)
            if self._needle in folded:
                more = len(folded) - len(self._needle)
                self.places_in_attributes.append(_Place(node, name, more))

    def places_in_text(self) -> Iterator[_Place]:
        """The smallest element around each place, each element once."""
        seen: set[int] = set()
        at = self._text.find(self._needle)
        for _ in range(MAX_PLACES):
            if at < 0:
                return
            node = self._element_around(at, at + len(self._needle))
            if node is not None and node.mem_id not in seen:
                seen.add(node.mem_id)
                chars = self._ends[node.mem_id] - self._begins[node.mem_id]
                yield _Place(node, None, chars - len(self._needle))
            at = self._text.find(self._needle, at + 1)

    def _element_around(self, begin: int, end: int) -> LexborNode | None:
        node = self._nodes[bisect_right(self._starts, begin) - 1].parent
        while node is not None and self._ends.get(node.mem_id, 0) < end:
            node = node.parent
        return node
