"""Where the links of a page may lead.

`page`: to the page itself with another query; `host`: anywhere on its host; `domain`: on any host
of its registrable domain (the Public Suffix List, https://publicsuffix.org/list/); `path`: on its
host, into a folder that the list names, or one below it; `list`: to any host that the list names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Protocol

from scraper.urls import Url, hash_of_place, host_name

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

PlacesOf = Callable[[Url], Iterable[str]]
MAX_KNOWN = (
    200_000  # places of which it is remembered whether the list names them
)


class Places(Protocol):
    """The places that the list names, by hashes."""

    def add(self, hashes: Iterable[int]) -> int: ...
    def count(self) -> int: ...
    def which_of(self, hashes: Collection[int]) -> frozenset[int]: ...


class Scope:
    """Where links may lead, as the list goes."""

    def __init__(self, kind: str, places: Places) -> None:
        self._kind = kind
        self._places = places
        # how many the list names, or has ever named
        self.size = places.count()
        self._known: set[int] = set()
        self._unlisted: set[int] = set()  # looked up in vain

    def note_listed(self, urls: Iterable[Url]) -> None:
        """The list names these, or redirects of what it names lead there."""
        if self._kind not in ("path", "list"):
            return
        of = folder_of if self._kind == "path" else host_of
        places = {hash_of_place(of(url)) for url in urls if url.host}
        new = places - self._known
        if new:
            self.size += self._places.add(new)
            self._forget_many()
            self._known |= new
            self._unlisted.clear()

    def permits(self, page: Url, url: Url) -> bool:
        """May a link of this page lead there?"""
        return bool(self.within(page, [url]))

    def within(self, page: Url, urls: Sequence[Url]) -> list[Url]:
        """Those of these to which links of a page may lead."""
        match self._kind:
            case "page":
                own = path_of(page)
                return [url for url in urls if path_of(url) == own]
            case "host":
                return [url for url in urls if url.host == page.host]
            case "domain":
                own = domain_of(page.host)
                return [url for url in urls if domain_of(url.host) == own]
            case "path":
                on_host = [url for url in urls if url.host == page.host]
                return self._in_places(on_host, folders_above)
            case _:
                return self._in_places(urls, lambda url: [host_of(url)])

    def _in_places(self, urls: Sequence[Url], places_of: PlacesOf) -> list[Url]:
        """Those that lie in a place which the list names."""
        places = {
            url: [hash_of_place(each) for each in places_of(url)]
            for url in urls
        }
        self._look_up({each for some in places.values() for each in some})
        return [url for url in urls if not self._known.isdisjoint(places[url])]

    def _look_up(self, places: set[int]) -> None:
        """Know of these whether the list names them."""
        self._forget_many()
        unknown = places - self._known - self._unlisted
        if unknown:
            listed = self._places.which_of(unknown)
            self._known |= listed
            self._unlisted |= unknown - listed

    def _forget_many(self) -> None:
        """What is known may be looked up once more."""
        if len(self._known) + len(self._unlisted) > MAX_KNOWN:
            self._known.clear()
            self._unlisted.clear()


def path_of(url: Url) -> str:
    """Host and path: what is the same page, whatever its query.

    >>> from scraper.urls import canonical
    >>> path_of(canonical("https://a.example/b/c?d=e/f"))
    'a.example/b/c'
    """
    before, _, _ = url.href.partition("?")
    path = before.partition("://")[2].partition("/")[2]
    return f"{url.host}/{path}"


def folder_of(url: Url) -> str:
    """Host and path up to the last slash.

    >>> from scraper.urls import canonical
    >>> folder_of(canonical("https://me:pw@a.example/b/c?d=e/f"))
    'a.example/b/'
    """
    return path_of(url).rpartition("/")[0] + "/"


def folders_above(url: Url) -> Iterator[str]:
    """The folder of a URL and all that hold it, the innermost first.

    >>> from scraper.urls import canonical
    >>> list(folders_above(canonical("https://a.example/b/c/d")))
    ['a.example/b/c/', 'a.example/b/', 'a.example/']
    """
    folder = folder_of(url)
    while folder:
        yield folder
        folder = folder[:-1].rpartition("/")[0]
        folder += "/" if folder else ""


def host_of(url: Url) -> str:
    """The host, with its port if that is not the scheme's own."""
    return url.host


@lru_cache(maxsize=4096)
def domain_of(host: str) -> str:
    """The registrable domain of a host: what is registered below a public suffix; else the
    host itself.

    >>> domain_of("www.shop.example.co.uk:8080"), domain_of("127.0.0.1"), domain_of("a.github.io")
    ('example.co.uk', '127.0.0.1', 'a.github.io')
    """
    name = host_name(host).rstrip(".")
    if name.startswith("[") or name.rpartition(".")[2].isdigit():
        return name
    return _suffixes().privatesuffix(name) or name


@cache
def _suffixes() -> PublicSuffixList:
    """The list as it came with its package: nothing is fetched."""
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
