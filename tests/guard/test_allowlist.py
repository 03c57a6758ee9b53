"""The allow-list: which patterns mean which hosts."""

from __future__ import annotations

import pytest

from scraper.errors import UsageError
from scraper.guard.allowlist import AllowList
from tests.guard.fakes import contacted


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("example.com", "example.com example.com. example.com:8080", "a.example.com x.org"),
        ("Example.COM.", "example.com", "notexample.com"),
        ("*.example.com", "a.example.com a.b.example.com:81", "example.com xexample.com"),
        ("img?.x.org", "img1.x.org", "img.x.org img12.x.org"),
        ("bücher.de", "xn--bcher-kva.de", "bucher.de"),
        ("*.bücher.de", "www.xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("10.0.0.0/8", "10.1.2.3 10.1.2.3:81", "11.0.0.1 10.example.com [::ffff:a01:203]"),
        ("127.0.0.1", "127.0.0.1 127.0.0.1:81", "127.0.0.2 localhost"),
        ("127.1", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.1:8000", "127.0.0.1:8000", "127.0.0.1 127.0.0.1:8001"),
        ("127.0.0.0/8:8000", "127.9.9.9:8000", "127.9.9.9"),
        ("::1/128", "[::1] [::1]:81", "[::2] 127.0.0.1"),
        ("[::1]/128", "[::1]", "[::2]"),
        ("::1", "[::1] [::1]:81", "[::2]"),
        ("[::1]", "[::1]", "[::2]"),
        ("[0:0::1]:8000", "[::1]:8000", "[::1]"),
        ("localhost", "localhost localhost. localhost:5000", "127.0.0.1 a.localhost"),
        ("example.com:443", "example.com example.com:443", "example.com:8443"),
        ("*:8080", "a.org:8080 10.0.0.1:8080", "a.org"),
        ("*", "a.org 10.0.0.1 [::1]:5", ""),
    ],
)  # fmt: skip
def test_a_pattern_allows_exactly_what_it_says(
    pattern: str, matching: str, other: str
) -> None:
    allow = AllowList([pattern])
    for _ in range(2):  # the second time from the cache
        assert [
            host for host in matching.split() if not allow.allows(host)
        ] == []
        assert [host for host in other.split() if allow.allows(host)] == []


def test_an_empty_list_allows_every_host() -> None:
    assert AllowList([]).allows("any.example:99")


def test_a_port_that_is_known_is_compared_exactly() -> None:
    allow = AllowList(["example.com:443"])
    assert allow.allows("example.com", 443)
    assert not allow.allows("example.com", 80)


@pytest.mark.parametrize(
    "pattern",
    ["", " ", "http://example.com", "example.com/path", "10.0.0.0/33", "10.1.2.3/8", "[::1", "a:b",
     "a:0", "a:65536", "a:", "a b", "user@host", "10.0.*", "*.1", "[::1]x", "a#b", "a%2eb",
     "*.a_b!", "[]", "::g", "fe80::1%eth0", "1.2.3.256"],
)  # fmt: skip
def test_a_wrong_pattern_is_refused_in_one_message(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no pattern for hosts"):
        AllowList(["example.com", pattern])


def test_the_allow_list_speaks_of_the_host_and_not_of_its_addresses() -> None:
    assert (
        contacted(
            "other.org", ["10.1.2.3"], patterns=["10.0.0.0/8", "example.com"]
        )
        == []
    )
    assert contacted("example.com", ["10.1.2.3"], patterns=["example.com"]) == [
        "10.1.2.3"
    ]
