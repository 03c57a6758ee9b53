"""A site, served on loopback by the server that misbehaves; and what was asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.sites.model import Page, Place, Site
from benchmarks.sites.render import body_of
from scraper.faulty import FaultyServer, body, delay, robots, short, status
from scraper.faulty.server import Behaviour, Exchange

SLOW_SECONDS = 0.25


def names_of(
    first: int, second: int, name: str = "shop.localhost"
) -> dict[str, str]:
    """The hosts of a site on these two ports."""
    below = "www.localhost" if name[0].isdigit() else f"www.{name}"
    return {
        "shop": f"{name}:{first}",
        "www": f"{below}:{first}",
        "other": f"other.localhost:{first}",
        "port": f"{name}:{second}",
    }


@dataclass
class Served:
    """Two servers with one site, which may be changed for another while they serve. A `calm` one
    is never slow and never fails."""

    servers: tuple[FaultyServer, FaultyServer]
    name: str = "shop.localhost"
    is_calm: bool = False
    site: Site = field(default_factory=lambda: Site({}, {}))
    _bodies: dict[Place, tuple[Page, bytes]] = field(default_factory=dict)

    @property
    def names(self) -> Mapping[str, str]:
        first, second = (each.port for each in self.servers)
        return names_of(first, second, self.name)

    def answer(self, exchange: Exchange) -> None:
        seen = exchange.seen
        place = self.site.place_of(seen.host, seen.path)
        if seen.path == "/robots.txt":
            robots(self._robots(seen.host))(exchange)
        elif place is None or place not in self.site.pages:
            status(404)(exchange)
        else:
            page = self.site.pages[place]
            self._behaviour(page, seen.nth)(exchange)

    def _robots(self, authority: str) -> str:
        lines = ["User-agent: *"]
        place = self.site.place_of(authority, "/robots.txt")
        if place is not None and place.host == "shop":
            lines += [f"Disallow: {each}" for each in self.site.disallow]
            lines += [f"Allow: {each}" for each in self.site.allow]
        return "\n".join(lines)

    def _behaviour(self, page: Page, nth: int) -> Behaviour:
        if page.moved_to is not None:
            location = {"Location": page.moved_to.reference}
            return body(b"", None, location, page.status)
        payload = self._body_of(page)
        trouble = "" if self.is_calm else page.trouble
        if trouble == "500" and nth == 1:
            return status(500)
        if trouble == "cut" and nth == 1:
            return short(payload)
        said = page.robots_header
        headers = {"X-Robots-Tag": said} if said else {}
        answer = body(payload, page.type, headers, page.status)
        return delay(SLOW_SECONDS, answer) if trouble == "slow" else answer

    def _body_of(self, page: Page) -> bytes:
        made = self._bodies.get(page.place)
        if made is None or made[0] is not page:
            made = page, body_of(page)
            self._bodies[page.place] = made
        return made[1]

    def asked(self) -> Counter[Place]:
        """How often each place was asked; without robots.txt."""
        seen = [each for server in self.servers for each in server.seen]
        return Counter(
            self.site.place_of(each.host, each.path)
            or Place(each.host, each.path)
            for each in seen
            if each.path != "/robots.txt"
        )


@contextmanager
def serving(
    name: str = "shop.localhost", *, is_calm: bool = False
) -> Iterator[Served]:
    """Both servers, with no page yet."""
    with FaultyServer() as first, FaultyServer() as second:
        served = Served((first, second), name, is_calm)
        for server in served.servers:
            server.behaviours["/*"] = served.answer
        yield served
