"""Which proxies are asked, checked before the first request is."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

from scraper.errors import UsageError
from scraper.redaction import redacted

SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
_OF_ALL = ("http", "https", "all")  # what `getproxies` knows of others is none of ours


def proxies_of(configured: str) -> dict[str, str]:
    """By scheme of the URLs asked: the proxy configured for all, or else the environment's.

    Raises UsageError for one that cannot be used.
    """
    if configured:
        _check(configured, "the key proxy")
        return {"http": configured, "https": configured}
    found = urllib.request.getproxies_environment()
    if found.get("no") != "*":
        for scheme in _OF_ALL:
            if scheme in found:
                _check(found[scheme], f"the environment's {scheme}_proxy")
    return found


def _check(proxy: str, place: str) -> None:
    named = f"{redacted(proxy)} of {place}"
    scheme, host = _parts(proxy, named)
    if scheme not in SCHEMES:
        raise UsageError(f"{named} is no proxy: one begins with {'://, '.join(SCHEMES)}://")
    if not host:
        raise UsageError(f"{named} is no proxy: it has no host, as http://proxy.example:3128 has")
    if scheme.startswith("socks") and not _socks_is_installed():
        raise UsageError(
            f'{named} needs a package that is not installed: pip install "requests[socks]"'
        )


def _parts(proxy: str, named: str) -> tuple[str, str | None]:
    """Scheme and host; a proxy without a scheme is an HTTP proxy, as everywhere."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
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
