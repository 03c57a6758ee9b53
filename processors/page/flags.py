"""What a page seems to be instead of what was asked for: signs with scores, added up.

A page that holds much text is what it is. Of the others each sign that is met counts for its flag,
and from `THRESHOLD` on the flag is up; none is enough alone. All looks are at beginnings of bounded
length, and each pattern is linear in it.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from itertools import chain
from typing import Final
from urllib.parse import urlsplit

from processors.page.page import Page
from processors.page.signs import LOGIN_PATH, SIGNS, Sign

THRESHOLD: Final = 6
OUT_OF_REACH: Final = -20
MAX_TEXT_CHARS: Final = 5_000  # that a reader sees; with more, no flag is up
SHORT_CHARS: Final = 1_500
VERY_SHORT_CHARS: Final = 600
ALMOST_NO_CHARS: Final = 200
NOTHING_CHARS: Final = 20  # "Loading ..."
MAX_SOURCE_CHARS: Final = 100_000
MAX_LINE_CHARS: Final = 100  # a longer one is no heading
AROUND_CHARS: Final = 100
MAX_SHOWN_CHARS: Final = 60
MAX_EVIDENCE_CHARS: Final = 200

_NOSCRIPT = re.compile(
    r"<noscript\b[^<>]{0,100}>(.{0,1000}?)</noscript", re.DOTALL | re.IGNORECASE
)
_TAG = re.compile(r"<[^<>]*>")
_SEPARATOR = re.compile(r"\s+[|–—·:»-]\s+")
_WANTS_SCRIPTS = re.compile("javascript|enable scripts|スクリプトを有効")
_ENABLE = re.compile(
    r"\b(?:enable|activate|requires?|needs?|turn on|without|disabled|works best)"
    r"|aktivier|benötigt|activ[eé]r?|désactivé|activ[aeo]|habilit|ativ[ae]|abilit|attiv"
    r"|ingeschakeld|włącz|включ|отключ|povol|etkinleştir|启用|啟用|開啟|有効|활성화"
)
_SHOWN = re.compile(
    r"<(?:h1|img|iframe|frame|video|embed|object|canvas)\b", re.IGNORECASE
)

# Headers that say it outright, and a word of theirs.
_CHALLENGES: Final = {"cf-mitigated": "challenge", "x-amzn-waf-action": ""}
_Signs = list[tuple[int, str]]  # points and what was met


def page_flags(
    page: Page,
    title: str | None,
    text: str,
    asked: str = "",
    headers: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    """What a page seems to be, of soft_404, block_page, captcha, login_wall and empty_shell, each
    with what shows it.

    `title` and `text` are the page's facts; `asked` is the URL that was asked for, where redirects
    led from there to the page's own, and `headers` those of the answer, in lower case.
    """
    if len(text) > MAX_TEXT_CHARS:
        return []
    seen = _Seen(page, title or "", text, asked, headers or {})
    flags = []
    for flag, signs in SIGNS.items():
        met = _met(signs, seen, list(seen.beside(flag)))
        if sum(points for points, _ in met) >= THRESHOLD:
            flags.append((flag, _evidence_of(met)))
    return flags


def _met(signs: tuple[Sign, ...], seen: "_Seen", beside: _Signs) -> _Signs:
    """What is met, with what counts besides; nothing if the flag is out of reach."""
    met: _Signs = []
    reach = sum(points for points, _ in beside)
    reach += sum(sign.points for sign in signs if sign.points > 0)
    for sign in signs:
        if reach < THRESHOLD:
            return []
        evidence = seen.find(sign)
        if evidence:
            met.append((sign.points, evidence))
        elif sign.points > 0:
            reach -= sign.points
    return met + beside


def _evidence_of(met: _Signs) -> str:
    """The strongest first."""
    ordered = sorted(met, key=lambda each: -each[0])
    shown = dict.fromkeys(text for points, text in ordered if points > 0)
    return "; ".join(shown)[:MAX_EVIDENCE_CHARS]


class _Seen:
    """A page as its signs see it: its words in lower case."""

    def __init__(
        self,
        page: Page,
        title: str,
        text: str,
        asked: str,
        headers: Mapping[str, str],
    ) -> None:
        self.title = title[:MAX_TEXT_CHARS].lower()
        self.text = text.lower()
        self._page = page
        self._headers = headers
        self._url = urlsplit(page.url)
        self._asked = urlsplit(asked or page.url)
        path = self._url.path.lower()
        self.path = path if path != self._asked.path.lower() else ""

    @cached_property
    def source(self) -> str:
        """The beginning of it."""
        return self._page.text[:MAX_SOURCE_CHARS]

    def find(self, sign: Sign) -> str:
        """Where a sign is met, in words; empty if it is not."""
        longest = MAX_LINE_CHARS if sign.where == "line" else MAX_SOURCE_CHARS
        matches = (
            sign.pattern.search(line)
            for line in self._lines_of(sign)
            if len(line) <= longest
        )
        match = next(filter(partial(_fills, sign.share), matches), None)
        return "" if match is None else _shown(sign.where, match)

    def _lines_of(self, sign: Sign) -> Iterator[str]:
        """Where it may be met: in what has one of its parts."""
        if sign.where == "line":
            return _lines_with(sign.parts_for(self.text), self.text)
        if sign.where == "text":
            return _around(sign.parts_for(self.text), self.text)
        where: str = getattr(self, sign.where)
        if not any(part in where for part in sign.parts_for(where)):
            return iter(())
        return iter(_SEPARATOR.split(where) if sign.share else [where])

    def beside(self, flag: str) -> Iterator[tuple[int, str]]:
        """What counts for a flag that no pattern says."""
        size = len(self.text)
        yield _points_of_size(flag, size), f"{size} characters of text"
        match flag:
            case "soft_404":
                if self.path == "/" and not self._url.query:
                    yield 1, "redirected to the home page"
            case "login_wall":
                if LOGIN_PATH.search(self._asked.path.lower()):
                    yield -4, ""  # it is what was asked for
            case "captcha":
                yield from self._challenges()
            case "empty_shell" if size <= VERY_SHORT_CHARS:
                yield from self._of_shell()

    def _challenges(self) -> Iterator[tuple[int, str]]:
        for name, word in _CHALLENGES.items():
            value = self._headers.get(name, "").lower()
            if value and word in value:
                yield (
                    THRESHOLD - OUT_OF_REACH,
                    f"{name}: {value[:MAX_SHOWN_CHARS]}",
                )

    def _of_shell(self) -> Iterator[tuple[int, str]]:
        hints = (match[1] for match in _NOSCRIPT.finditer(self.source))
        for hint in chain(self.text.split("\n"), hints):
            if _asks_for_scripts(hint.lower()):
                words = " ".join(_TAG.sub(" ", hint).split())
                yield 3, f"'{words[:MAX_SHOWN_CHARS]}'"
                break
        shows_much = self.source.count("<img") > 3
        if shows_much or self.source.count("<a ") > 9:
            yield -3, ""  # it names pictures or pages
        if _SHOWN.search(self.source):
            yield -1, ""


def _lines_with(parts: tuple[str, ...], text: str) -> Iterator[str]:
    """The lines of a text that have one of these parts."""
    for part in parts:
        at = text.find(part)
        while at >= 0:
            start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
            yield text[start : end if end >= 0 else None]
            at = text.find(part, end + 1) if end >= 0 else -1


def _around(parts: tuple[str, ...], text: str) -> Iterator[str]:
    """What stands around these parts of a text, where it has them."""
    for part in parts:
        at = text.find(part)
        while at >= 0:
            yield text[max(at - AROUND_CHARS, 0) : at + AROUND_CHARS]
            at = text.find(part, at + AROUND_CHARS)


def _fills(share: float, match: re.Match[str] | None) -> bool:
    """Does it take up so much of the line that it was found in?"""
    return match is not None and len(match[0]) >= share * len(match.string)


def _shown(where: str, match: re.Match[str]) -> str:
    is_whole = where in ("title", "line", "path")
    words = " ".join((match.string if is_whole else match[0]).split())
    quote = "" if where in ("source", "path") else "'"
    before = {"title": "title ", "path": "redirected to "}.get(where, "")
    return f"{before}{quote}{words[:MAX_SHOWN_CHARS]}{quote}"


def _points_of_size(flag: str, size: int) -> int:
    """The less there is to read, the likelier it is no content."""
    if flag == "empty_shell":
        return _points_of_emptiness(size)
    if flag == "captcha" and VERY_SHORT_CHARS < size <= SHORT_CHARS:
        return -2  # forms have them, too
    if size > SHORT_CHARS:
        return OUT_OF_REACH if flag in ("captcha", "block_page") else 0
    if size > VERY_SHORT_CHARS:
        return 1
    return 2 if size > ALMOST_NO_CHARS else 3


def _points_of_emptiness(size: int) -> int:
    """A shell has no text of its own, but for what asks to wait or to enable scripts."""
    if size <= NOTHING_CHARS:
        return 5
    if size <= ALMOST_NO_CHARS:
        return 2
    return 0 if size <= VERY_SHORT_CHARS else OUT_OF_REACH


def _asks_for_scripts(hint: str) -> bool:
    """Is it said to browsers without scripts?"""
    return bool(_WANTS_SCRIPTS.search(hint) and _ENABLE.search(hint))
