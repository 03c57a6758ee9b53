"""What a page says: facts that every page has, and what a user's own function finds in it."""

import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, Final

import can_ada
import orjson
from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors import Unusable
from processors.page import Page

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
# All that the facts are made of: a query walks the whole tree, 85 us on a page of 96 kB.
_NOTED: Final = ("a", "area", "base", "img", "link", "meta", "title")

# NUL cannot occur in a page's text, so it can mark where a block begins or ends.
_BREAK: Final = "\0"


MAX_WORDS_CHARS: Final = 10_000  # of title, description, language, robots_meta
MAX_TEXT_CHARS: Final = 10_000_000
MAX_URL_CHARS: Final = 65_536  # a longer one is never requested
MAX_URLS_CHARS: Final = 4_000_000  # of all links together, and of all images
TITLES_LOOKED_AT: Final = 10  # each costs a walk up to the root


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many URLs of one page are kept."""

    max_links: int = 10_000
    max_page_images: int = 500


def page_facts(page: Page, bounds: Bounds = Bounds()) -> dict[str, Any]:
    """What a page says of itself, what it names, and what a reader sees of it.

    title, description, canonical, language, charset, robots_meta, links, images, text, cut:

    `links` (of a and area) and `images` (of img) are absolute http and https URLs, distinct, in
    document order, without fragment; `text` is what a reader sees, a line for each block. What
    the page does not say is None or []. `cut` names what is longer than `bounds` and the limits
    above allow: only its beginning is kept. Raises Unusable `page_broken` if the parser gives up.
    """
    tree = page.tree
    noted = _note_elements(tree)
    base = _base_of(page.url, noted["base"])
    links = _attributes(noted["a"], "href")
    images = _attributes(noted["img"], "src")
    text = _visible_text(tree.body) if tree.body else ""
    facts: dict[str, tuple[Any, bool]] = {
        "title": _truncate(_title(noted["title"]), MAX_WORDS_CHARS),
        "description": _truncate(_description(noted["meta"]), MAX_WORDS_CHARS),
        "canonical": (_canonical(noted["link"], base), False),
        "language": _truncate(_language(tree), MAX_WORDS_CHARS),
        "robots_meta": _robots_words(noted["meta"]),
        "charset": (page.charset, False),
        "links": _absolute_urls(base, links, bounds.max_links),
        "images": _absolute_urls(base, images, bounds.max_page_images),
        "text": _truncate(text, MAX_TEXT_CHARS),
    }
    values = {name: value for name, (value, _) in facts.items()}
    values["cut"] = [name for name, (_, is_cut) in facts.items() if is_cut]
    return values


def apply_function(page: Page, function: Callable[[Page], Any]) -> Any:
    """What the user's function returns for this page, as plain data: what JSON can hold.

    Dates become ISO 8601 text, tuples lists. The result shares nothing with the page, though its
    strings may have come out of a soup. Raises Unusable `function_failed` if the function raises
    or returns something else, with the line of the user's file; MemoryError passes through.
    """
    try:
        returned = function(page)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        message = (
            f"{_name_of(function)} raised {type(error).__name__}: {reason}"
        )
        raise Unusable(
            "function_failed", message + _where(error, function)
        ) from error
    try:
        return orjson.loads(orjson.dumps(returned))
    except orjson.JSONEncodeError as error:
        message = (
            f"{_name_of(function)} returned what is not plain data: {error}"
        )
        raise Unusable("function_failed", message) from error


def _truncate(text: str | None, limit: int) -> tuple[str | None, bool]:
    """The beginning of a text, and whether that is not all of it."""
    if text is None or len(text) <= limit:
        return text, False
    return text[:limit], True


def _note_elements(tree: LexborHTMLParser) -> dict[str, list[LexborNode]]:
    """By tag, the elements that say something of the page; areas stand among the links."""
    noted: dict[str, list[LexborNode]] = {tag: [] for tag in _NOTED}
    noted["area"] = noted["a"]
    for node in tree.css(", ".join(_NOTED)):
        assert node.tag is not None, "it was found by its tag"
        noted[node.tag].append(node)
    return noted


def _base_of(url: str, elements: Sequence[LexborNode]) -> can_ada.URL:
    """What the page's references are relative to: its first base element, else its own URL."""
    own = can_ada.parse(url)
    for reference in _attributes(elements, "href")[:1]:
        try:
            base = own + reference
        except ValueError:
            break
        if (
            base.protocol not in ("data:", "javascript:")
            and len(str(base)) <= MAX_URL_CHARS
        ):
            return base
    return own


