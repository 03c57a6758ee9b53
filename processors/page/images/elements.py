"""The pictures that a page names: wherever they stand, and the right file of each.

An element offers files in one or more places: the first place that offers any has the picture, and
of the files that stand there `srcset` says which one is right for a width.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from math import inf
from typing import Any, Final, NamedTuple

import can_ada
from selectolax.lexbor import LexborNode

from processors.page.images.backgrounds import background_layers
from processors.page.images.media_queries import matches_media
from processors.page.images.offers import (
    LAZY_SRCSET,
    Attributes,
    Offer,
    Size,
    has_one_file,
    is_placeholder,
    lazy_src_of,
    offers_of,
    pixels_of,
    size_of,
    size_of_file,
    usable_files,
)
from processors.page.images.srcset import select_candidate, source_set
from processors.page.references import (
    absolute_urls,
    references_of,
    without_fragment,
)

# Where a picture may be named, which its `where` says.
PLACES: Final = (
    "img",  # the src of an img element
    "srcset",  # its srcset
    "picture",  # a source element before it
    "lazy",  # an attribute from which a script would fill these in
    "noscript",  # an img element for those without scripts
    "preload",  # a link element
    "background",  # a style attribute
    "og:image",  # a meta element
)

# Elements that may name one, beside img.
PICTURE_SELECTORS: Final = (
    "noscript",
    "source",
    '[style*="url(" i]',
    '[style*="image-set(" i]',
    'link[as="image" i]',
    'meta[property^="og:image" i]',
)

MAX_ELEMENTS: Final = 100_000  # looked at
MAX_CHARS: Final = 1_000_000  # of srcset, sizes and style, looked at
MAX_ALT_CHARS: Final = 1000
NOSCRIPT_DEPTH: Final = 6  # steps up from an img to the noscript it stands in
_LONG: Final = frozenset(
    ("srcset", *LAZY_SRCSET, "sizes", "imagesrcset", "imagesizes", "style")
)


class _File(NamedTuple):
    """A file of a picture, and what the page says of it."""

    reference: str
    alt: str | None
    size: Size
    """In pixels of the file."""
    where: str


def images_of(
    base: can_ada.URL,
    elements: Iterable[LexborNode],
    *,
    which: str,
    width: int,
    limit: int,
) -> tuple[list[dict[str, Any]], bool]:
    """The pictures that a page names, in its order, and whether there are more.

    `elements` are the img elements, and but for `src` those that PICTURE_SELECTORS finds. `which`
    says which files are given of each picture: the one in `src`, the `best` one for a `width` (the
    largest for 0), or `all`. Of the same URL a mention with an `alt` counts.
    """
    reader = _Reader(which == "all", width)
    named = reader.files_of(elements)
    if which == "src":
        named = _files_of_src(elements)
    files: dict[str, _File] = {}
    for file in named:
        reference = without_fragment(file.reference)
        if reference is not None:
            known = files.setdefault(reference, file)
            if file.alt and not known.alt:
                files[reference] = file
    urls, is_cut = absolute_urls(
        base,
        files,
        limit,
    )
    images = []
    for url, references in urls.items():
        file = _better_said([files[each] for each in references])
        wide, high = file.size
        images.append(
            {
                "url": url,
                "alt": file.alt,
                "width": wide,
                "height": high,
                "where": file.where,
            }
        )
    return images, is_cut or reader.is_cut


def image_urls(
    base: can_ada.URL,
    elements: Iterable[LexborNode],
    limit: int,
) -> tuple[list[str], bool]:
    """The URLs in the `src` of img elements, and whether there are more."""
    named = filter(str.strip, references_of(elements, "src"))
    urls, is_cut = absolute_urls(base, named, limit)
    return list(urls), is_cut


def _better_said(mentions: Sequence[_File]) -> _File:
    return next((each for each in mentions if each.alt), mentions[0])


def _files_of_src(elements: Iterable[LexborNode]) -> Iterator[_File]:
    for node in elements:
        attributes = node.attributes
        reference = attributes.get("src") or ""
        if reference.strip():  # else it would be the page itself
            alt, size = _alt_of(attributes), size_of(attributes)
            yield _File(reference, alt, size, "img")


class _Reader:
    """Reads off the elements of one page which files they offer, within bounds."""

    def __init__(
        self,
        takes_all: bool,
        width: int,
    ) -> None:
        self.is_cut = False
        self._takes_all = takes_all
        self._wanted = width or None
        self._viewport = width or inf
        self._chars_left = MAX_CHARS
        self._noscript: int | None = None
        # What stands in one picture element, and which one that is.
        self._sources: list[Attributes] = []
        self._picture: int | None = None
        # What meta elements say of og:image, by property.
        self._open_graph: list[tuple[str, str]] = []

    def files_of(self, elements: Iterable[LexborNode]) -> Iterator[_File]:
        last = None
        for number, node in enumerate(elements):
            if number == MAX_ELEMENTS or self._chars_left < 0:
                self.is_cut = True
                break
            if node.mem_id != last:  # it may stand there twice
                last = node.mem_id
                yield from self._files_of_element(node)
        yield from _files_of_open_graph(self._open_graph)

    def _files_of_element(self, node: LexborNode) -> Iterable[_File]:
        files: list[_File] = []
        attributes = node.attributes
        self._charge(attributes)
        match node.tag:
            case "img":
                files += self._files_of_img(node, attributes)
            case "source":
                self._note_source(node, attributes)
            case "noscript":
                self._noscript = node.mem_id
            case "link":
                files += self._files_of_preload(attributes)
            case "meta":
                name = attributes.get("property") or ""
                content = attributes.get("content") or ""
                self._open_graph.append((name.lower(), content))
        style = attributes.get("style")
        if style and "(" in style:
            files += self._files_of_style(style)
        return files

    def _charge(self, attributes: Attributes) -> None:
        """Count what has to be read of long attributes."""
        if not _LONG.isdisjoint(attributes):
            texts = (attributes.get(name) or "" for name in _LONG)
            self._chars_left -= sum(map(len, texts))

    def _choose(
        self,
        offers: Iterable[Offer],
        alt: str | None = None,
        where: str = "",
    ) -> Iterator[_File]:
        """All files, or the best one of the first offer that has any."""
        for offer in offers:
            files = offer.candidates
            if not self._takes_all:
                best = select_candidate(
                    files, self._wanted, offer.size[0], offer.sizes
                )
                files = [best] if best else []
            for each in files:
                size = size_of_file(each, offer.size)
                yield _File(each.url, alt, size, where or offer.where)
            if files and not self._takes_all:
                return

    def _files_of_img(
        self,
        node: LexborNode,
        attributes: Attributes,
    ) -> Iterable[_File]:
        size = size_of(attributes)
        if 0 in size or 1 in size:
            return ()  # it counts readers
        alt, src = _alt_of(attributes), attributes.get("src") or ""
        is_for_others = self._noscript and self._is_in_noscript(node)
        where = "noscript" if is_for_others else ""
        if not (self._sources or self._takes_all) and has_one_file(attributes):
            # the usual one, in a fraction of the time
            return _only_file(attributes, alt, size, where)
        offers = chain(
            self._offers_of_sources(node, size),
            offers_of(attributes, size, src),
        )
        return self._choose(offers, alt, where)

    def _is_in_noscript(self, node: LexborNode) -> bool:
        """Does it stand in the noscript that was last seen, not far below?"""
        above = node.parent
        for _ in range(NOSCRIPT_DEPTH):
            if above is None:
                break
            if above.mem_id == self._noscript:
                return True
            above = above.parent
        return False

    def _note_source(
        self,
        node: LexborNode,
        attributes: Attributes,
    ) -> None:
        parent = node.parent
        if parent is None or parent.tag != "picture":
            return
        if parent.mem_id != self._picture:
            self._picture, self._sources = parent.mem_id, []
        self._sources.append(attributes)

    def _offers_of_sources(
        self,
        img: LexborNode,
        size: Size,
    ) -> Iterator[Offer]:
        """Of the sources before it; the first one that is meant is enough for a browser."""
        parent = img.parent if self._sources else None
        if parent is None or parent.mem_id != self._picture:
            return
        sources, self._sources = self._sources, []
        for attributes in filter(self._is_meant, sources):
            own_size = size_of(attributes)
            if own_size == (None, None):
                own_size = size
            for offer in offers_of(attributes, own_size):
                is_lazy = offer.where == "lazy"
                yield offer if is_lazy else offer._replace(where="picture")

    def _is_meant(self, attributes: Attributes) -> bool:
        """Can its type be decoded, and is its medium a screen as wide as is wanted?"""
        media = attributes.get("media") or ""
        return _can_decode(attributes.get("type")) and (
            self._takes_all or matches_media(media, self._viewport)
        )

    def _files_of_preload(self, attributes: Attributes) -> Iterable[_File]:
        words = (attributes.get("rel") or "").lower().split()
        if "preload" not in words or not self._is_meant(attributes):
            return ()
        srcset = attributes.get("imagesrcset") or ""
        files = usable_files(source_set(srcset, attributes.get("href") or ""))
        sizes = attributes.get("imagesizes") or ""
        return self._choose([Offer("preload", files, sizes=sizes)])

    def _files_of_style(self, style: str) -> Iterator[_File]:
        for layer in background_layers(style, _can_decode):
            yield from self._choose([Offer("background", usable_files(layer))])


def _only_file(
    attributes: Attributes,
    alt: str | None,
    size: Size,
    where: str,
) -> Iterable[_File]:
    """The file of an img that has no srcset."""
    lazy, src = lazy_src_of(attributes), attributes.get("src") or ""
    if is_placeholder(lazy or src):
        return ()
    place = "lazy" if lazy else "img"
    return (_File(lazy or src, alt, size, where or place),)


def _files_of_open_graph(
    properties: Iterable[tuple[str, str]],
) -> Iterator[_File]:
    """Each og:image with what follows it of its size, until the next one."""
    said: dict[str, str] = {}
    for name, content in (*properties, ("og:image", "")):
        if name == "og:image":
            reference = said.get(name) or said.get("og:image:url") or ""
            if reference and not is_placeholder(reference):
                width = pixels_of(said.get("og:image:width"))
                height = pixels_of(said.get("og:image:height"))
                alt = _one_line(said.get("og:image:alt"))
                yield _File(reference, alt, (width, height), "og:image")
            said = {}
        if name.startswith("og:image"):
            said.setdefault(name, content)


@cache
def _media_types() -> frozenset[str]:
    # not before a page asks: it loads Pillow
    from processors.image import MEDIA_TYPES

    return MEDIA_TYPES


def _can_decode(media_type: str | None) -> bool:
    """Can a picture of this type be processed? One that says nothing may be."""
    essence = (media_type or "").partition(";")[0].strip().lower()
    return not essence or essence in _media_types()


def _alt_of(attributes: Attributes) -> str | None:
    return _one_line(attributes.get("alt"))


def _one_line(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())[:MAX_ALT_CHARS]
