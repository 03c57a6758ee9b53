"""Each odd shape of a site, once in a group; what must not be asked is linked all the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks.sites.drafts import Draft, Drafts
from benchmarks.sites.model import XHTML, Place

SPELLINGS = 12  # of one URL
MANY = 3_000  # links of the page that has very many


def add_odd_pages(drafts: Drafts, home: Draft, number: int) -> None:
    """A folder of them, and a page that leads to each."""
    hub = drafts.page(f"/odd/{number}/")
    home.link(hub.place)
    drafts.entries[f"odd {number}"] = hub.place
    for add in _SHAPES:
        add(_Group(drafts, hub, f"/odd/{number}"))


class _Group:
    """Where the pages of one shape are put."""

    def __init__(self, drafts: Drafts, hub: Draft, folder: str) -> None:
        self.drafts = drafts
        self.hub = hub
        self.folder = folder
        self.number = folder.rpartition("/")[2]

    def page(self, name: str, host: str = "shop", **what: Any) -> Draft:
        return self.drafts.page(f"{self.folder}/{name}", host, **what)

    def leading(self, name: str, host: str = "shop", **what: Any) -> Draft:
        """A page that the hub leads to, and that leads to one more, by which it is seen whether
        its links were read."""
        page = self.page(name, host, **what)
        self.hub.link(page.place)
        page.link(self.page(f"{name}-leads-here", page.place.host).place)
        return page


# -- nofollow, robots.txt -------------------------------------------------------------------------


def _nofollow(group: _Group) -> None:
    """By the link, by the page, by its header; and what only looks like it."""
    for name, rel in (
        ("rel", "nofollow"),
        ("rels", "external NOFOLLOW"),
        ("sponsored", "sponsored no-follow"),
    ):
        page = group.page(f"nofollow/{name}")
        group.hub.link(page.place, rel=rel)
    both = group.page("nofollow/both-ways")
    group.hub.link(both.place, rel="nofollow")
    group.page("nofollow/other-way").link(both.place)
    group.hub.link(Place("shop", f"{group.folder}/nofollow/other-way"))
    for name, meta, is_nofollow in (
        ("meta", "noindex, NOFOLLOW", True),
        ("meta-none", "none", True),
        ("meta-noindex", "noindex, follow", False),
    ):
        group.leading(
            f"nofollow/{name}", robots_meta=meta, is_nofollow=is_nofollow
        )
    for name, header, is_nofollow in (
        ("header", "noindex, nofollow", True),
        ("header-none", "None", True),
        ("header-noindex", "noindex", False),
        ("header-of-another", "otherbot: nofollow", False),
    ):
        group.leading(
            f"nofollow/{name}", robots_header=header, is_nofollow=is_nofollow
        )


def _forbidden(group: _Group) -> None:
    secret = group.drafts.page(f"/private/{group.number}.html")
    group.hub.link(secret.place)
    secret.link(group.page("known-to-the-secret").place)
    group.hub.link(group.drafts.page(f"/private/open/{group.number}").place)


# -- scope ----------------------------------------------------------------------------------------


def _other_hosts(group: _Group) -> None:
    for host in ("port", "other", "www"):
        page = group.leading("elsewhere", host)
        group.drafts.entries["elsewhere"] = page.place
        page.link(Place("shop", f"{group.folder}/known-to-{host}"))
        group.page(f"known-to-{host}")
    group.hub.link(Place("other", "/nobody/made/this"))


def _redirects(group: _Group) -> None:
    """Within the scope and out of it, over several hops, in a circle, to what is forbidden."""
    _listed_redirects(group)
    end = group.page("moved/end")
    end.link(group.page("moved/known-to-the-end").place)
    folder = f"{group.folder}/moved"
    hop = group.drafts.moved(f"{folder}/2", end.place, status=301)
    group.hub.link(group.drafts.moved(f"{folder}/1", hop, status=307))
    group.hub.link(group.drafts.moved(f"{folder}/to-the-hub", group.hub.place))
    for host in ("www", "other", "port"):
        away = Place(host, f"{group.folder}/elsewhere")
        group.hub.link(group.drafts.moved(f"{folder}/to-{host}", away))
    home = group.drafts.moved(
        f"{folder}/to-home", Place("shop", "/"), status=303
    )
    group.hub.link(home)
    itself = Place("shop", f"{folder}/itself")
    group.hub.link(group.drafts.moved(itself.path, itself))
    there = Place("shop", f"{folder}/circle-2")
    here = group.drafts.moved(f"{folder}/circle-1", there, status=308)
    group.hub.link(group.drafts.moved(there.path, here))
    secret = Place("shop", f"/private/{group.number}.html")
    group.hub.link(group.drafts.moved(f"{folder}/to-private", secret))
    nowhere = Place("shop", f"{folder}/nowhere")
    group.hub.link(group.drafts.moved(f"{folder}/to-nowhere", nowhere))


def _listed_redirects(group: _Group) -> None:
    """Those that a list may name: into another folder, which so is in its scope."""
    drafts, number = group.drafts, group.number
    new_home = drafts.page(f"/new/{number}/home.html")
    beside = drafts.page(f"/new/{number}/beside.html")
    new_home.link(beside.place)
    beside.link(group.hub.place)
    old_home = drafts.moved(f"/old/{number}/home", new_home.place, status=301)
    drafts.entries["sent home"] = old_home
    later = drafts.page(f"/old/{number}/later", trouble="slow")
    later.link(beside.place)
    drafts.entries["sent on"] = later.place


def _bases(group: _Group) -> None:
    """What references are relative to: a folder, another host, or still the page itself."""
    deep = Place("shop", f"{group.folder}/base/deep/er/index.html")
    page = group.leading("base/folder", base=deep)
    page.link(group.page("base/deep/er/near").place, "near")
    page.link(group.page("base/deep/far").place, "../far")
    away = Place("other", f"{group.folder}/base/")
    page = group.leading("base/host", base=away)
    page.link(group.page("base/there", "other").place, "there")
    page.link(Place("shop", f"{group.folder}/base/folder"))
    page = group.page("base/script.html")
    page.what["base"] = "javascript:alert(1)"
    group.hub.link(page.place)
    page.link(group.page("base/beside-script").place, "beside-script")


# -- what a reference may be ----------------------------------------------------------------------


def _no_urls(group: _Group) -> None:
    page = group.leading("no-urls")
    for reference in (
        "javascript:location='/odd/'",
        "data:text/html,<a href=/x>x</a>",
        "mailto:who@shop.localhost",
        "tel:+1",
        "ftp://shop.localhost/x",
        "about:blank",
        "http://[",
        "http://",
        "https://:80/",
        "#",
        "#top",
        "JaVaScRiPt:void(0)",
        "x:y",
    ):
        page.nothing(reference)
    page.link(page.place, "")


def _spellings(group: _Group) -> None:
    """One URL from many pages in many spellings; and what looks the same to people only."""
    same = group.page("same/page")
    for number in range(SPELLINGS):
        page = group.page(f"same/from-{number}")
        group.hub.link(page.place)
        for _ in range(3):
            page.link(same.place)
    for name in (
        "%C3%A9",
        "%c3%a9",
        "a%20b",
        "a+b",
        "~me",
        "%7Eme",
        "Case",
        "case",
        "case/",
        "q?a=1&b=2",
        "q?b=2&a=1",
        "q?",
        "q",
        "q?a=%C3%A9&amp=1",
        "q?u=http://other.localhost/",
    ):
        group.leading(f"same/{name}")


def _queries(group: _Group) -> None:
    """Pages that differ by their query, which scope `page` holds together."""
    first = group.page("query?page=1")
    group.drafts.entries["query"] = first.place
    group.hub.link(first.place)
    pages = [first, *(group.page(f"query?page={n}") for n in range(2, 6))]
    for before, after in pairwise(pages):
        before.link(after.place)
        after.link(before.place)


def _circle(group: _Group) -> None:
    pages = [group.page(f"circle/{n}") for n in range(4)]
    for page, after in zip(pages, [*pages[1:], pages[0]], strict=True):
        page.link(after.place)
        page.link(page.place)
    group.hub.link(pages[0].place)


def _ways(group: _Group) -> None:
    """A long way to a page, and a short one by a page that answers late."""
    far = group.page("ways/7")
    far.link(group.page("ways/8").place)
    steps = [group.page(f"ways/{n}") for n in range(7)]
    for before, after in zip(steps, [*steps[1:], far], strict=True):
        before.link(after.place)
    short = group.page("ways/short", trouble="slow")
    group.hub.link(short.place)
    group.hub.link(steps[0].place)
    short.link(far.place)


# -- what a page may be ---------------------------------------------------------------------------


def _types(group: _Group) -> None:
    """What is read for links, and what only holds some."""
    group.leading("types/xhtml", type=XHTML)
    group.leading("types/sjis", charset="shift_jis")
    group.leading("types/latin", charset="iso-8859-1")
    for name, type in (
        ("text", "text/plain"),
        ("json", "application/json"),
        ("script.js", "text/javascript"),
        ("sheet.css", "text/css"),
        ("bytes", "application/octet-stream"),
    ):
        group.leading(f"types/{name}", type=type)
    frames = group.page("types/frames")
    group.hub.link(frames.place)
    frames.link(group.page("types/framed").place, tag="frame")
    inner = group.page("types/inner")
    group.hub.link(inner.place, tag="iframe")
    inner.link(group.page("types/known-to-inner").place, tag="area")


def _answers(group: _Group) -> None:
    """Good ones at the second request, late ones, and none."""
    for trouble in ("500", "cut", "slow"):
        group.leading(f"answers/{trouble}", trouble=trouble)
    for status in (404, 410, 403):
        group.leading(f"answers/{status}", status=status)
    missing = Place("shop", f"{group.folder}/answers/nobody-made-this")
    group.hub.link(missing)


def _very_many_links(group: _Group) -> None:
    """Nearly all of them out of most scopes; what is last is found nowhere else."""
    page = group.page("many")
    group.hub.link(page.place)
    for number in range(MANY):
        far = Place("other", f"{group.folder}/{number}")
        page.link(far, f"http://{group.drafts.name_of(far)}{far.path}")
    page.link(group.page("last-of-many").place)


_SHAPES: tuple[Callable[[_Group], None], ...] = (
    _nofollow,
    _forbidden,
    _other_hosts,
    _redirects,
    _bases,
    _no_urls,
    _spellings,
    _queries,
    _circle,
    _ways,
    _types,
    _answers,
    _very_many_links,
)
