"""What a URL is: canonical form, host key, origin.

Canonical form is the WHATWG serialisation (https://url.spec.whatwg.org/) without the fragment,
nothing more: two URLs are one task only if every browser would ask the server the same thing.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

import can_ada
from msgspec import Struct
from msgspec.structs import replace

from scraper.redaction import redacted_line
from scraper.text import pattern

MAX_URL_BYTES = 65_536
FILE_BEGINNING = "file://localhost"  # of the address of a file of this machine
NOT_TEXT = "not text: "  # begins what stands for an item of a script's input that is no text
_SCHEME = pattern(r"^[A-Za-z][A-Za-z0-9+.\-]*:")
# "host:8080/x" has the shape of a scheme; these are the words that are truly meant as one.
_NO_AUTHORITY = frozenset(
    {"mailto", "data", "javascript", "tel", "about", "blob", "sms", "urn"}
)
_BETWEEN_CELLS = pattern(r"[\t\n\v\f\r]")
_SECOND_URL = pattern(r"""\s[<("'\[]?[a-z][a-z0-9+.\-]*://""", re.IGNORECASE)
_URL_INSIDE = pattern(r"""https?://[^\s"<>\\]+""", re.IGNORECASE)
# What is written before the path; a user name belongs to a URL with a scheme, else it is an e-mail.
_AUTHORITY = pattern(r"(//)?[^/?#\\@\s]+(?=$|[/?#\\])")
_IPV4 = pattern(r"\d+(\.\d+){3}")
_NAME = pattern(r"[a-z0-9_-][a-z0-9_.-]*")
_LAST_LABEL = pattern(r"\.(?:[a-z]+|xn--[a-z0-9-]+)\.?$")
_PORT = pattern(r":\d{1,5}$")


class BadUrl(ValueError):
    """The text is no URL that we can ask. `kind` is `bad_url` or `bad_scheme`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message


class Url(Struct, frozen=True, gc=False):
    """A canonical URL with the parts that scheduling needs, parsed once."""

    href: str
    host: str  # host key: lower case, with the port if it is not the scheme's default
    scheme: str
    lane: int = 0  # `lane_of` its host: under which its rows stand

    def at(self, path: str) -> Url:
        """Another URL of its origin; `path` begins with a slash and is canonical."""
        return replace(self, href=f"{self.origin}{path}")

    @property
    def origin(self) -> str:
        """Scheme, host and port: what one robots.txt speaks for (RFC 9309, 2.3)."""
        return f"{self.scheme}://{self.host}"


def canonical(text: str) -> Url:
    """The URL that `text` means; text that begins with a host gets `https://`.

    >>> canonical("Example.com:443/a/../b?q#top").href
    'https://example.com/b?q'

    Raises BadUrl, with a message for the user.
    """
    text = text.strip()
    if len(text.split(None, 1)) > 1:
        _refuse_two_things(text)
    try:
        return _meant(text)
    except BadUrl as error:
        raise BadUrl(error.kind, error.message + _hint(text, 1)) from error


def _refuse_two_things(text: str) -> None:
    """White space may stand in a URL, as %20, but not between a URL and something else."""
    if _BETWEEN_CELLS.search(text):
        raise BadUrl(
            "bad_url", f"a TAB or the end of a line stands in it{_hint(text)}"
        )
    if _SECOND_URL.search(text):
        raise BadUrl("bad_url", f"more than a URL stands in it{_hint(text)}")


def _meant(text: str) -> Url:
    scheme = _scheme_of(text)
    if scheme is None:
        return _beginning_with_its_host(text)
    if scheme not in ("http", "https"):
        raise BadUrl(
            "bad_scheme", f"only http and https are asked, not {scheme}:"
        )
    return _parsed(text)


def _beginning_with_its_host(text: str) -> Url:
    """The URL of a text without a scheme, if it begins with what looks like a host."""
    try:
        url = _parsed(f"https://{text}")
    except BadUrl:
        url = None
    if url is None or not _looks_like_a_host(text, host_name(url.host)):
        raise BadUrl("bad_url", "it does not begin with https:// or with a host "
                     "(example.com, localhost, 127.0.0.1, server:8080)")  # fmt: skip
    return url


def _looks_like_a_host(text: str, name: str) -> bool:
    """`name` is what a browser would make of the beginning of `text`."""
    written = _AUTHORITY.match(text)
    if written is None:
        return False
    if name.startswith("["):
        return True
    if _IPV4.fullmatch(name):
        # to a browser 12:30 and 0x7f.1 are addresses too
        return name in written[0]
    if not _NAME.fullmatch(name):
        return False
    return name == "localhost" or bool(
        _LAST_LABEL.search(name) or _PORT.search(written[0])
    )


def _hint(text: str, start: int = 0) -> str:
    """What was probably meant, without what may be a password."""
    found = _URL_INSIDE.search(text, start)
    if found is None:
        return ""
    url = found[0].rstrip(").,;:]}'`")[:200]
    return f"; a URL stands in this line: {redacted_line(url) if '@' in url else url}"


def resolved(base: str, reference: str) -> Url:
    """`reference` as a browser at `base` would follow it (fragment dropped). Raises BadUrl."""
    try:
        return _checked(can_ada.parse(base) + reference)
    except BadUrl:
        raise
    except (ValueError, TypeError) as error:  # TypeError: a lone surrogate
        raise BadUrl("bad_url", f"{reference[:200]!r} is not a URL") from error


def _scheme_of(text: str) -> str | None:
    match = _SCHEME.match(text)
    if match is None:
        return None
    scheme = match[0][:-1].lower()
    if scheme in ("http", "https") or scheme in _NO_AUTHORITY:
        return scheme
    rest = text[match.end() :]
    if rest.startswith("//"):
        return scheme
    # "localhost:8080/x" and "example.com:80" are hosts with a port; "foo:bar" is a scheme.
    port = re.match(r"\d{1,5}(?=$|[/?#])", rest)
    return None if port else scheme


def _parsed(text: str) -> Url:
    if len(text.encode("utf-8", "replace")) > MAX_URL_BYTES:
        raise BadUrl("bad_url", f"longer than {MAX_URL_BYTES:,} bytes")
    try:
        return _checked(can_ada.parse(text))
    except BadUrl:
        raise
    except (ValueError, TypeError) as error:  # TypeError: a lone surrogate
        raise BadUrl(
            "bad_url", "not a URL by the WHATWG rules; check host and spelling"
        ) from error


def _checked(url: can_ada.URL) -> Url:
    scheme = url.protocol[:-1]
    if scheme not in ("http", "https"):
        raise BadUrl(
            "bad_scheme", f"only http and https are asked, not {scheme}:"
        )
    if not url.hostname:
        raise BadUrl("bad_url", "no host")
    if url.has_hash():
        url.hash = ""
    href = url.href
    # what is not ASCII has become three times as long
    if len(href) > MAX_URL_BYTES:
        raise BadUrl("bad_url", f"longer than {MAX_URL_BYTES:,} bytes")
    # Of many URLs these are the same text.
    host = sys.intern(url.host)
    return Url(href, host, sys.intern(scheme), lane_of(host))


def parts_of(href: str) -> Url:
    """The parts of a URL that is canonical already, read off its text: ten times cheaper.

    >>> parts_of("https://me:pw@example.com:8080/a?b@c").host
    'example.com:8080'
    """
    scheme, _, rest = href.partition("://")
    authority = rest.partition("/")[0]  # canonical: a slash always follows
    host = authority.rpartition("@")[2]
    return Url(href, host, scheme, lane_of(host))


def parts_of_all(hrefs: Iterable[str]) -> Iterator[Url]:
    """The parts of each of these, quicker where one has the origin of the one before.

    >>> [url.host for url in parts_of_all(["https://a.example/b", "https://a.example/c"])]
    ['a.example', 'a.example']
    """
    near, origin = Url("", "", ""), "://"
    for href in hrefs:
        if href.startswith(origin):
            near = Url(href, near.host, near.scheme, near.lane)
        else:
            near = parts_of(href)
            origin = f"{near.origin}/"
        yield near


def host_name(host: str) -> str:
    """The host key without its port; an IPv6 literal keeps its brackets.

    >>> host_name("example.com:8080"), host_name("[::1]:8080")
    ('example.com', '[::1]')
    """
    if host.startswith("["):
        return host[: host.index("]") + 1]
    return host.partition(":")[0]


def file_path_of(href: str) -> str:
    """The path of a file of this machine, byte for byte, out of its address.

    >>> file_path_of("file://localhost/data/a%20cat%3F.jpg")
    '/data/a cat?.jpg'
    """
    return os.fsdecode(unquote_to_bytes(href.removeprefix(FILE_BEGINNING)))


def digest(url: str) -> bytes:
    """32 bytes that name a canonical URL: file names and ledger keys are cut from it."""
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()


# at the beginning; a query may hold others
_CREDENTIALS = pattern(r"(https?://)([^/?#]*@)")


def without_credentials(url: str) -> str:
    """The URL that is asked, without what the Authorization header says.

    >>> without_credentials("https://me:pw@example.com/a?b=http://c@d")
    'https://example.com/a?b=http://c@d'
    """
    match = _CREDENTIALS.match(url) if "@" in url else None
    return match[1] + url[match.end() :] if match else url


def with_credentials_of(named_by: Url, url: Url) -> Url:
    """`url` as what came from `named_by` may have it asked: with the credentials of `named_by` in
    its own origin, and with none elsewhere. What it wrote before the host itself are not the
    user's, and are never sent. Raises BadUrl if the URL outgrows its limit.

    >>> mine, theirs = parts_of("https://me:pw@a.example/"), parts_of("https://you:no@a.example/b")
    >>> with_credentials_of(mine, theirs).href
    'https://me:pw@a.example/b'
    """
    href = without_credentials(url.href)
    match = _CREDENTIALS.match(named_by.href) if "@" in named_by.href else None
    if match is not None and url.origin == named_by.origin:
        href = match[0] + href[len(match[1]) :]
    if len(href) > MAX_URL_BYTES:
        raise BadUrl("bad_url", f"longer than {MAX_URL_BYTES:,} bytes")
    return url if href == url.href else replace(url, href=href)


@functools.lru_cache(maxsize=4096)
def lane_of(host: str) -> int:
    """The number under which a host's rows stand: 63 bits, so that SQLite keeps it positive.

    Lane 0 is that of no host: the lines that are no URL.
    """
    if not host:
        return 0
    return int.from_bytes(digest(host)[:8]) >> 1


@functools.lru_cache(maxsize=16_384)
def hash_of_place(place: str) -> int:
    """63 bits of the hash of a folder or host."""
    return int.from_bytes(digest(place)[:8]) >> 1


def key_of(url: str) -> int:
    """64 bits of a URL's hash: the key of its records."""
    return int.from_bytes(digest(url)[:8], signed=True)


def hash_of(url: str) -> int:
    """32 bits of a URL's hash, by which its row is found; the upper half of its key."""
    return int.from_bytes(digest(url)[:4], signed=True)
