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
    """Two servers with one site, which may be changed for another while they serve."""

    servers: tuple[FaultyServer, FaultyServer]
    name: str = "shop.localhost"
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
            rules = "" if place is None else self.site.robots_of(place.host)
            robots(rules)(exchange)
        elif place is None or place not in self.site.pages:
            status(404)(exchange)
        else:
            page = self.site.pages[place]
            self._behaviour(page, seen.nth)(exchange)

    def _behaviour(self, page: Page, nth: int) -> Behaviour:
        if page.moved_to is not None:
            location = {"Location": page.moved_to.reference}
            return body(b"", None, location, page.status)
        payload = self._body_of(page)
        if page.trouble == "500" and nth == 1:
            return status(500)
        if page.trouble == "cut" and nth == 1:
            return short(payload)
        said = page.robots_header
        headers = {"X-Robots-Tag": said} if said else {}
        answer = body(payload, page.type, headers, page.status)
        return delay(SLOW_SECONDS, answer) if page.trouble == "slow" else answer

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
def serving(name: str = "shop.localhost") -> Iterator[Served]:
    """Both servers, with no page yet."""
    with FaultyServer() as first, FaultyServer() as second:
        served = Served((first, second), name)
        for server in served.servers:
            server.behaviours["/*"] = served.answer
        yield served
