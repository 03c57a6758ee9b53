"""What of a page would take the parser beyond reason: seen before it, and lessened or refused.

A parser by the HTML standard looks through the open elements at most tags, and through the other
attributes of an element at each: its time grows with the square of how deep a page nests. 30,000
nested div take Lexbor 2 s, 100,000 take 20 to 50, a million attributes an hour. And what is left
open is opened again in each paragraph, so that 30 kB may stand for millions of elements.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import islice
from typing import Final

from processors import Unusable

# Below these, about, a page takes a second or two at most, whatever it is, and is not looked at.
FREE_CHARS: Final = 24_576
FREE_TAGS: Final = 4_000
FREE_STARTS: Final = 10_000
FREE_UNCLOSED: Final = 1_500
FREE_DEPTH: Final = 1_000
CHUNK_TAGS: Final = 1_000
WINDOW_CHARS: Final = (
    16_384  # without a ">" in it they may be a tag of thousands of attributes
)

MAX_DEPTH: Final = 512  # where browsers stop nesting, too
MAX_STEPS: Final = 200_000_000  # through open elements, some 5 ns each
MAX_ATTRIBUTES: Final = 20_000  # of one element: as many steps
MAX_ELEMENTS: Final = 2_000_000  # some 400 bytes each
SOME: Final = 2_000  # attributes, from which on a closer look is worth while
LONG_CHARS: Final = 4_000  # of a tag whose attributes are counted

_FORMATTING: Final = frozenset(
    """a b big code em font i nobr s small strike strong tt u""".split()  # noqa: SIM905
)
_PLAIN: Final = frozenset(  # nothing is inside them, or their end is implied before they are deep
    """area base basefont bgsound br col embed frame hr img input keygen link meta param source
    track wbr p li dd dt tr td th tbody thead tfoot colgroup caption head""".split()  # noqa: SIM905
)
_INLINE: Final = _FORMATTING | {"span"}
_ALONE: Final = frozenset(
    ("a", "nobr", "button")
)  # one within another ends it: never deep
_MERGED: Final = frozenset(
    ("html", "body")
)  # each tag adds attributes to the one element
_RAW: Final = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in """script style textarea title xmp iframe noembed
    noframes""".split()  # noqa: SIM905
}
_OPENING: Final = re.compile(r"<(?:!--|(/?)([a-zA-Z][^\s/>]*+))")
_NAME: Final = re.compile(r"<(/?[a-zA-Z][^\s/>]*+)")
_REST_OF_TAG: Final = re.compile(
    r"""(?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])))*+>"""
)
_ATTRIBUTE: Final = re.compile(
    r"""[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"']*+))?+"""
)


def make_parsable(text: str) -> str:
    """The page as the parser may have it: nearly always as it is.

    If all that is nested would take seconds, it loses the tags beyond a depth of 512, and no text.
    Raises Unusable `page_broken` for more attributes or elements than a page needs.
    """
    if not _is_suspicious(text):
        return text
    scan = _Scan(text)
    scan.read()
    if scan.steps <= MAX_STEPS:
        return text
    return scan.without_deep_tags()


def _is_suspicious(text: str) -> bool:
    if len(text) <= FREE_CHARS:
        return False
    if _has_long_tag(text):
        return True
    tags = _estimate_count(text, "<")
    if tags <= FREE_TAGS:
        return False
    starts = tags - _estimate_count(text, "</")
    is_large = starts > FREE_STARTS or 2 * starts - tags > FREE_UNCLOSED
    return is_large and _is_deep(text)


