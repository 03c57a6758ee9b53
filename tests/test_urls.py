"""One URL, one spelling: what every browser would ask for."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper import urls
from scraper.urls import (
    BadUrl,
    canonical,
    host_name,
    parts_of,
    parts_of_all,
    resolved,
    with_credentials_of,
    without_credentials,
)

HOSTS = st.from_regex(
    r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,5}){1,2}", fullmatch=True
)


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("example.com", "https://example.com/"),
        ("  https://example.com/a \r\n", "https://example.com/a"),
        ("HTTP://EXAMPLE.com:80/A", "http://example.com/A"),
        ("https://example.com:443/", "https://example.com/"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("https://example.com/a/./b/../c#top", "https://example.com/a/c"),
        ("https://example.com/?q=1&q=2", "https://example.com/?q=1&q=2"),
        ("https://example.com/%7euser", "https://example.com/%7euser"),
        ("https://example.com/über", "https://example.com/%C3%BCber"),
        ("https://münchen.de/", "https://xn--mnchen-3ya.de/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://[::0:1]/", "http://[::1]/"),
        ("localhost:8080/x", "https://localhost:8080/x"),
        ("example.com:8080", "https://example.com:8080/"),
        ("http://example.com\\a", "http://example.com/a"),
        ("https:/example.com/", "https://example.com/"),
        (
            "https://user:secret@example.com/",
            "https://user:secret@example.com/",
        ),
        ("bücher.de", "https://xn--bcher-kva.de/"),
        ("例え。テスト/x", "https://xn--r8jz45g.xn--zckzah/x"),
        ("xn--bcher-kva.de", "https://xn--bcher-kva.de/"),
        ("a.भारत", "https://a.xn--h2brj9c/"),
        ("localhost", "https://localhost/"),
        ("server:8080/x", "https://server:8080/x"),
        ("server:443", "https://server/"),
        ("127.0.0.1", "https://127.0.0.1/"),
        ("[::1]/x", "https://[::1]/x"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("Example.com.", "https://example.com./"),
        ("example.com?u=http://x", "https://example.com/?u=http://x"),
        ("https://a.example/a b", "https://a.example/a%20b"),
    ],
)
def test_a_url_has_one_spelling(text: str, href: str) -> None:
    assert canonical(text).href == href


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("mailto:me@example.com", "bad_scheme"),
        ("javascript:alert(1)", "bad_scheme"),
        ("data:text/plain,x", "bad_scheme"),
        ("tel:123", "bad_scheme"),
        ("ftp://example.com/", "bad_scheme"),
        ("file:///etc/passwd", "bad_scheme"),
        ("foo:bar", "bad_scheme"),
        ("https://", "bad_url"),
        ("http://exa mple.com/", "bad_url"),
        ("http://example.com:99999/", "bad_url"),
        ("http://[::1/", "bad_url"),
        ("http://1.2.3.4.5/", "bad_url"),
        ("http://exa%00mple.com/", "bad_url"),
        ("https://example.com/" + "a" * urls.MAX_URL_BYTES, "bad_url"),
        ("https://example.com/\udcff", "bad_url"),
        ("url", "bad_url"),
        ("url,section", "bad_url"),
        ("a.example,b.example", "bad_url"),
        ("server/x", "bad_url"),
        ("/article/1", "bad_url"),
        ("/about.html", "bad_url"),
        ("me@example.com", "bad_url"),
        ("12:30", "bad_url"),
        ("12", "bad_url"),
        ("0x7f.1", "bad_url"),
        ("1.2.3.4.5", "bad_url"),
        ('"http', "bad_url"),
        ('"https://example.com/"', "bad_url"),
        ("https://a.example/\tnews", "bad_url"),
        ("https://a.example/\nhttps://b.example/", "bad_url"),
        ("https://a.example/ https://b.example/", "bad_url"),
    ],
)
def test_what_cannot_be_asked_says_why(text: str, kind: str) -> None:
    with pytest.raises(BadUrl) as caught:
        canonical(text)
    assert caught.value.kind == kind
    assert caught.value.message


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('<a href="https://a.example/x">X</a>', "https://a.example/x"),
        ("(see HTTPS://a.example/x).", "HTTPS://a.example/x"),
        ("https://a.example/x\tnews", "https://a.example/x"),
        ("https://a.example/x https://b.example/", "https://a.example/x"),
        ("see: https://a.example/x", "https://a.example/x"),
        ("see http://me:se/cret@a.example/", "http://***@a.example/"),
    ],
)
def test_what_was_probably_meant_is_told(text: str, meant: str) -> None:
    with pytest.raises(BadUrl) as caught:
        canonical(text)
    assert caught.value.message.endswith(
        f"; a URL stands in this line: {meant}"
    )


@pytest.mark.parametrize(
    "text", ["https://exa mple.example/", "https://[::1/", "ftp://a.example/"]
)
def test_a_url_that_is_wrong_itself_is_not_told_as_what_was_meant(
    text: str,
) -> None:
    with pytest.raises(BadUrl) as caught:
        canonical(text)
    assert "a URL stands in this line" not in caught.value.message


@given(st.text(max_size=60) | st.text("htps:/.?#[]@%\\0a1ü ", max_size=40))
@example("https://a/\udcff")
def test_whatever_the_text_there_is_a_url_or_a_reason(text: str) -> None:
    try:
        url = canonical(text)
    except BadUrl:
        return
    assert url.href.isascii()
    assert "#" not in url.href
    assert url.scheme in ("http", "https")
    assert url.href.startswith(f"{url.scheme}://")


@given(st.text(max_size=60) | st.text("htps:/.?#[]@%\\0a1ü ", max_size=40))
def test_the_canonical_form_of_a_canonical_form_is_itself(text: str) -> None:
    try:
        url = canonical(text)
    except BadUrl:
        return
    assert canonical(url.href) == url


@pytest.mark.parametrize(
    ("url", "host", "name", "origin"),
    [
        ("http://Example.com/a", "example.com", "example.com", "http://example.com"),
        ("https://example.com:8443/", "example.com:8443", "example.com",
         "https://example.com:8443"),
        ("http://[::1]:81/", "[::1]:81", "[::1]", "http://[::1]:81"),
        ("https://me:secret@example.com/", "example.com", "example.com", "https://example.com"),
    ],
)  # fmt: skip
def test_the_host_key_is_the_name_with_a_port_that_matters(
    url: str, host: str, name: str, origin: str
) -> None:
    parts = canonical(url)
    assert (parts.host, host_name(parts.host), parts.origin) == (
        host,
        name,
        origin,
    )


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("../b", "https://example.com/b"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("?q", "https://example.com/a/page?q"),
        ("#top", "https://example.com/a/page"),
        ("", "https://example.com/a/page"),
        ("/über", "https://example.com/%C3%BCber"),
        ("HTTP://OTHER.example", "http://other.example/"),
    ],
)
def test_a_reference_is_followed_as_a_browser_would(
    reference: str, target: str
) -> None:
    assert resolved("https://example.com/a/page", reference).href == target


@pytest.mark.parametrize(
    ("reference", "kind"),
    [("javascript:alert(1)", "bad_scheme"), ("file:///etc/passwd", "bad_scheme"),
     ("http://[", "bad_url"), ("\udcff", "bad_url")],
)  # fmt: skip
def test_a_reference_that_leads_nowhere_says_why(
    reference: str, kind: str
) -> None:
    with pytest.raises(BadUrl) as caught:
        resolved("https://example.com/", reference)
    assert caught.value.kind == kind


def test_what_grows_too_long_by_being_encoded_is_no_url() -> None:
    text = "ü" * (urls.MAX_URL_BYTES // 4)
    for grown in (lambda: canonical(f"https://a.example/{text}"),
                  lambda: resolved("https://a.example/", text)):  # fmt: skip
        with pytest.raises(BadUrl, match="longer than"):
            grown()


NESTED = "http://a.example/?to=http://me:pw@b.example/"


def test_credentials_stand_before_the_host_and_nowhere_else() -> None:
    """A query may hold a whole URL, with an @ of its own."""
    assert without_credentials(NESTED) == NESTED
    assert without_credentials(NESTED.replace("//a.", "//you:no@a.")) == NESTED
    assert (
        without_credentials("http://a.example/@you") == "http://a.example/@you"
    )
    assert (
        with_credentials_of(
            parts_of(NESTED), parts_of("http://a.example/b")
        ).href
        == "http://a.example/b"
    )
    with_mine = NESTED.replace("//a", "//me:pw@a")
    assert (
        with_credentials_of(
            parts_of("http://me:pw@a.example/"), parts_of(NESTED)
        ).href
        == with_mine
    )


def test_the_parts_of_many_urls_are_those_of_each() -> None:
    """Also where an origin is the beginning of another, or is not written as itself."""
    hrefs = [
        "https://a.example/",
        "https://a.example/b?c",
        "https://a.example:8080/",
        "https://a.example.org/",
        "http://a.example.org/",
        "http://a.example.org@b.example/",
        "http://me:pw@a.example.org/",
        "http://a.example.org/http://b.example/",
    ]
    found = list(parts_of_all(hrefs))
    assert found == [parts_of(href) for href in hrefs]


@pytest.mark.parametrize(
    ("named_by", "url", "asked"),
    [
        (
            "https://me:pw@a.example/",
            "https://a.example/b",
            "https://me:pw@a.example/b",
        ),
        (
            "https://me:pw@a.example/",
            "https://you@a.example/b",
            "https://me:pw@a.example/b",
        ),
        (
            "https://me:pw@a.example/",
            "http://a.example/b",
            "http://a.example/b",
        ),
        (
            "https://me:pw@a.example/",
            "https://a.example:8443/b",
            "https://a.example:8443/b",
        ),
        (
            "https://me:pw@a.example/",
            "https://you:no@b.example/",
            "https://b.example/",
        ),
        (
            "https://a.example/",
            "https://you:no@a.example/",
            "https://a.example/",
        ),
        (
            "https://a.example/",
            "https://you:no@b.example/",
            "https://b.example/",
        ),
    ],
)
def test_credentials_follow_within_their_origin_and_others_are_dropped(
    named_by: str, url: str, asked: str
) -> None:
    assert with_credentials_of(parts_of(named_by), parts_of(url)).href == asked


def test_urls_of_one_host_share_its_name() -> None:
    one, other = (canonical(f"http://a.example:8080/{n}") for n in range(2))
    assert one.host is other.host
    assert one.scheme is other.scheme
