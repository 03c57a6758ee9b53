"""Which parts a URL has that may make no difference."""

from __future__ import annotations

from scraper.frontier.traps.parts import (
    Address,
    address_of,
    parts_of,
    reductions_of,
)

URL = "http://a.example/cal/2031/x.html"


def bases(url: str) -> dict[str, str]:
    return {p.key: text_of(p.base) for p in parts_of(address_of(url))}


def text_of(address: Address) -> str:
    query = "&".join(f"{name}={value}" for name, value in address.parameters)
    return f"{address.path}?{query}" if query else address.path


def reduced(url: str, *settled: str) -> list[str]:
    return [
        text_of(each) for each in reductions_of(address_of(url), set(settled))
    ]


def test_each_part_has_the_url_without_it() -> None:
    assert bases(URL) == {
        "order": "/cal/2031/x.html",
        "/cal/#": "/cal/#/x.html",
        "cal/": "/2031/x.html",
        "#/": "/cal/x.html",
    }
    assert bases("http://a.example/?b=2&a=1") == {
        "order": "/?a=1&b=2",
        "?a": "/?b=2",
        "?b": "/?a=1",
    }


def test_parameters_are_known_by_their_names() -> None:
    several = "http://a.example/s?f[1]=a&f[22]=b&f[1]=c"
    assert bases(several)["?f[#]"] == "/s"
    assert bases("http://a.example/s?x&x=&&=1")["?x"] == "/s?=1"
    assert bases("http://a.example/s;id=7?x=1")["?id"] == "/s?x=1"


def test_urls_of_one_part_more_have_the_same_base() -> None:
    one, other = (
        bases(f"http://a.example/(S({session}))/7")["/(S(#))"]
        for session in ("0a1b2c3d", "f0e1d2c3")
    )
    assert one == other == "/(S(#))/7"


def test_what_makes_no_difference_is_taken_away() -> None:
    url = "http://a.example/cal/2031/05/?sid=1&x=2&lang=de"
    assert reduced(url) == []
    assert reduced(url, "?sid") == ["/cal/2031/05/?lang=de&x=2"]
    assert reduced(url, "?sid", "?x", "/cal/#/#") == ["/cal/2031/#/?lang=de"]


def test_folders_are_taken_away_one_by_one() -> None:
    url = "http://a.example/a/b/a/x"
    assert reduced(url, "a/") == ["/b/a/x", "/a/b/x", "/b/x"]


def test_another_order_is_the_same_url() -> None:
    assert reduced("http://a.example/?b=2&a=1", "order") == ["/?a=1&b=2"]


def test_a_url_of_any_length_has_few_parts() -> None:
    query = "&".join(f"p{'x' * n}={n}" for n in range(500))
    long = f"http://a.example{'/7a' * 500}/x?{query}"
    assert len(parts_of(address_of(long))) < 60