def _estimate_count(text: str, mark: str) -> int:
    """From a quarter of the text: to count them all takes 4 % of the parser's time."""
    begins = range(0, len(text), WINDOW_CHARS // 2)
    length = WINDOW_CHARS // 8
    counts = (text.count(mark, each, each + length) for each in begins)
    return 4 * sum(counts)


def _has_long_tag(text: str) -> bool:
    """Does a tag seem to have thousands of attributes?"""
    begin = 0
    while begin < len(text):
        if text.find(">", begin, begin + WINDOW_CHARS) >= 0:
            begin += WINDOW_CHARS
            continue
        end = text.find(">", begin)
        end = len(text) if end < 0 else end
        first = text.rfind(">", 0, begin) + 1
        tag = _OPENING.search(
            text,
            first,
            end,
        )
        if tag and tag[2] and _count_attributes(text, tag.end(), end) > SOME:
            return True
        begin = end + 1
    return False


def _count_attributes(
    text: str,
    begin: int,
    end: int,
) -> int:
    """At most one more than are too many."""
    found = _ATTRIBUTE.finditer(
        text,
        begin,
        end,
    )
    return sum(1 for _ in islice(found, MAX_ATTRIBUTES + 1))


def _is_deep(text: str) -> bool:
    """Are many elements open somewhere? Tags are counted by name, not paired."""
    names = _NAME.findall(text)
    still_open: Counter[str] = Counter()
    for begin in range(0, len(names), CHUNK_TAGS):
        for name, count in Counter(names[begin : begin + CHUNK_TAGS]).items():
            name = name.lower()
            if name[0] != "/":
                still_open[name] += count
            elif name != "/option":
                still_open[name[1:]] -= count
        if still_open["select"] <= 0:
            del still_open["option"]
        for name in [name for name, count in still_open.items() if count <= 0]:
            del still_open[name]
        if _count_nested(still_open) > FREE_DEPTH:
            return True
    return False


def _count_nested(still_open: Counter[str]) -> int:
    return sum(
        count for name, count in still_open.items() if name not in _PLAIN
    )


class _Scan:
    """A reading of the tags alone, which knows about how much the parser will do for each.

    Where the standard ends an element unasked, this reading may take it for open.
    """

    def __init__(self, text: str) -> None:
        self.steps = 0
        self._text = text
        self._elements = 0
        self._path: list[str] = []
        self._open: Counter[str] = Counter()
        self._attributes: Counter[str] = Counter()
        # open ones are opened again, at most three of the same tag
        self._formatting: defaultdict[str, list[str]] = defaultdict(list)
        self._alike: Counter[str] = Counter()
        self._reopened = 0
        self._deep: list[tuple[int, int]] = []

    def read(self) -> None:
        """Read all tags. Raises Unusable."""
        text, position = self._text, 0
        while opening := _OPENING.search(text, position):
            end, name = opening.groups()
            if name is None:
                position = text.find("-->", opening.start() + 2) + 3
                if position < 3:
                    break
                continue
            rest = _REST_OF_TAG.match(text, opening.end())
            if rest is None:
                break  # the text ends in it
            position = rest.end()
            name = name.lower()
            if end:
                self._close(name, opening.start(), position)
            else:
                self._begin(name, opening.start(), position)
                position = self._skip_raw(name, position)

    def without_deep_tags(self) -> str:
        """The text, a space in place of each tag that was too deep."""
        pieces, position = [], 0
        for begin, end in self._deep:
            pieces.append(self._text[position:begin])
            position = end
        return " ".join([*pieces, self._text[position:]])

    def _skip_raw(self, name: str, position: int) -> int:
        """Where to go on: in text like that of a script nothing is a tag."""
        if name == "plaintext":
            return len(self._text)
        if name not in _RAW or self._open["svg"] or self._open["math"]:
            return position
        end = _RAW[name].search(self._text, position)
        return end.start() if end else len(self._text)

    def _begin(
        self,
        name: str,
        begin: int,
        end: int,
    ) -> None:
        self._count_attributes(
            name,
            begin,
            end,
        )
        self._add_elements(1)
        self.steps += len(self._path)
        if name in _ALONE and self._open[name]:
            self._close(
                name,
                end,
                end,
            )
        if name in _FORMATTING:
            self._note_formatting(name, self._text[begin:end])
        else:
            self._add_elements(self._reopened)
        if name in _PLAIN:
            return
        if len(self._path) >= MAX_DEPTH and name not in _ALONE:
            self._deep.append((begin, end))
        self._path.append(name)
        self._open[name] += 1

    def _close(
        self,
        name: str,
        begin: int,
        end: int,
    ) -> None:
        self.steps += len(self._path)
        if name in _FORMATTING:
            self._forget_formatting(name)
        if name == "option" or not self._open[name]:
            return  # the parser looks through all options of a select at each
        place = self._place_of(name)
        if place is None:
            return
        for inner in self._path[place:]:
            self._open[inner] -= 1
        del self._path[place:]
        if place >= MAX_DEPTH and name not in _ALONE:
            self._deep.append((begin, end))

    def _place_of(self, name: str) -> int | None:
        """Where in the path the element is that an end tag closes, with all that is inside it.

        What formats text is closed alone if a block is inside it: then it is left in the path.
        """
        path = self._path
        for place in range(len(path) - 1, -1, -1):
            if path[place] == name:
                return place
            if name in _FORMATTING and path[place] not in _INLINE:
                return None
        return None

    def _note_formatting(self, name: str, tag: str) -> None:
        self._formatting[name].append(tag)
        self._alike[tag] += 1
        self._reopened += self._alike[tag] <= 3

    def _forget_formatting(self, name: str) -> None:
        if not self._formatting[name]:
            return
        tag = self._formatting[name].pop()
        self._reopened -= self._alike[tag] <= 3
        self._alike[tag] -= 1

    def _add_elements(self, count: int) -> None:
        self._elements += count
        if self._elements > MAX_ELEMENTS:
            raise Unusable(
                "page_broken",
                f"the page is more than {MAX_ELEMENTS:,} elements",
            )

    def _count_attributes(
        self,
        name: str,
        begin: int,
        end: int,
    ) -> None:
        if end - begin <= LONG_CHARS and name not in _MERGED:
            return
        count = _count_attributes(self._text, begin + 1 + len(name), end)
        if name in _MERGED:
            self._attributes[name] += count
            count = self._attributes[name]
        self.steps += count * count // 2 if name not in _MERGED else count
        if count > MAX_ATTRIBUTES:
            raise Unusable(
                "page_broken",
                f"an element has more than {MAX_ATTRIBUTES:,} attributes",
            )
