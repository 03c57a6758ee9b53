"""What the attributes of one element offer: files, in the order in which they are better."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from processors.page.images.srcset import Candidate, source_set

MAX_SIDE: Final = 10**9  # of a picture, in pixels

LAZY_SRCSET: Final = ("data-srcset", "data-lazy-srcset")
_LAZY_SRC: Final = (
    "data-src",
    "data-lazy-src",
    "data-original",
    "data-lazy-original",
    "data-lazy",
    "data-lazyload",
)
_LAZY: Final = frozenset((*LAZY_SRCSET, *_LAZY_SRC))
_SRCSETS: Final = frozenset((*LAZY_SRCSET, "srcset"))
_SPACER: Final = re.compile("spacer|blank|pixel|1x1|transparent", re.IGNORECASE)
_TEMPLATE: Final = re.compile(r"\{[{%]|\$\{|\{\w++\}")
_PIXELS: Final = re.compile(
    r"[ \t\n\f\r]*+([0-9]{1,9}+)(?:\.[0-9]*+)?+(?![0-9%])"
)

Attributes = Mapping[str, str | None]
Size = tuple[int | None, int | None]


class Offer(NamedTuple):
    """The files that one place offers for a picture."""

    where: str
    candidates: Sequence[Candidate]
    size: Size = (None, None)
    """Of the element, in CSS pixels."""
    sizes: str = ""


def offers_of(
    attributes: Attributes,
    size: Size,
    src: str = "",
) -> Iterator[Offer]:
    """What the attributes of an img or source offer, the best place first.

    A file that a script would fill in is better than the one in `src`, which stands there until
    then.
    """
    srcset = attributes.get("srcset") or ""
    sizes = attributes.get("sizes") or ""
    lazy_srcset, lazy_src = _lazy_ones_of(attributes)
    is_lazy = bool(lazy_srcset or lazy_src)
    if lazy_srcset:
        files = usable_files(source_set(lazy_srcset, lazy_src))
        yield Offer("lazy", files, size, sizes)
    if srcset:
        files = usable_files(
            source_set(srcset, "" if is_lazy else src), is_lazy
        )
        yield Offer("srcset", files, size, sizes)
    if lazy_src:
        yield Offer("lazy", usable_files([Candidate(lazy_src)]), size)
    if src:
        yield Offer("img", usable_files([Candidate(src)], is_lazy), size)


def has_one_file(attributes: Attributes) -> bool:
    """Is there nothing to choose among?"""
    return _SRCSETS.isdisjoint(attributes)


def lazy_src_of(attributes: Attributes) -> str:
    """The src that a script would fill in, or nothing."""
    if _LAZY.isdisjoint(attributes):
        return ""
    return _first_address(attributes, _LAZY_SRC)


def usable_files(
    candidates: Iterable[Candidate],
    is_lazy: bool = False,
) -> list[Candidate]:
    """Those that are no placeholders; of a picture that is lazy, what only keeps its place is."""
    return [
        each
        for each in candidates
        if not is_placeholder(each.url)
        and not (is_lazy and _is_spacer(each.url))
    ]


def _lazy_ones_of(attributes: Attributes) -> tuple[str, str]:
    """The srcset and the src that a script would fill in."""
    return _first_address(attributes, LAZY_SRCSET), lazy_src_of(attributes)


def _first_address(
    attributes: Attributes,
    names: Iterable[str],
) -> str:
    """The first that may be an address: some pages say `true` there."""
    for name in names:
        value = attributes.get(name)
        if value and ("." in value or "/" in value):
            return "" if is_placeholder(value) else value
    return ""


def is_placeholder(url: str) -> bool:
    """Does it stand in the place of a picture: empty, within the page, or to be filled in?"""
    return url.lstrip()[:5].lower() in ("", "data:", "blob:") or (
        "{" in url and _TEMPLATE.search(url) is not None
    )


def _is_spacer(url: str) -> bool:
    path = url.partition("#")[0].partition("?")[0]
    return _SPACER.search(path.rpartition("/")[2]) is not None


def size_of(attributes: Attributes) -> Size:
    """What `width` and `height` say: "rules for parsing dimension values", percentages left out."""
    return pixels_of(attributes.get("width")), pixels_of(
        attributes.get("height")
    )


def pixels_of(text: str | None) -> int | None:
    found = _PIXELS.match(text) if text else None
    return int(found[1]) if found else None


def size_of_file(
    candidate: Candidate,
    drawn: Size,
) -> Size:
    """In pixels of the file: its `w` descriptor, else as it is drawn, times its density; as high as
    the element has it in proportion."""
    width, height = drawn
    if candidate.width is not None:
        scale = candidate.width / width if width else 0.0
        return candidate.width, _scaled(height, scale)
    scale = 1.0 if candidate.density is None else candidate.density
    return _scaled(width, scale), _scaled(height, scale)


def _scaled(
    side: int | None,
    scale: float,
) -> int | None:
    pixels = side * scale if side else 0.0
    return round(pixels) if 1 <= pixels < MAX_SIDE else None
