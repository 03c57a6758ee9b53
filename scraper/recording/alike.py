"""Which URLs of a host come to the same: to one body, or by redirects to one URL.

One page under many URLs is rarely what was asked for: it may be the login form of a site that has
ended our session, a notice, a placeholder. So of each host the last few things are remembered that
its URLs came to, and of each thing the first URLs that did. What many came to stays, and what one
did makes room for others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Protocol
from urllib.parse import unquote

from msgspec import Struct, field

from scraper.model import Fetched, Flag
from scraper.storage.hosts import AlikeRow
from scraper.storage.schema import body_hash
from scraper.urls import Url, key_of

MANY = 5  # URLs; from this one on they are flagged
SLOTS = 256  # things that are remembered of a host
MAX_SLOTS = 65_536  # of all hosts, in memory: some 20 MB


class AlikeStore(Protocol):
    """Where it outlives the run."""

    def of_host(self, lane: int) -> list[AlikeRow]: ...

    def keep(
        self, lane: int, slot: int, what: int, urls: tuple[int, ...]
    ) -> None: ...

    def settle(self) -> None: ...


class _Host(Struct):
    """What the URLs of one host came to: a ring of slots, and the hand that goes round."""

    slots: list[AlikeRow] = field(default_factory=list)
    by_what: dict[int, int] = field(default_factory=dict)
    hand: int = 0

    def note(self, what: int, url: int) -> AlikeRow | None:
        """A URL came to this. Returns the row that has changed."""
        slot = self.by_what.get(what)
        if slot is None:
            row = AlikeRow(self._free_slot(), what, (url,))
        else:
            row = self.slots[slot]
            if url in row.urls or len(row.urls) >= MANY:
                return None
            row = row._replace(urls=(*row.urls, url))
        self._put(row)
        return row

    def _free_slot(self) -> int:
        if len(self.slots) < SLOTS:
            return len(self.slots)
        for _ in range(SLOTS):
            self.hand = (self.hand + 1) % SLOTS
            if len(self.slots[self.hand].urls) == 1:
                break
        return self.hand

    def _put(self, row: AlikeRow) -> None:
        if row.slot == len(self.slots):
            self.slots.append(row)
        else:
            self.by_what.pop(self.slots[row.slot].what)
            self.slots[row.slot] = row
        self.by_what[row.what] = row.slot

    def has_many(self, what: int) -> bool:
        """Did many URLs come to this?"""
        slot = self.by_what.get(what)
        return slot is not None and len(self.slots[slot].urls) >= MANY


class Alike:
    """Looks at each body that came, and flags what many URLs of a host came to."""

    def __init__(self, store: AlikeStore | None = None) -> None:
        self._store = store
        self._hosts: dict[int, _Host] = {}  # looked at last, last
        self._used = 0  # slots, of all of them

    def look(self, fetched: Fetched) -> Flag | None:
        """A URL has this body, new or known. Is it, by now, what many others have?"""
        asked = fetched.task.origin_url
        host = self._host_of(asked.lane)
        url, flag = key_of(asked.href), None
        for what, evidence in _comes_to(fetched):
            before = len(host.slots)
            row = host.note(what, url)
            self._used += len(host.slots) - before
            if row is not None and self._store is not None:
                self._store.keep(asked.lane, *row)
            if flag is None and host.has_many(what):
                flag = Flag("looks_same", f"{evidence} {asked.host}")
        return flag

    def _host_of(self, lane: int) -> _Host:
        host = self._hosts.pop(lane, None)
        if host is None:
            host = self._remember(lane)
        self._hosts[lane] = host
        return host

    def _remember(self, lane: int) -> _Host:
        if self._used >= MAX_SLOTS:
            self._forget_half()
        rows = self._store.of_host(lane) if self._store is not None else []
        self._used += len(rows)
        return _Host(rows, {row.what: row.slot for row in rows})

    def _forget_half(self) -> None:
        for lane in list(islice(self._hosts, (len(self._hosts) + 1) // 2)):
            self._used -= len(self._hosts.pop(lane).slots)
        if self._store is not None:
            self._store.settle()


def _comes_to(fetched: Fetched) -> Iterator[tuple[int, str]]:
    """What a URL came to, as 64 bits of a hash, with what is said if many did."""
    if fetched.bytes and fetched.sha256 is not None:
        yield (
            body_hash(fetched.sha256),
            f"the same body under {MANY} URLs or more of",
        )
    if fetched.task.hops:
        final = _without_return(fetched.url, fetched.task.origin_url)
        yield (
            key_of(final),
            f"{final} in the place of {MANY} URLs or more of",
        )


def _without_return(final: Url, asked: Url) -> str:
    """Where redirects led, without the parameters that say where they came from.

    >>> from scraper.urls import parts_of
    >>> _without_return(parts_of("http://a/login?next=%2Fb&x=1"), parts_of("http://a/b"))
    'http://a/login?x=1'
    """
    before, mark, query = final.href.partition("?")
    path = asked.href.partition("://")[2].partition("/")[2].partition("?")[0]
    if not mark or not path:
        return final.href
    kept = [
        each
        for each in query.split("&")
        if f"/{unquote(path)}" not in unquote(unquote(each))
    ]
    return before + mark + "&".join(kept) if kept else before
