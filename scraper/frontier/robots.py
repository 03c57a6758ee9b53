"""What a robots.txt permits one agent: no network, no clock, no cache.

RFC 9309 decides. The groups that speak to the agent are picked here, so that a text with thousands
of agents and rules costs no more than its size; matching paths is Protego's, which sees only those.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit

from msgspec import Struct

if TYPE_CHECKING:
    from protego import Protego

MAX_TEXT_BYTES = 512_000  # RFC 9309 2.5: at least 500 kibibytes are looked at
MAX_DELAY_SECONDS = 86_400.0  # a longer Crawl-delay is taken as this
MAX_HOPS = 5  # redirects of robots.txt that are followed, RFC 9309 2.3.1.2

RobotsAccess = Literal["rules", "allowed", "unreachable"]
Directive = Literal[
    "user-agent", "allow", "disallow", "crawl-delay", "request-rate"
]

_SPELLINGS: dict[str, Directive] = {
    "user-agent": "user-agent",
    "user agent": "user-agent",
    "useragent": "user-agent",
    "allow": "allow",
    "disallow": "disallow",
    "dissallow": "disallow",
    "dissalow": "disallow",
    "disalow": "disallow",
    "diasllow": "disallow",
    "disallaw": "disallow",
    "crawl-delay": "crawl-delay",
    "crawl delay": "crawl-delay",
    "request-rate": "request-rate",
    "request rate": "request-rate",
}
_LINE = re.compile(
    rf"({'|'.join(_SPELLINGS)})(?:\s*:|\s)(.*)", re.IGNORECASE | re.DOTALL
)
_LINE_END = re.compile(r"\r\n|\r|\n")
_TOKEN = re.compile(r"[A-Za-z0-9_-]*")
_COMPATIBLE = re.compile(r"Mozilla/.*?\bcompatible;\s*([A-Za-z0-9_-]+)")


class RuleLine(Struct, frozen=True):
    """One line of the file that speaks to the agent."""

    number: int  # from 1
    directive: Directive
    value: str

    def __str__(self) -> str:
        return f"{self.directive.capitalize()}: {self.value}"


@dataclass(
    frozen=True, slots=True
)  # not a Struct: what is compiled is not compared
class RobotRules:
    """What one agent may ask of one origin. Without arguments: everything."""

    lines: tuple[RuleLine, ...] = ()
    crawl_delay: float | None = (
        None  # seconds between requests that the site asks for
    )
    _protego: Protego | None = field(default=None, repr=False, compare=False)

    @property
    def is_empty(self) -> bool:
        """Does it ask nothing of us?"""
        return not self.lines

    def allows(self, url: str) -> bool:
        """May this URL be asked? Always true for `/robots.txt` itself (RFC 9309 2.2.2)."""
        if self._protego is None or urlsplit(url).path == "/robots.txt":
            return True
        return self._protego.can_fetch(url, "*")

    def rule_for(self, url: str) -> RuleLine | None:
        """The line that decides on this URL: the longest that matches; None if none does.

        Slow: each line is tried on its own. For explanations, not for a crawl.
        """
        if self._protego is None or urlsplit(url).path == "/robots.txt":
            return None
        deciding = "allow" if self.allows(url) else "disallow"
        matching = [
            line
            for line in self.lines
            if line.directive == deciding and _line_matches(line, url)
        ]
        return max(matching, key=lambda line: len(line.value), default=None)


def parse(text: str, agent: str) -> RobotRules:
    """The rules of a robots.txt for an agent, given by its token or its whole User-Agent.

    Nothing in the text is an error: lines that say nothing understandable say nothing.
    """
    lines = tuple(_lines_for(token_of(agent), _readable_text(text)))
    if not lines:
        return RobotRules()
    protego = _compile_rules(lines)
    return RobotRules(lines, _crawl_delay_of(protego), protego)


def access_for_status(status: int) -> RobotsAccess:
    """What the final status of a robots.txt says of its origin (RFC 9309 2.3.1).

    `rules`: its body decides. `allowed`: there is none, everything may be asked; so it is also
    after more redirects than `MAX_HOPS`. `unreachable`: nothing may be asked for now.
    """
    if 200 <= status < 300:
        return "rules"
    # 429 stands among the 4xx, but says "not now" where they say "there is none".
    if 300 <= status < 500 and status != 429:
        return "allowed"
    return "unreachable"


def token_of(agent: str) -> str:
    """The product token that groups are compared with, in lower case (RFC 9309 2.2.1).

    >>> token_of("Scraper/0.1 (+mailto:me@example.com)")
    'scraper'
    >>> token_of("Mozilla/5.0 (compatible; FooBot/1.0)")
    'foobot'
    """
    disguised = _COMPATIBLE.match(agent.strip())
    return (disguised[1] if disguised else _leading_token(agent)).lower()


def _leading_token(text: str) -> str:
    match = _TOKEN.match(text.strip())
    return match[0] if match else ""


def _readable_text(text: str) -> str:
    """The text within the limit, without marks of encodings and without a line that was cut."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) >= MAX_TEXT_BYTES:
        kept = encoded[:MAX_TEXT_BYTES]
        end = max(kept.rfind(b"\n"), kept.rfind(b"\r"))
        text = kept[: end + 1].decode("utf-8", "replace")
    # NULs come from UTF-16, which is readable without them; U+FFFD is a mark that was not UTF-8.
    return text.replace("\0", "").lstrip("\ufeff\ufffd")


