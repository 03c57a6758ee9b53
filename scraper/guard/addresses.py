"""Public, private or link-local: what an IP address says of itself. Pure functions."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Literal

from scraper.errors import UsageError
from scraper.model import HostClass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Reach = Literal["public", "private", "link"]

MAX_CACHED_REACHES = 10_000


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# IANA IPv4 and IPv6 Special-Purpose Address Registries, less what they call globally reachable.
# Our own table, because what `ipaddress.is_global` says has changed within Python 3.11.
_PRIVATE_IPV4 = _networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
# all that is given out (RFC 4291 2.4)
_UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")
_PRIVATE_IPV6 = _networks("2001::/23", "2001:db8::/32", "3fff::/20")
# Link-local, and where clouds answer with credentials outside of it.
_LINK = _networks(
    "169.254.0.0/16",
    "fe80::/10",
    "168.63.129.16/32",  # Azure
    "100.100.100.200/32",  # Alibaba
    "192.0.0.192/32",  # Oracle
    "fd00:ec2::254/128",  # AWS over IPv6
    "fd20:ce::254/128",  # Google over IPv6
)
# IPv6 that ends at an IPv4 address: how far that stands from the right, and whether inverted.
_EMBEDDING: tuple[tuple[ipaddress.IPv6Network, int, bool], ...] = tuple(
    (ipaddress.IPv6Network(network), shift, inverted)
    for network, shift, inverted in (
        ("::ffff:0:0/96", 0, False),  # mapped, RFC 4291 2.5.5.2
        ("::/96", 0, False),  # compatible, RFC 4291 2.5.5.1
        ("::ffff:0:0:0/96", 0, False),  # translated, RFC 2765
        ("64:ff9b::/96", 0, False),  # NAT64, RFC 6052
        ("2002::/16", 80, False),  # 6to4, RFC 3056
        ("2001::/32", 64, False),  # Teredo's server, RFC 4380
        ("2001::/32", 0, True),  # Teredo's client
    )
)
_ALL_BITS = 0xFFFF_FFFF
_LOOPBACK: tuple[Address, ...] = (
    ipaddress.IPv4Address("127.0.0.1"),
    ipaddress.IPv6Address("::1"),
)


@lru_cache(MAX_CACHED_REACHES)
def reach_of(address: Address) -> Reach:
    """Where this address is reached: everywhere, in a private network, or on this link alone.

    An IPv6 address that embeds IPv4 addresses is as narrow as the narrowest of them.

    >>> reach_of(ipaddress.ip_address("64:ff9b::a00:1"))  # NAT64 of 10.0.0.1
    'private'
    """
    if (
        is_within(address, _LINK)
        or getattr(address, "scope_id", None) is not None
    ):
        return "link"
    if isinstance(address, ipaddress.IPv4Address):
        return "private" if is_within(address, _PRIVATE_IPV4) else "public"
    embedded = [reach_of(each) for each in embedded_addresses(address)]
    if embedded:
        return max(embedded, key=("public", "private", "link").index)
    is_given_out = address in _UNICAST_IPV6 and not is_within(
        address, _PRIVATE_IPV6
    )
    return "public" if is_given_out else "private"


def embedded_addresses(address: Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses at which this IPv6 address ends."""
    found: list[ipaddress.IPv4Address] = []
    if isinstance(address, ipaddress.IPv4Address):
        return found
    for network, shift, inverted in _EMBEDDING:
        if address in network:
            bits = (int(address) >> shift) & _ALL_BITS
            found.append(
                ipaddress.IPv4Address(bits ^ _ALL_BITS if inverted else bits)
            )
    return found


def is_within(address: Address, networks: Iterable[Network]) -> bool:
    """Does the address belong to one of these networks?"""
    return any(address in network for network in networks)


def class_of(addresses: Iterable[Address]) -> HostClass:
    """A host with one public address is public."""
    return (
        "public"
        if any(reach_of(each) == "public" for each in addresses)
        else "private"
    )


def canonical_name(host: str) -> str:
    """One spelling: lower case, no trailing dot, IPv6 in brackets."""
    name = host.lower().removesuffix(".")
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def literal_address(name: str) -> Address | None:
    """The address that this host is, if it is one rather than a name."""
    if not (name.startswith("[") or name[-1:].isdigit()):
        return None
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


@lru_cache(maxsize=1_024)
def written_addresses(name: str) -> tuple[Address, ...]:
    """The addresses of a host that need no look-up: its own, or loopback's, or none."""
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK  # RFC 6761 6.3: never asked of a name server
    address = literal_address(name)
    return () if address is None else (address,)


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Networks such as `10.0.0.0/8`. Raises UsageError for anything else."""
    try:
        return _networks(*texts)
    except ValueError as error:
        raise UsageError(f"not a network: {error}") from None
