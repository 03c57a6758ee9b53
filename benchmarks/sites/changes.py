"""A generated site some time later: pages that no page leads to any more, that are gone, or new."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks.sites.model import HTML, Link, Page, Place, Site

UNLINKED, GONE, NEW = 0.05, 0.05, 0.05  # of the pages of the tree


def changed(site: Site, seed: int) -> Site:
    """The same hosts, another site; every other page is as it was, byte for byte."""
    draw = random.Random(seed)
    tree = [
        place
        for place, page in site.pages.items()
        if place.path.startswith("/tree/n") and page.type == HTML
    ]
    drawn = draw.sample(tree, len(tree))
    unlinked = frozenset(drawn[: _count(UNLINKED, tree)])
    rest = drawn[len(unlinked) :]
    gone = frozenset(rest[: _count(GONE, tree)])
    pages = {
        place: replace(
            page,
            links=_without(page, unlinked),
            status=404 if place in gone else page.status,
        )
        for place, page in site.pages.items()
    }
    for number in range(_count(NEW, tree)):
        place = Place("shop", f"/tree/new-{number}.html")
        pages[place] = Page(place, text=f"This is new: {number}.")
        parent = draw.choice(rest[len(gone) :])
        link = Link(place, site.href(place))
        links = (*pages[parent].links, link)
        pages[parent] = replace(pages[parent], links=links)
    return replace(site, pages=pages)


def _without(page: Page, unlinked: frozenset[Place]) -> tuple[Link, ...]:
    if not any(link.target in unlinked for link in page.links):
        return page.links
    return tuple(link for link in page.links if link.target not in unlinked)


def _count(share: float, of: list[Place]) -> int:
    return max(1, round(share * len(of)))
