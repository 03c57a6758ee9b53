"""What a reader sees of a page: a line for each block, and what headings and links say."""

from typing import Any, Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page.attention import ALL, Parts


def _tag_ids(names: str) -> frozenset[int]:
    """The parser's numbers of these elements: to compare those takes half the time of names."""
    page = LexborHTMLParser("")
    return frozenset(page.create_node(name).tag_id for name in names.split())


_UNSEEN: Final = _tag_ids(
    """head script style noscript template title iframe noembed noframes
    datalist"""
)
_BLOCKS: Final = _tag_ids(
    """address article aside blockquote body br button caption center dd details dialog dir div dl
    dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html
    legend li listing main menu nav ol optgroup option p plaintext pre search section select
    summary table tbody textarea tfoot thead tr ul xmp"""
)
_TEXT: Final = 2  # the number of a text node
# NUL cannot occur in a page's text, so it can mark where a block begins or ends.
_BREAK: Final = "\0"
_BEFORE: Final = dict.fromkeys(_BLOCKS, _BREAK) | dict.fromkeys(
    _tag_ids("td th"), " "
)


# Elements whose own text is a fact.
TELLING: Final = _tag_ids("a h1 h2 h3 h4 h5 h6")
_LEVELS: Final = {f"h{level}": level for level in range(1, 7)}
MAX_HEADINGS: Final = 1_000
NONE: Final[frozenset[int]] = frozenset()
MAX_LINE_CHARS: Final = 300  # of one of these elements
# They may stand in each other, so that little is looked at for each.
_PIECES_LOOKED_AT: Final = 300
_CHARS_LOOKED_AT: Final = 500  # of each piece


class Seen(NamedTuple):
    """What a reader sees."""

    text: str
    """A line for each block, white space collapsed."""
    lines: list[tuple[LexborNode, str]]
    """The beginning of the text of each telling element, on one line; inner ones go before outer
    ones."""
    watched: str = ""
    """Of the text what is watched."""

    @property
    def texts(self) -> dict[int, str]:
        """The same by the element's `mem_id`."""
        return {node.mem_id: text for node, text in self.lines}

    def headings(self) -> tuple[list[dict[str, Any]], bool]:
        """Level and text of each that has a text, and whether there are more."""
        found: list[dict[str, Any]] = []
        for node, text in self.lines:
            level = _LEVELS.get(node.tag or "")
            if level is None or not text:
                continue
            if len(found) == MAX_HEADINGS:
                return found, True
            found.append({"level": level, "text": text})
        return found, False


def read_visible(
    body: LexborNode,
    telling: frozenset[int] = NONE,
    parts: Parts = ALL,
) -> Seen:
    """What a reader sees below a node, but for what is ignored.

    Walked by hand, not by recursion: pages nest deeper than Python's stack, and a walk over
    `traverse()` does not say where a block ends.
    """
    pieces: list[str] = []
    add = pieces.append
    above: list[LexborNode] = []  # the way down
    began: list[int] = []  # of the telling ones among them, the first piece
    lines: list[tuple[LexborNode, str]] = []
    watched, ignored, _ = parts
    watched_pieces: list[str] = []
    outermost, first_piece = -1, 0  # of what is watched, here
    node = body.first_child
    while node is not None or above:
        if node is None:
            node = above.pop()
            tag = node.tag_id
            if tag in telling:
                lines.append((node, _one_line(pieces, began.pop())))
            if tag in _BLOCKS:
                add(_BREAK)
            if len(above) == outermost:
                watched_pieces += (_BREAK, *pieces[first_piece:])
                outermost = -1
            node = node.next
            continue
        tag = node.tag_id
        if tag == _TEXT:
            add(" " if node.is_empty_text_node else node.text_content or "")
        elif tag not in _UNSEEN and not (ignored and node.mem_id in ignored):
            if outermost < 0 and watched and node.mem_id in watched:
                outermost, first_piece = len(above), len(pieces)
            add(_BEFORE.get(tag, ""))
            above.append(node)
            if tag in telling:
                began.append(len(pieces))
            node = node.first_child
            continue
        node = node.next
    return Seen(
        _join_lines("".join(pieces)),
        lines,
        _join_lines("".join(watched_pieces)),
    )


def _one_line(pieces: list[str], begin: int) -> str:
    looked_at = pieces[begin : begin + _PIECES_LOOKED_AT]
    text = "".join([piece[:_CHARS_LOOKED_AT] for piece in looked_at])
    return " ".join(text.replace(_BREAK, " ").split())[:MAX_LINE_CHARS]


def _join_lines(text: str) -> str:
    collapsed = (" ".join(line.split()) for line in text.split(_BREAK))
    return "\n".join(filter(None, collapsed))


def collapse_spaces(text: str | None) -> str | None:
    """The text on one line; None if nothing but white space is in it."""
    if not text:
        return None
    return " ".join(text.split()) or None
