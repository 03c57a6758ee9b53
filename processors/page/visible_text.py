"""What a reader sees of a page: a line for each block."""

from typing import Final

from selectolax.lexbor import LexborNode

_UNSEEN: Final = frozenset(
    """head script style noscript template title iframe noembed noframes
    datalist""".split()  # noqa: SIM905  one word a line would be forty lines
)
_BLOCKS: Final = frozenset(
    """address article aside blockquote body br button caption center dd details dialog dir div dl
    dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html
    legend li listing main menu nav ol optgroup option p plaintext pre search section select
    summary table tbody textarea tfoot thead tr ul xmp""".split()  # noqa: SIM905  as above
)
_CELLS: Final = frozenset(("td", "th"))
# NUL cannot occur in a page's text, so it can mark where a block begins or ends.
_BREAK: Final = "\0"


def visible_text(body: LexborNode) -> str:
    """The text below a node, a line for each block, white space collapsed.

    Walked by hand, not by recursion: pages nest deeper than Python's stack, and a walk over
    `traverse()` does not say where a block ends.
    """
    pieces: list[str] = []
    # the way down, and whether each step is a block
    above: list[tuple[LexborNode, bool]] = []
    node = body.first_child
    while node is not None or above:
        if node is None:
            node, is_block = above.pop()
            if is_block:
                pieces.append(_BREAK)
            node = node.next
            continue
        tag = node.tag
        if tag == "-text":
            pieces.append(node.text_content or "")
        elif tag not in _UNSEEN:
            is_block = tag in _BLOCKS
            if is_block:
                pieces.append(_BREAK)
            elif tag in _CELLS:
                pieces.append(" ")
            above.append((node, is_block))
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
