"""Which proxies are asked, checked before the first request is."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

from scraper.errors import UsageError
from scraper.redaction import redacted

SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
# `getproxies_environment` finds others as well
_FOR_OUR_SCHEMES = (
    "http",
    "https",
    "all",
)
_DEFAULT_PORTS = {"http": 80, "https": 443}
SOCKS_PORT = 1080  # of a proxy that names none
_HOST_AND_PORT = re.compile(
    r"(?:[^@/\s]*@)?(?:\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+):[0-9]+/?"
)
_EXAMPLE = "http://proxy.example:3128"


def proxies_of(configured: str) -> dict[str, str]:
    """By scheme of the URLs asked: the proxy configured for all, or else the environment's.

    `host:port` is an HTTP proxy. Raises UsageError for one that cannot be used.

    >>> proxies_of("127.0.0.1:3128")["http"]
    'http://127.0.0.1:3128'
    """
    if configured:
        proxy = _checked_proxy(configured, "the key proxy")
        return {"http": proxy, "https": proxy}
    found = urllib.request.getproxies_environment()
    if found.get("no") == "*":
        return found
    for scheme in _FOR_OUR_SCHEMES:
        if scheme in found:
            found[scheme] = _checked_proxy(
                found[scheme], f"the environment's {scheme}_proxy"
            )
    return found


def places_of(proxies: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Host and port of each proxy that our URLs may go through.

    >>> places_of({"http": "http://u:p@127.0.0.1:3128", "https": "socks5://[::1]"})
    (('127.0.0.1', 3128), ('::1', 1080))
    """
    found: dict[tuple[str, int], None] = {}
    for scheme in _FOR_OUR_SCHEMES:
        parts = urlsplit(proxies.get(scheme, ""))
        if parts.hostname:
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme, SOCKS_PORT)
            found[parts.hostname, port] = None
    return tuple(found)


def _checked_proxy(text: str, place: str) -> str:
    named = f"{redacted(text)} of {place}"
    url = text
    if "://" not in text:
        if _HOST_AND_PORT.fullmatch(text) is None:
            raise UsageError(
                f"{named} is no proxy: write {_EXAMPLE}, or its host:port"
            )
        url = f"http://{text}"
    scheme, host = _scheme_and_host(url, named)
    if scheme not in SCHEMES:
        raise UsageError(
            f"{named} is no proxy: one begins with {'://, '.join(SCHEMES)}://"
        )
    if not host:
        raise UsageError(
            f"{named} is no proxy: it has no host, as {_EXAMPLE} has"
        )
    if scheme.startswith("socks") and not _socks_is_installed():
        raise UsageError(
            f'{named} needs a package that is not installed: pip install "requests[socks]"'
        )
    return url


def _scheme_and_host(url: str, named: str) -> tuple[str, str | None]:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read, because only that raises
    except ValueError as error:
        raise UsageError(f"{named} is no proxy: {error}") from None
    return parts.scheme, parts.hostname


def _socks_is_installed() -> bool:
    try:
        from socks import PROXY_TYPE_SOCKS5  # noqa: F401
    except ImportError:
        return False
    return True
