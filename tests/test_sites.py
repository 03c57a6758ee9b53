"""The generated site says in its bytes what its model says, and the truth is a truth."""

from __future__ import annotations

import http.client
import random
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

import can_ada
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as some

from benchmarks.sites.calm import serving_calmly
from benchmarks.sites.generate import generate
from benchmarks.sites.model import Link, Page, Place, Site
from benchmarks.sites.render import body_of
from benchmarks.sites.serving import Served, names_of, serving
from benchmarks.sites.truth import Options, Standing, Truth

NAMES = names_of(8001, 8002)
SITE = generate(3, 400, NAMES)
HOME = SITE.entries["home"]
EVERYTHING = Options(depth=99, scope="list", follow=("a.next", "rel=next"))


# -- the bytes ------------------------------------------------------------------------------------


def joined(base: str, reference: str) -> str | None:
    """What a browser asks for, if it is something to be asked for."""
    try:
        url = can_ada.parse(base) + reference
    except ValueError:
        return None
    url.hash = ""
    return url.href if url.protocol in ("http:", "https:") else None


def base_of(page: Page, tree: BeautifulSoup) -> str:
    own = SITE.href(page.place)
    element = tree.find("base", href=True)
    if element is None:
        return own
    base = str(can_ada.parse(own) + element["href"])
    return base if base.startswith("http") else own


def read(page: Page) -> Iterable[tuple[str | None, str, str, bool]]:
    tree = BeautifulSoup(body_of(page), "html5lib", from_encoding=page.charset)
    base = base_of(page, tree)
    for each in tree.select("a, area, iframe, frame, link"):
        reference = (
            each.get("src") if "frame" in each.name else each.get("href")
        )
        is_next = "next" in each.get("class", ())
        rel = " ".join(each.get("rel", ()))
        yield joined(base, reference), each.name, rel, is_next


@pytest.mark.filterwarnings("ignore::bs4.XMLParsedAsHTMLWarning")
def test_each_page_says_what_its_model_says() -> None:
    pages = [each for each in SITE.pages.values() if each.leads_on]
    assert len(pages) > 300
    for page in pages:
        modelled = sorted(
            (
                SITE.href(link.target) if link.target else "",
                link.tag,
                link.rel,
                link.is_next,
            )
            for link in page.links
            if link.target or joined(SITE.href(page.place), link.reference)
        )
        found = sorted((url or "", *rest) for url, *rest in read(page) if url)
        # "#top" names the page itself, and nothing to be asked
        own = SITE.href(page.place)
        assert [each for each in found if each[0] != own] == [
            each for each in modelled if each[0] not in ("", own)
        ], page.place


def test_each_redirect_leads_where_its_model_says() -> None:
    moved = [each for each in SITE.pages.values() if each.moved_to]
    assert {each.status for each in moved} == {301, 302, 303, 307, 308}
    for page in moved:
        assert page.moved_to is not None
        assert page.moved_to.target is not None
        assert joined(
            SITE.href(page.place), page.moved_to.reference
        ) == SITE.href(page.moved_to.target)


def test_a_seed_is_a_site() -> None:
    assert generate(3, 400, NAMES) == SITE
    assert generate(4, 400, NAMES) != SITE
    assert 380 <= len(SITE.pages) <= 420


def test_all_shapes_are_there() -> None:
    pages = SITE.pages.values()
    links = [link for page in pages for link in page.links]
    assert {link.tag for link in links} == {
        "a",
        "area",
        "iframe",
        "frame",
        "link",
    }
    assert {page.trouble for page in pages} == {"", "500", "cut", "slow"}
    assert {page.charset for page in pages} == {
        "utf-8",
        "shift_jis",
        "iso-8859-1",
    }
    assert {page.place.host for page in pages} == {
        "shop",
        "www",
        "other",
        "port",
    }
    same = Place("shop", "/odd/0/same/page")
    spelled = {link.reference for link in links if link.target == same}
    assert len(spelled) > 5