class _Groups:
    """The groups of a robots.txt as they are read, and what they say to one agent.

    Only Allow and Disallow end the list of agents at the head of a group: other records must not
    interfere (RFC 9309 2.2.4), so a Crawl-delay holds for the agents that stand before it.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._for_us: list[RuleLine] = []
        self._for_all: list[RuleLine] = []
        self._names_us = False  # some group does
        # The group that is being read:
        self._in_head = False
        self._speaks_to_us = False
        self._speaks_to_all = False

    def read(self, line: RuleLine) -> None:
        """The next line that is understood."""
        if line.directive == "user-agent":
            self._read_agent(line.value)
            return
        if line.directive in ("allow", "disallow"):
            self._in_head = False
        if line.value and self._speaks_to_us:
            self._for_us.append(line)
        if line.value and self._speaks_to_all:
            self._for_all.append(line)

    def _read_agent(self, value: str) -> None:
        if not self._in_head:
            self._speaks_to_us = self._speaks_to_all = False
        self._in_head = True
        if self._token and _leading_token(value).lower() == self._token:
            self._speaks_to_us = self._names_us = True
        if value.split()[:1] == ["*"]:
            self._speaks_to_all = True

    def lines(self) -> list[RuleLine]:
        """Of all groups that name the agent, or else of all that speak to every agent."""
        return self._for_us if self._names_us else self._for_all


def _lines_for(token: str, text: str) -> list[RuleLine]:
    groups = _Groups(token)
    for number, line in enumerate(_LINE_END.split(text), 1):
        match = _LINE.match(line.strip()) if line else None
        if match is not None:
            directive = _SPELLINGS[match[1].lower()]
            value = match[2].partition("#")[0].strip()
            groups.read(RuleLine(number, directive, value))
    return groups.lines()


def _compile_rules(lines: tuple[RuleLine, ...]) -> Protego:
    from protego import Protego  # costs 24 ms, and many runs meet no rules

    return Protego.parse(
        "\n".join(["User-agent: *", *map(_protego_line, lines)])
    )


def _protego_line(line: RuleLine) -> str:
    """The line in characters that Protego does not take for the end of a line."""
    if line.directive in ("allow", "disallow"):
        path = re.sub(
            r"[^\x21-\x7e]+", lambda found: quote(found[0]), line.value
        )
        return f"{line.directive}: {path}"
    return f"{line.directive}: {' '.join(line.value.split())}"


def _line_matches(line: RuleLine, url: str) -> bool:
    everything = RuleLine(0, "disallow", "/")
    if line.directive == "disallow":
        return not _compile_rules((line,)).can_fetch(url, "*")
    # As long as "/" or longer, and Allow wins between equals.
    return _compile_rules((everything, line)).can_fetch(url, "*")


def _crawl_delay_of(protego: Protego) -> float | None:
    delay = protego.crawl_delay("*")
    rate = protego.request_rate("*")
    asked = []
    if delay is not None:
        asked.append(float(delay))
    if rate is not None and rate.requests > 0:
        asked.append(rate.seconds / rate.requests)
    sane = [each for each in asked if each >= 0]  # NaN is not
    if not sane:
        return None
    return min(max(sane), MAX_DELAY_SECONDS)
