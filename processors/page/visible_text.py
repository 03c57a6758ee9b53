"""What a reader sees of a page: a line for each block."""

from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode


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


def visible_text(body: LexborNode) -> str:
    """The text below a node, a line for each block, white space collapsed.

    Walked by hand, not by recursion: pages nest deeper than Python's stack, and a walk over
    `traverse()` does not say where a block ends.
    """
    pieces: list[str] = []
    add = pieces.append
    above: list[LexborNode] = []  # the way down
    node = body.first_child
    while node is not None or above:
        if node is None:
            node = above.pop()
            add(_BREAK if node.tag_id in _BLOCKS else "")
            node = node.next
            continue
        tag = node.tag_id
        if tag == _TEXT:
            add(" " if node.is_empty_text_node else node.text_content or "")
        elif tag not in _UNSEEN:
            add(_BEFORE.get(tag, ""))
            above.append(node)
            node = node.first_child
            continue
        node = node.next
    return _join_lines("".join(pieces))


def _join_lines(text: str) -> str:
    collapsed = (" ".join(line.split()) for line in text.split(_BREAK))
    return "\n".join(filter(None, collapsed))


def collapse_spaces(text: str | None) -> str | None:
    """The text on one line; None if nothing but white space is in it."""
    if not text:
        return None
    return " ".join(text.split()) or None
