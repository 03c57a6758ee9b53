"""Which addresses a task may reach: one table, asked for addresses in URLs and for DNS answers.

A task is trusted by who named its URL: the user's list (`listed`), a page or a fetched list of a
private host, one of a public one; the way to the proxy is trusted with any address. The rows are
what was found:

    public       an address reached from everywhere, in a URL or as a name's only kind of address
    private      an address of a private network, likewise
    link         a link-local address, or one where clouds answer with credentials, in a URL
    link_name    a name with such an address among its addresses
    mixed        a name with private and with public addresses
    turned       a name with private addresses, which was public before (DNS rebinding)

Networks in `deny_networks` are refused before the table is asked, addresses in `allow_networks` are
passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from scraper.guard.addresses import (
    Address,
    embedded_addresses,
    is_within,
    parse_networks,
    reach_of,
)
from scraper.model import HostClass, Trust

Private = Literal["listed", "always", "never"]
Finding = Literal["public", "private", "link", "link_name", "mixed", "turned"]

YES = None
DENIED = "in a denied network"
NEVER = "which is not public"
NAMED = "which is private and was named by a public host"
UNLISTED = "which is asked only if you list that address yourself"
LINK = "and this answer has link-local addresses, which no name may have"
MIXED = "which is private, and at public addresses too"
TURNED = "which is private, but was public before"

_TRUSTS: tuple[Trust, ...] = ("listed", "private", "public", "proxy")
# fmt: off
_ROWS: dict[Private, dict[Finding, tuple[str | None, ...]]] = {
    "listed": {  # listed  private   public    proxy
        "public":    (YES,    YES,      YES,      YES),
        "private":   (YES,    YES,      NAMED,    YES),
        "link":      (YES,    UNLISTED, UNLISTED, YES),
        "link_name": (LINK,   LINK,     LINK,     YES),
        "mixed":     (MIXED,  MIXED,    NAMED,    YES),
        "turned":    (TURNED, TURNED,   NAMED,    YES),
    },
    "always": {
        "public":    (YES,    YES,      YES,      YES),
        "private":   (YES,    YES,      YES,      YES),
        "link":      (YES,    UNLISTED, UNLISTED, YES),
        "link_name": (LINK,   LINK,     LINK,     YES),
        "mixed":     (YES,    YES,      YES,      YES),
        "turned":    (YES,    YES,      YES,      YES),
    },
    "never": {
        "public":    (YES,    YES,      YES,      YES),
        "private":   (NEVER,  NEVER,    NEVER,    YES),
        "link":      (NEVER,  NEVER,    NEVER,    YES),
        "link_name": (LINK,   LINK,     LINK,     YES),
        "mixed":     (NEVER,  NEVER,    NEVER,    YES),
        "turned":    (NEVER,  NEVER,    NEVER,    YES),
    },
}
# fmt: on
PERMISSIONS: dict[tuple[Finding, Trust, Private], str | None] = {
    (finding, trust, private): reason
    for private, rows in _ROWS.items()
    for finding, reasons in rows.items()
    for trust, reason in zip(_TRUSTS, reasons, strict=True)
}
"""None: it may be connected to; else why not."""


class Permissions:
    """The table with the settings of one run. Raises UsageError for what is no network."""

    def __init__(
        self,
        private: Private = "listed",
        *,
        deny_networks: Sequence[str] = (),
        allow_networks: Sequence[str] = (),
    ) -> None:
        self._private: Private = private
        self._denied = parse_networks(deny_networks)
        self._allowed = parse_networks(allow_networks)

    def objection_to_address(
        self, address: Address, trust: Trust
    ) -> str | None:
        """Why an address that stands in a URL may not be connected to."""
        if self._is_denied(address):
            return DENIED
        if is_within(address, self._allowed):
            return None
        return PERMISSIONS[reach_of(address), trust, self._private]

    def denied_address(self, addresses: Iterable[Address]) -> Address | None:
        """The first of these addresses that lies in a denied network."""
        return next(filter(self._is_denied, addresses), None)

    def objection_to_answer(
        self, addresses: Sequence[Address], trust: Trust, host_class: HostClass
    ) -> tuple[Address, str] | None:
        """Why a name with these addresses may not be connected to, and the address that shows it.

        `host_class`: what the name is by this answer and all before it.
        """
        judged = [
            each for each in addresses if not is_within(each, self._allowed)
        ]
        special = [each for each in judged if reach_of(each) != "public"]
        if not special:
            return None
        finding: Finding = "private"
        if any(reach_of(each) == "link" for each in special):
            finding = "link_name"
        elif len(special) < len(judged):
            finding = "mixed"
        elif host_class == "public":
            finding = "turned"
        reason = PERMISSIONS[finding, trust, self._private]
        return None if reason is None else (special[0], reason)

    def _is_denied(self, address: Address) -> bool:
        if not self._denied:
            return False
        every = (address, *embedded_addresses(address))
        return any(is_within(each, self._denied) for each in every)
