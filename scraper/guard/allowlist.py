"""The hosts that may be asked, by patterns of names, addresses and networks. Pure."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from scraper import urls
from scraper.errors import UsageError
from scraper.guard.addresses import Network, canonical_name, literal_address

MAX_CACHED_HOSTS = 10_000
DEFAULT_PORTS = frozenset({80, 443})

_BRACKETED = re.compile(r"\[([^\]]*)\](/[^:]*)?(?::(.*))?")
_GLOB = re.compile(r"[a-z0-9._*?-]+")
# "10.0.*" is meant as a network, and as a glob would let in 10.0.example.com.
_LIKE_AN_ADDRESS = re.compile(r"[\d.*?]*\d[\d.*?]*")
_NOT_IN_A_HOST = re.compile(r"[\s@#%\\]")


class AllowList:
    """The hosts that may be asked; an empty list allows all.

    A pattern is a name, a glob over names (`*.example.com`, which is not `example.com`), an address
    or a network; `:port` after it restricts it to that port. Networks match addresses that stand in
    a URL, never what a name resolves to. Raises UsageError for anything else.

    >>> AllowList(["*.example.com:8080"]).allows("www.example.com:8080")
    True
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        # Each pattern with the port that it is restricted to, or None.
        self._exact: dict[str, set[int | None]] = {}
        self._globs: list[tuple[re.Pattern[str], int | None]] = []
        self._networks: list[tuple[Network, int | None]] = []
        self._allows_all = not patterns
        for pattern in patterns:
            self._add_pattern(pattern)
        self._cached_matches = lru_cache(MAX_CACHED_HOSTS)(self._matches)

    def allows(self, host_key: str, port: int | None = None) -> bool:
        """May this host be asked? Without any port, the key's is meant, or else 80 or 443."""
        return self._allows_all or self._cached_matches(host_key, port)

    def _matches(self, host_key: str, port: int | None) -> bool:
        host = urls.host_name(host_key)
        port_of_key = host_key[len(host) + 1 :]
        if port is None and port_of_key:
            port = int(port_of_key)
        ports = DEFAULT_PORTS if port is None else {port}
        name = canonical_name(host)
        return any(
            only is None or only in ports
            for only in self._restrictions_of(name)
        )

    def _restrictions_of(self, name: str) -> Iterator[int | None]:
        """The restriction to a port of each pattern that matches this name."""
        yield from self._exact.get(name, ())
        for glob, port in self._globs:
            if glob.fullmatch(name):
                yield port
        address = literal_address(name)
        if address is None:
            return
        for network, port in self._networks:
            if address in network:
                yield port

    def _add_pattern(self, pattern: str) -> None:
        try:
            name, port = _split_port(pattern.strip().lower())
            if "/" in name:
                network = ipaddress.ip_network(name.strip("[]"))
                self._networks.append((network, port))
            elif "*" in name or "?" in name:
                glob = re.compile(fnmatch.translate(_canonical_glob(name)))
                self._globs.append((glob, port))
            else:
                self._exact.setdefault(_canonical_host(name), set()).add(port)
        except ValueError:
            raise UsageError(
                f"{pattern!r} is no pattern for hosts: write a name, a glob (*.example.com), an "
                "address or a network (10.0.0.0/8, ::1/128), with or without a :port"
            ) from None


def _split_port(pattern: str) -> tuple[str, int | None]:
    """What a pattern says of the host, and the port behind it. Raises ValueError."""
    if pattern.startswith("["):
        match = _BRACKETED.fullmatch(pattern)
        if match is None:
            raise ValueError(pattern)
        address, length, port = match.groups()
        name = f"{address}{length}" if length else f"[{address}]"
    elif pattern.count(":") > 1:
        name, port = pattern, None
    else:
        name, colon, digits = pattern.partition(":")
        port = digits if colon else None
    return name, None if port is None else _port_number(port)


def _port_number(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 < int(text) < 65_536:
        return int(text)
    raise ValueError(text)


def _canonical_glob(name: str) -> str:
    labels = name.removesuffix(".").split(".")
    glob = ".".join(map(_canonical_label, labels))
    if _LIKE_AN_ADDRESS.fullmatch(glob) or not _GLOB.fullmatch(glob):
        raise ValueError(name)
    return glob


def _canonical_label(label: str) -> str:
    return label if label.isascii() else _host_in_url(label)


def _canonical_host(name: str) -> str:
    if _NOT_IN_A_HOST.search(name):
        raise ValueError(name)
    return canonical_name(_host_in_url(canonical_name(name)))


def _host_in_url(name: str) -> str:
    return urls.canonical(f"http://{name}/").host
