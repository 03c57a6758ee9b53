"""The pictures of a page, as a BeautifulSoup finds them.

Written from docs/records.md ("Of `images`"), with nothing of the reader under test: candidates by
one regular expression, which is enough for what these pages say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urldefrag

import can_ada
from bs4 import BeautifulSoup
from bs4.element import Tag

URL = "https://example.org/where/it/was.html"

LAZY = ("src", "lazy-src", "original", "lazy-original", "lazy", "lazyload")
DECODED = "jpeg jpg pjpeg png apng webp gif avif bmp tiff x-icon"
CANDIDATE = re.compile(r"\s*([^\s,]\S*[^\s,])(?:\s+([0-9.]+)([wx]))?\s*(?:,|$)")
BACKGROUND = re.compile(
    r"""background(?:-image)?\s*:[^;]*?url\(\s*("[^"]*"|'[^']*'|[^)]*)""", re.I
)
SPACER = re.compile(r"(spacer|blank|pixel|1x1|transparent)[^/]*$", re.I)

Found = list[tuple[str, float]]  # references, and how large each is said to be


class ExpectedPictures:
    """The pictures of one page, each as the places that offer files for it, the best first."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self.soup = soup
        self.base = can_ada.parse(URL)
        base = self.soup.find("base", href=True)
        if base:
            self.base = self.base + str(base["href"])

    def pictures(self) -> Iterator[list[Found]]:
        for element in self.soup.find_all(True):
            if element.name == "img" and not is_tiny(element):
                yield [*of_sources(element), *of_img(element)]
            if element.name == "link" and is_preload(element):
                yield [[(text_of(element, "href"), 1)]]
            for reference in BACKGROUND.findall(text_of(element, "style")):
                yield [[(reference.strip(" '\""), 1)]]
        for meta in self.soup.find_all("meta", property="og:image"):
            yield [[(text_of(meta, "content"), 1)]]

    def urls(self, which: str) -> set[str]:
        """Of which pictures, `src`, `best` or `all`: what `--page-images` says."""
        found = set()
        for places in self.sources() if which == "src" else self.pictures():
            offered = [usable for each in places if (usable := clean(each))]
            if which == "best":
                offered = [[max(each, key=size_of)] for each in offered[:1]]
            found |= {self.url(each[0]) for files in offered for each in files}
        return found - {""}

    def sources(self) -> Iterator[list[Found]]:
        for img in self.soup.find_all("img", src=True):
            yield [[(text_of(img, "src"), 1)]]

    def alts(self) -> dict[str, set[str]]:
        """What img elements say of each URL; nothing is said by an empty text."""
        found: dict[str, set[str]] = {}
        for img in self.soup.find_all("img", src=True):
            alt = " ".join(text_of(img, "alt").split())
            found.setdefault(self.url(text_of(img, "src")), set()).add(alt)
        return found

    def url(self, reference: str) -> str:
        try:
            url = str(self.base + reference)
        except ValueError:
            return ""
        return urldefrag(url)[0] if url.startswith("http") else ""


def size_of(file: tuple[str, float]) -> float:
    return file[1]


def clean(files: Found) -> Found:
    return [
        each
        for each in files
        if each[0].strip() and not re.match(r"\s*(data|blob):|.*\{\{", each[0])
    ]


def text_of(element: Tag, name: str) -> str:
    return str(element.get(name) or "")


def is_tiny(img: Tag) -> bool:
    sides = (text_of(img, name) for name in ("width", "height"))
    return any(re.fullmatch(r"[01](px)?", side.strip()) for side in sides)


def is_preload(link: Tag) -> bool:
    kind = (text_of(link, "as").lower(), is_decoded(link))
    return "preload" in (link.get("rel") or ()) and kind == ("image", True)


def is_decoded(element: Tag) -> bool:
    essence = text_of(element, "type")
    return not essence or essence.removeprefix("image/") in DECODED.split()


def of_srcset(value: str) -> Found:
    return [
        (url, float(size or 1)) for url, size, _ in CANDIDATE.findall(value)
    ]


def lazy_of(element: Tag, names: tuple[str, ...]) -> str:
    values = (text_of(element, f"data-{name}") for name in names)
    return next((each for each in values if re.search(r"[./]", each)), "")


def of_img(element: Tag, *, has_src: bool = True) -> Iterator[Found]:
    lazy, src = lazy_of(element, LAZY), text_of(element, "src")
    lazy_srcset = of_srcset(lazy_of(element, ("srcset", "lazy-srcset")))
    srcset = of_srcset(text_of(element, "srcset"))
    yield lazy_srcset
    yield srcset
    yield [(lazy, 1)]
    if has_src:
        is_kept = not (lazy or lazy_srcset) or not SPACER.search(src)
        yield [(src, 1)] if is_kept else []


def of_sources(img: Tag) -> Iterator[Found]:
    if img.parent is None or img.parent.name != "picture":
        return
    for source in img.find_previous_siblings("source")[::-1]:
        if is_decoded(source):
            yield from of_img(source, has_src=False)
