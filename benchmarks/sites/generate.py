"""A site drawn from a seed: chains of pages, a tree with short cuts, and every odd shape."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from benchmarks.sites.drafts import Draft, Drafts
from benchmarks.sites.model import Place, Site
from benchmarks.sites.odd import add_odd_pages

CHAINS = 0.3  # of all pages: those of chains, with what they list
SLOW, FLAKY = 0.03, 0.04  # of the pages of the tree
PAGES_OF_A_GROUP = 500  # one group of odd shapes for so many
CROSS_LINKS = 3  # of each page of the tree, at most
# What a page of a chain is called, after the name of the chain.
STYLES = (
    ("/list/{0}", "/list/{0}?page={1}"),
    ("/list/{0}/", "/list/{0}/page/{1}"),
    ("/list/{0}-1.html", "/list/{0}-{1}.html"),
)
# How the next one is named: by its class, by `rel`, by both, in the head.
NEXT_BY: tuple[dict[str, Any], ...] = (
    {"is_next": True},
    {"rel": "next"},
    {"is_next": True, "rel": "Next start"},
    {"tag": "link", "rel": "next"},
)
ENDS = ("none", "itself", "circle", "away", "missing", "forbidden")


def generate(
    seed: int, size: int, names: Mapping[str, str], words: int = 60
) -> Site:
    """A site with about so many pages, at least 200; `names` are the hosts with their ports.

    Its hosts: `shop` has the pages; `www` is a name below that of `shop`, `port` the same name with
    another port, `other` a host of its own.
    """
    drafts = Drafts(seed, names, words)
    home = drafts.page("/")
    drafts.entries["home"] = home.place
    drafts.disallow += ["/private/", "/list/forbidden"]
    drafts.allow.append("/private/open/")
    for number in range(max(1, size // PAGES_OF_A_GROUP)):
        add_odd_pages(drafts, home, number)
    _add_chains(drafts, home, round(size * CHAINS))
    _add_tree(drafts, home, size - len(drafts))
    return drafts.site()


# -- chains ---------------------------------------------------------------------------------------


def _add_chains(drafts: Drafts, home: Draft, size: int) -> None:
    """Lists over several pages, and what they list."""
    end = len(drafts) + size
    number = 0
    while len(drafts) < end:
        name = f"c{number}"
        # the first is long, so that a limit can be seen
        length = 12 if number == 0 else drafts.draw.randint(2, 12)
        pages = _add_chain(drafts, name, length, number)
        drafts.entries[f"chain {number}"] = pages[0].place
        home.link(pages[0].place)
        number += 1


def _add_chain(
    drafts: Drafts, name: str, length: int, number: int
) -> list[Draft]:
    first, later = STYLES[number % len(STYLES)]
    by = NEXT_BY[number % len(NEXT_BY)]
    paths = [first.format(name)]
    paths += [later.format(name, n) for n in range(2, length + 1)]
    pages = [drafts.page(path) for path in paths]
    for before, page in pairwise(pages):
        before.link(page.place, **by)
        page.link(before.place, rel="prev")
    for index, page in enumerate(pages):
        if drafts.draw.random() < 0.5:
            _list_items(drafts, page, f"{name}-{index}")
    _end_chain(drafts, pages, ENDS[number % len(ENDS)], by)
    return pages


def _list_items(drafts: Drafts, page: Draft, name: str) -> None:
    for number in range(drafts.draw.randint(1, 3)):
        item = drafts.page(f"/list/items/{name}-{number}.html")
        page.link(item.place)
        page.link(item.place)  # its picture, and its name
        item.link(page.place)


def _end_chain(
    drafts: Drafts, pages: list[Draft], end: str, by: Mapping[str, Any]
) -> None:
    """Where the next link of the last page leads."""
    name = pages[0].place.path.strip("/").replace("/", "-")
    targets = {
        "itself": pages[-1].place,
        "circle": pages[0].place,
        "away": Place("other", f"/{name}"),
        "missing": Place("shop", f"/list/missing/{name}"),
        "forbidden": Place("shop", f"/list/forbidden/{name}"),
    }
    if end in targets:
        pages[-1].link(targets[end], **by)


# -- the tree -------------------------------------------------------------------------------------


def _add_tree(drafts: Drafts, home: Draft, size: int) -> None:
    """Folders within folders, links across, and slow pages that know a short way down."""
    draw = drafts.draw
    root = drafts.page("/tree/")
    drafts.entries["tree"] = root.place
    home.link(root.place)
    nodes = [root]
    for number in range(size - 1):
        # young parents make it deep, old ones make it broad
        oldest = 0 if draw.random() < 0.5 else max(0, len(nodes) - 6)
        parent = draw.choice(nodes[oldest:])
        folder = parent.place.path.rpartition("/")[0]
        path = f"{folder}/n{number}" + draw.choice(("/", ".html"))
        if len(path) > 120:
            path = f"/tree/n{number}/"
        trouble = _trouble_of(draw.random())
        node = drafts.page(path, trouble=trouble)
        parent.link(node.place)
        if trouble == "slow":
            root.link(node.place)
        nodes.append(node)
    for node in nodes:
        far = CROSS_LINKS * (4 if node.what.get("trouble") == "slow" else 1)
        for _ in range(draw.randint(0, far)):
            node.link(draw.choice(nodes).place, **_manner(draw.random()))
    _link_outwards(drafts, nodes)


def _trouble_of(chance: float) -> str:
    if chance < SLOW:
        return "slow"
    if chance < SLOW + FLAKY:
        return "500" if chance < SLOW + FLAKY / 2 else "cut"
    return ""


def _manner(chance: float) -> dict[str, str]:
    if chance < 0.1:
        return {"rel": "external NoFollow"}
    if chance < 0.2:
        return {"tag": "area"}
    return {}


def _link_outwards(drafts: Drafts, nodes: list[Draft]) -> None:
    """To the rest of the site, and to what is out of any scope but that of the rest."""
    outside = [
        each for each in drafts.places if not each.path.startswith("/tree/")
    ]
    for node in nodes:
        if drafts.draw.random() < 0.15:
            node.link(drafts.draw.choice(outside))