def _absolute_urls(
    base: can_ada.URL, references: Iterable[str], limit: int
) -> tuple[list[str], bool]:
    """At most so many absolute http(s) URLs of these, distinct, and whether there are more.

    What cannot be joined is no link.
    """
    found: dict[str, None] = {}
    is_cut = False
    chars_left = MAX_URLS_CHARS
    for reference in dict.fromkeys(map(_without_fragment, references)):
        if reference is None:
            continue
        try:
            absolute = str(base + reference).partition("#")[0]
        except ValueError:
            continue  # it is no link, as said
        if absolute in found or not absolute.startswith(
            ("http://", "https://")
        ):
            continue
        chars_left -= min(len(absolute), MAX_URL_CHARS)
        if chars_left < 0 or len(found) == limit:
            return list(found), True
        if len(absolute) > MAX_URL_CHARS:
            is_cut = True
            continue
        found[absolute] = None
    return list(found), is_cut


def _without_fragment(reference: str) -> str | None:
    """Up to the `#`, so that what is distinct is joined once; None if nothing stands before it."""
    before, mark, _ = reference.partition("#")
    return None if mark and not before.strip() else before + mark


def _attributes(nodes: Iterable[LexborNode], name: str) -> list[str]:
    return [
        value for node in nodes if (value := node.attrs.get(name)) is not None
    ]


def _collapse_spaces(text: str | None) -> str | None:
    """The text on one line; None if nothing but white space is in it."""
    if not text:
        return None
    return " ".join(text.split()) or None


def _canonical(elements: Iterable[LexborNode], base: can_ada.URL) -> str | None:
    meant = (
        node
        for node in elements
        if "canonical" in (node.attrs.get("rel") or "").lower().split()
    )
    urls, _ = _absolute_urls(base, _attributes(meant, "href"), 1)
    return urls[0] if urls else None


def _title(elements: Sequence[LexborNode]) -> str | None:
    for node in elements[:TITLES_LOOKED_AT]:
        above = node.parent
        while above is not None and above.tag != "svg":
            above = above.parent
        if above is None:
            return _collapse_spaces(node.text())
    return None


def _description(elements: Iterable[LexborNode]) -> str | None:
    contents = map(_collapse_spaces, _contents_of(elements, "description"))
    return next(filter(None, contents), None)


def _contents_of(elements: Iterable[LexborNode], name: str) -> list[str]:
    """What the meta elements of this name say."""
    named = (
        node
        for node in elements
        if (node.attrs.get("name") or "").lower() == name
    )
    return _attributes(named, "content")


def _language(tree: LexborHTMLParser) -> str | None:
    root = tree.css_first("html")
    if root is None:
        return None
    return _collapse_spaces(root.attrs.get("lang")) or _collapse_spaces(
        root.attrs.get("xml:lang")
    )


def _robots_words(elements: Iterable[LexborNode]) -> tuple[list[str], bool]:
    """The words of `<meta name=robots>`, in lower case; and whether there are more of them."""
    values = _contents_of(elements, "robots")
    text, is_cut = _truncate(",".join(values), MAX_WORDS_CHARS)
    words = (word.strip().lower() for word in (text or "").split(","))
    return [word for word in words if word], is_cut


def _visible_text(body: LexborNode) -> str:
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


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', None) or '?'}:{name}"


def _where(error: BaseException, function: Callable[..., Any]) -> str:
    """The last line of the user's own file that ran, else the last line that ran at all."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is ours
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    own = getattr(module, "__file__", None)
    frame = next((f for f in reversed(frames) if f.filename == own), None)
    frame = frame or (frames[-1] if frames else None)
    return (
        f" ({PurePath(frame.filename).name}, line {frame.lineno})"
        if frame
        else ""
    )