# -- the server -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterable[Served]:
    with serving() as served:
        served.site = generate(3, 400, served.names)
        yield served


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def asked(served: Served, place: Place) -> Answer:
    server = served.servers[place.host == "port"]
    return ask(server.port, served.names[place.host], place.path)


def ask(port: int, host: str, path: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def place_with(served: Served, **what: object) -> Place:
    return next(
        place
        for place, page in served.site.pages.items()
        if all(getattr(page, name) == value for name, value in what.items())
    )


def test_the_server_answers_by_the_model(served: Served) -> None:
    before = served.asked()
    assert b"<h1>shop/</h1>" in asked(served, HOME).body
    assert asked(served, place_with(served, status=404)).status == 404
    assert asked(served, Place("other", "/nobody")).status == 404
    flaky = place_with(served, trouble="500")
    assert [asked(served, flaky).status for _ in range(2)] == [500, 200]
    cut = place_with(served, trouble="cut")
    with pytest.raises(http.client.IncompleteRead):
        asked(served, cut)
    assert asked(served, cut).body
    moved = asked(served, place_with(served, status=308))
    assert moved.status == 308
    assert moved.headers["Location"]
    said = place_with(served, robots_header="None")
    assert asked(served, said).headers["X-Robots-Tag"] == "None"
    came = served.asked() - before
    assert came[flaky] == came[cut] == 2
    assert came[Place("other", "/nobody")] == 1


def test_rules_are_those_of_one_host(served: Served) -> None:
    text = asked(served, Place("shop", "/robots.txt")).body.decode()
    assert "Disallow: /private/" in text
    text = asked(served, Place("other", "/robots.txt")).body.decode()
    assert "Disallow" not in text
    assert served.site.is_forbidden(Place("shop", "/private/0.html"))
    assert not served.site.is_forbidden(Place("shop", "/private/open/0"))
    assert not served.site.is_forbidden(Place("www", "/private/0.html"))


def test_a_calm_site_is_the_same_but_for_its_troubles(served: Served) -> None:
    pages = served.site.pages
    places = [place for place, page in pages.items() if not page.trouble][::7]
    rules = [Place(host, "/robots.txt") for host in served.names]
    with serving_calmly("127.0.0.1") as calm:
        calm.serve(served.site)
        for place in (*places, *rules, Place("other", "/nobody")):
            other = asked(served, place)
            port = calm.ports[place.host == "port"]
            answer = ask(port, served.names[place.host], place.path)
            assert (answer.status, answer.body) == (other.status, other.body)
            for name in ("Location", "X-Robots-Tag", "Content-Type"):
                assert answer.headers[name] == other.headers[name], place
        flaky = place_with(served, trouble="500")
        name = served.names[flaky.host]
        port = calm.ports[flaky.host == "port"]
        assert ask(port, name, flaky.path).status == 200
        assert calm.asked() == Counter(
            [*places, Place("other", "/nobody"), flaky]
        )


# -- the truth ------------------------------------------------------------------------------------


def paths(truth: Truth, host: str = "shop") -> set[str]:
    return {each.path for each in truth.requests if each.host == host}


def truth_of(*listed: Place, **what: object) -> Truth:
    return Truth(SITE, listed, Options(**what))  # type: ignore[arg-type]


def test_a_list_is_a_list() -> None:
    assert truth_of(HOME).requests == {HOME: 1}


def test_a_chain_is_followed_to_its_end_and_within_its_limit() -> None:
    first = SITE.entries["chain 0"]
    assert len(truth_of(first, follow=("a.next",)).requests) == 12
    limited = truth_of(first, follow=("a.next",), follow_limit=5)
    assert limited.requests == {
        Place("shop", f"/list/c0?page={n}" if n > 1 else "/list/c0"): 1
        for n in range(1, 6)
    }
    # named by `rel` alone
    second = SITE.entries["chain 1"]
    assert len(truth_of(second, follow=("a.next",)).requests) == 1
    assert len(truth_of(second, follow=("rel=next",)).requests) > 1


def test_what_is_out_of_scope_or_forbidden_is_not_asked() -> None:
    everything = truth_of(HOME, depth=99)
    assert {place.host for place in everything.requests} == {"shop"}
    assert not any(each.startswith("/private/0") for each in paths(everything))
    assert "/private/open/0" in paths(everything)
    assert "/odd/0/known-to-the-secret" not in paths(everything)
    assert "/odd/0/known-to-www" not in paths(everything)
    tree = truth_of(SITE.entries["tree"], depth=99)
    assert all(each.startswith("/tree/") for each in paths(tree))
    wide = truth_of(HOME, depth=99, scope="domain")
    assert "/odd/0/known-to-www" in paths(wide)
    assert "/odd/0/elsewhere-leads-here" in paths(wide, "www")
    assert paths(wide, "other") == set()


def test_the_odd_shapes_count_as_they_should() -> None:
    hub = SITE.entries["odd 0"]
    inside = paths(truth_of(hub, depth=9))
    names = {each.removeprefix("/odd/0/") for each in inside}
    assert names >= {
        "last-of-many",
        "same/page",
        "same/%c3%a9",
        "same/%C3%A9",
        "types/framed",
        "types/known-to-inner",
        "types/sjis-leads-here",
        "moved/known-to-the-end",
        "nofollow/both-ways",
        "nofollow/header-of-another-leads-here",
        "answers/cut-leads-here",
    }
    assert (
        names
        & {
            "nofollow/rel",
            "nofollow/meta-leads-here",
            "nofollow/header-none-leads-here",
            "types/text-leads-here",
            "types/json-leads-here",
            "answers/404-leads-here",
            "base/there",
        }
        == set()
    )
    ignoring = truth_of(hub, depth=9, obeys_nofollow=False)
    assert "/odd/0/nofollow/meta-leads-here" in paths(ignoring)


def test_the_short_way_counts_whatever_its_page_takes() -> None:
    hub = SITE.entries["odd 0"]
    assert "/odd/0/ways/8" in paths(truth_of(hub, depth=3))
    assert "/odd/0/ways/8" not in paths(truth_of(hub, depth=2))


def test_hops_are_requests_too() -> None:
    hub = SITE.entries["odd 0"]
    requests = truth_of(hub, depth=1).requests
    # as itself, and as the end of a redirect
    assert requests[hub] == 2
    assert requests[Place("shop", "/odd/0/moved/circle-1")] == 1
    # its end is out of scope
    assert requests[Place("shop", "/odd/0/moved/to-home")] == 1
    assert HOME not in requests


def test_patterns_are_of_the_whole_url() -> None:
    only = paths(truth_of(HOME, depth=3, accept=("*/tree/*", "*/odd/")))
    assert all(each == "/" or each.startswith("/tree/") for each in only)
    assert len(only) > 3
    without = paths(truth_of(HOME, depth=3, reject=("*.html",)))
    assert not any(each.endswith(".html") for each in without)


# -- small sites, and what is true of all ---------------------------------------------------------

PLACES = [
    Place(host, path)
    for host in ("shop", "www", "other")
    for path in ("/", "/a/", "/a/b", "/a/b?c")
]
LINKS = some.builds(
    Link,
    some.sampled_from(PLACES),
    some.just(""),
    some.sampled_from(["a", "a", "iframe", "link"]),
    some.sampled_from(["", "", "next", "nofollow", "next nofollow"]),
    some.booleans(),
)


def page_at(
    place: Place, links: list[Link], moved: bool, nofollow: bool
) -> Page:
    moved_to = links[0] if moved and links else None
    return Page(place, tuple(links), moved_to=moved_to, is_nofollow=nofollow)


PAGES = some.tuples(
    *(
        some.builds(
            page_at,
            some.just(place),
            some.lists(LINKS, max_size=4),
            some.sampled_from([False, False, False, True]),
            some.sampled_from([False, False, False, True]),
        )
        for place in PLACES
    )
)
SITES = some.builds(
    lambda pages: Site(NAMES, {each.place: each for each in pages}, ("/a/b?",)),
    PAGES,
)
OPTIONS = some.builds(
    Options,
    depth=some.integers(0, 4),
    scope=some.sampled_from(["page", "path", "host", "domain", "list"]),
    reject=some.sampled_from([(), ("*b",)]),
    follow=some.sampled_from(
        [(), ("a.next",), ("rel=next",), ("a.next", "rel=next")]
    ),
    follow_limit=some.integers(1, 4),
    obeys_nofollow=some.booleans(),
)
LISTS = some.sets(some.sampled_from(PLACES), min_size=1, max_size=3)


@settings(max_examples=40)
@given(SITES, LISTS, OPTIONS, some.randoms())
def test_the_order_of_links_and_pages_is_nothing(
    site: Site, listed: set[Place], options: Options, draw: random.Random
) -> None:
    pages = list(site.pages.values())
    draw.shuffle(pages)
    shuffled = {
        each.place: replace(
            each, links=tuple(draw.sample(each.links, len(each.links)))
        )
        for each in pages
    }
    other = Truth(replace(site, pages=shuffled), listed, options)
    truth = Truth(site, listed, options)
    assert other.standing == truth.standing
    assert other.requests == truth.requests


@settings(max_examples=40)
@given(SITES, LISTS, OPTIONS)
def test_nothing_can_be_improved_and_all_is_there_for_a_reason(
    site: Site, listed: set[Place], options: Options
) -> None:
    """The least fixed point, looked for by trying all links again and again."""
    truth = Truth(site, listed, options)
    best = dict.fromkeys(listed, Standing(0, 0))
    for _ in range(len(PLACES) * 10):
        for place, page in list(truth.answers.items()):
            if place in best and page is not None and page.leads_on:
                for target, standing in truth.leads(page, best[place]):
                    known = best.get(target, standing)
                    best[target] = Standing(
                        min(known.level, standing.level),
                        min(known.chain, standing.chain),
                    )
    assert best == truth.standing


@settings(max_examples=40)
@given(SITES, LISTS, OPTIONS)
def test_what_is_permitted_adds_and_takes_nothing(
    site: Site, listed: set[Place], options: Options
) -> None:
    found = set(Truth(site, listed, options).standing)
    for wider in (
        replace(options, depth=options.depth + 1),
        replace(options, follow_limit=options.follow_limit + 1),
        replace(options, obeys_nofollow=False),
        replace(options, reject=()),
    ):
        assert found <= set(Truth(site, listed, wider).standing)
    for place in found - listed:
        assert options.depth or options.follow
        assert not (options.reject and place.path.endswith("b"))
    everywhere = Truth(site, listed, options).requests
    assert not any(site.is_forbidden(place) for place in everywhere)


@settings(max_examples=40)
@given(SITES, LISTS, some.integers(0, 4))
def test_depth_is_the_distance(
    site: Site, listed: set[Place], depth: int
) -> None:
    """Counted once more, ring by ring, where there is nothing but links."""
    pages = {
        place: replace(page, moved_to=None, is_nofollow=False)
        for place, page in site.pages.items()
    }
    options = Options(depth, scope="list", obeys_nofollow=False)
    hosts = {each.host for each in listed}
    ring = known = frozenset(listed)
    for _ in range(depth):
        ring = frozenset(
            link.target
            for place in ring
            if not site.is_forbidden(place)
            for link in pages[place].links
            if link.target and link.tag != "link" and link.target.host in hosts
        )
        known |= ring
    truth = Truth(replace(site, pages=pages), listed, options)
    assert set(truth.standing) == known
