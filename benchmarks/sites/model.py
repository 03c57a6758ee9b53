"""What a site is, before anybody has written a byte of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Trouble = Literal["", "500", "cut", "slow"]
HTML = "text/html"
XHTML = "application/xhtml+xml"
READABLE = (HTML, XHTML)


class Place(NamedTuple):
    """What is asked for: a host by its part in the site, and a path with its query."""

    host: str
    path: str


class Link(NamedTuple):
    """A reference, and what a browser would ask for it; nothing, if it is no http URL."""

    target: Place | None
    reference: str
    tag: str = "a"  # a, area, iframe, frame; link: only the next page
    rel: str = ""
    is_next: bool = False  # by its class

    @property
    def says_next(self) -> bool:
        return "next" in self.rel.lower().split()

    @property
    def says_nofollow(self) -> bool:
        return "nofollow" in self.rel.lower().split()


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered at a place."""

    place: Place
    links: tuple[Link, ...] = ()
    base: str = ""  # reference of its base element
    type: str = HTML
    charset: str = "utf-8"
    status: int = 200
    moved_to: Link | None = None
    robots_meta: str = ""
    robots_header: str = ""
    is_nofollow: bool = False  # what these two come to
    trouble: Trouble = ""  # 500 and cut: at the first request only
    text: str = ""

    @property
    def leads_on(self) -> bool:
        """Are its links read?"""
        return (
            self.status == 200
            and self.moved_to is None
            and self.type in READABLE
        )


@dataclass(frozen=True, slots=True)
class Site:
    """All pages, and what is forbidden; what is no page is not found."""

    names: Mapping[str, str]  # of each host, with its port
    pages: Mapping[Place, Page]
    # Beginnings of paths, of the host `shop`; the longest that fits decides.
    disallow: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    entries: Mapping[str, Place] = field(default_factory=dict)  # by their part

    def href(self, place: Place) -> str:
        return f"http://{self.names[place.host]}{place.path}"

    def is_forbidden(self, place: Place) -> bool:
        if place.host != "shop":
            return False
        no = _longest(self.disallow, place.path)
        return no > _longest(self.allow, place.path)

    def robots_of(self, host: str) -> str:
        """The robots.txt of a host."""
        lines = ["User-agent: *"]
        if host == "shop":
            lines += [f"Disallow: {each}" for each in self.disallow]
            lines += [f"Allow: {each}" for each in self.allow]
        return "\n".join(lines)

    def place_of(self, authority: str, path: str) -> Place | None:
        """The place of a request; None if no host of this site was asked. Some clients (wget2
        1.99) leave out the port."""
        for host, name in self.names.items():
            if authority in (name, name.partition(":")[0]):
                return Place(host, path)
        return None


def _longest(beginnings: tuple[str, ...], path: str) -> int:
    return max(
        (len(each) for each in beginnings if path.startswith(each)), default=0
    )
