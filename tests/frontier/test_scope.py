"""Where links may lead."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.frontier.follow import scope as module
from scraper.frontier.follow.scope import Scope, folder_of, folders_above
from scraper.urls import Url, canonical

PAGE = canonical("https://www.a.co.uk/docs/intro/1.html?x=1")


class Kept:
    """The places of the list, in memory; how often it is asked for them."""

    def __init__(self) -> None:
        self.places: set[int] = set()
        self.asked = 0

    def count(self) -> int:
        return len(self.places)

    def add(self, hashes: Iterable[int]) -> int:
        before = self.count()
        self.places.update(hashes)
        return self.count() - before

    def which_of(self, hashes: Collection[int]) -> frozenset[int]:
        self.asked += 1
        return frozenset(self.places.intersection(hashes))


def scope_of(kind: str, *listed: str) -> Scope:
    scope = Scope(kind, Kept())
    scope.note_listed(map(canonical, listed))
    return scope


@pytest.mark.parametrize(
    ("kind", "inside", "outside"),
    [
        ("page", ["/docs/intro/1.html", "/docs/intro/1.html?p=2"],
         ["/docs/intro/2.html", "//b.co.uk/docs/intro/1.html"]),
        ("path", ["/docs/", "/docs/x/y?z", "/docs/intro/1.html"],
         ["/", "/docs", "/docs2/x", "//a.co.uk/docs/x"]),
        ("host", ["/", "http://www.a.co.uk/x"],
         ["//a.co.uk/", "//www.a.co.uk:8080/"]),
        ("domain", ["//a.co.uk/", "//x.y.a.co.uk:8080/"],
         ["//b.co.uk/", "//co.uk/"]),
        ("list", ["/", "//b.example/x"], ["//a.co.uk/", "//b.example:81/"]),
    ],
)  # fmt: skip
def test_a_scope_has_an_inside_and_an_outside(
    kind: str, inside: list[str], outside: list[str]
) -> None:
    scope = scope_of(
        kind, "https://www.a.co.uk/docs/index.html", "b.example/here"
    )
    for text in inside:
        assert scope.permits(PAGE, _url(text)), text
    for text in outside:
        assert not scope.permits(PAGE, _url(text)), text


def _url(text: str) -> Url:
    if text.startswith("//"):
        return canonical(f"https:{text}")
    if text.startswith("/"):
        return canonical(f"https://www.a.co.uk{text}")
    return canonical(text)


def test_a_place_is_looked_up_once() -> None:
    kept = Kept()
    scope = Scope("path", kept)
    kept.places |= set(scope_of("path", "https://a.example/b/")._known)
    page = canonical("https://a.example/b/")
    urls = [canonical(f"https://a.example/b/{n}/x") for n in range(9)]
    assert scope.within(page, urls) == urls
    assert scope.within(page, urls[::-1]) == urls[::-1]
    assert kept.asked == 1


def test_what_is_remembered_may_be_forgotten_at_any_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_KNOWN", 3)
    hosts = [f"h{n}.example" for n in range(9)]
    scope = scope_of("list", *hosts)
    page = canonical(hosts[0])
    urls = [canonical(f"{each}/a") for each in (*hosts, "other.example")]
    for url in (*urls, *urls[::-1]):
        inside = scope.within(page, [url, urls[0]])
        assert inside == [each for each in (url, urls[0]) if each != urls[-1]]


SEGMENTS = st.lists(st.sampled_from("abc"), max_size=4)


@given(SEGMENTS, SEGMENTS)
def test_a_folder_holds_what_lies_below_it(
    listed: list[str], other: list[str]
) -> None:
    folder = canonical("https://a.example/" + "".join(f"{s}/" for s in listed))
    url = canonical(
        "https://a.example/" + "".join(f"{s}/" for s in other) + "p"
    )
    scope = scope_of("path", folder.href)
    assert scope.permits(folder, url) == (other[: len(listed)] == listed)
    assert (folder_of(folder) in set(folders_above(url))) == scope.permits(
        folder, url
    )
