"""What a page says, in one bit for each thing: so that a page that says nothing new shows.

Its words and numbers, its long lines, its pictures, and where it leads, each by a hash. Dates and
times say nothing: of a calendar without events they are all that is new. Two things may share a
bit, so that at worst a new thing is taken for a known one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from zlib import crc32

from processors.page.page import Page

BITS: Final = 8_192
MAX_CHARS: Final = 20_000  # of the text
MAX_THINGS: Final = 1_000  # of each sort
MAX_LINKS: Final = 300
# In a line of prose the order of known words is news; in a heading of a few it is not.
MIN_LINE_WORDS: Final = 8
# A page with fewer words may have what it says in its scripts.
FEW_WORDS: Final = 20
MAX_SCRIPTS: Final = 20

_DIGITS: Final = re.compile(r"\d+")
_WITH_DIGITS: Final = re.compile(r"[a-z]*\d[a-z\d]*")
_LONG_VALUE: Final = re.compile(r"[a-z]*\d[a-z\d]{9,}")
_AROUND: Final = ".,:;!?()[]{}<>\"'|*#/\\-–—…«»“”„‘’·•"
_TIME: Final = re.compile(
    r"""\d{4}[-/.年]\d\d?([-/.月]\d\d?)?.*|\d\d?[-/.]\d\d?[-/.](\d\d){1,2}|[12]\d{3}  # dates, years
    |\d\d?:\d\d(:\d\d)?\S*|\d+\.\d{3,}m?s?|\d+m?s  # times, of day and of making the page
    |(?=.*\d)(?=.*[a-z])[a-z\d]{16,}               # keys, as of a session""",
    re.VERBOSE,
)


def sketch_of(
    page: Page, facts: Mapping[str, Any], images: Iterable[str]
) -> bytes:
    """The sketch of a page with these facts; empty if it says nothing.

    >>> page = Page("http://a.example/", b"")
    >>> may = [sketch_of(page, {"title": f"May {year}"}, ()) for year in (2031, 2032)]
    >>> may[0] == may[1]
    True
    """
    things = set(_things_of(page, facts, images))
    if not things:
        return b""
    bits = bytearray(BITS // 8)
    for each in things:
        bit = crc32(each.encode("utf-8", "replace")) % BITS
        bits[bit >> 3] |= 1 << (bit & 7)
    return bytes(bits)


def _things_of(
    page: Page, facts: Mapping[str, Any], images: Iterable[str]
) -> Iterator[str]:
    text = (facts.get("text") or "")[:MAX_CHARS]
    about = (facts.get("title"), facts.get("description"), text)
    words = _words_in("\n".join(filter(None, about)).lower())
    yield from words
    yield from _lines_in(text.lower())
    yield from _references(images)
    yield from _ways(facts.get("links") or ())
    if len(words) < FEW_WORDS:
        scripts = page.tree.css("script")[:MAX_SCRIPTS]
        yield from (script.text()[:MAX_CHARS] for script in scripts)


def _words_in(text: str) -> list[str]:
    """Words and numbers, without what changes with the time."""
    words = {word.strip(_AROUND) for word in set(text.split())}
    return [
        word
        for word in words
        if word.isalpha() or (word and not _TIME.fullmatch(word))
    ][:MAX_THINGS]


def _lines_in(text: str) -> Iterator[str]:
    for line in text.split("\n")[:MAX_THINGS]:
        if line.count(" ") + 1 >= MIN_LINE_WORDS:
            yield _DIGITS.sub("#", line)


def _references(urls: Iterable[str]) -> Iterator[str]:
    """Pictures. A long number behind the `?` is there so that no cache holds them."""
    for url in urls:
        path, _, query = url.partition("?")
        yield f"{path}?{_LONG_VALUE.sub('#', query)}"


def _ways(links: Sequence[Any]) -> Iterator[str]:
    """Where links lead: the last name, and which parameters there are."""
    for link in links[:MAX_LINKS]:
        url: str = link if isinstance(link, str) else link["url"]
        path, _, query = url.partition("?")
        name = path.rstrip("/").rpartition("/")[2]
        yield name if name.isalpha() else _WITH_DIGITS.sub("#", name.lower())
        for each in query.split("&") if query else ():
            yield f"?{each.partition('=')[0]}"
