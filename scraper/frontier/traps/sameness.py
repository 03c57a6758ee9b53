"""Which parts of a host's URLs make no difference, learned from the pages that came.

A page whose URL differs from one that came before in one part alone is a trial of that part: it
says something that the pages with the same base have not said, or it does not. A part whose last
trials have all said nothing new makes no difference, and a URL that without such parts is one that
came before is not asked. So it is with all parameters of a path together, where all that they
choose was to be seen below the path, and with folders of which all bodies are known.

What says something new takes that back. So that this can be seen, some URLs are asked all the same:
of those that are left out the 64th, the 128th, the 256th and so on.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from msgspec import Struct, field

from scraper.frontier.traps.memory import Pools, Seen
from scraper.frontier.traps.parts import (
    Address,
    Part,
    address_of,
    folder_of,
    parts_of,
    reductions_of,
)

FIRST_PROBE: Final = (
    64  # URLs that are left out before one is asked all the same
)
MAX_EVIDENCE: Final = 65_536  # of all hosts; then all of it is learned again


class Evidence(Struct):
    """What is known of one part, or of several together."""

    kind: str  # of the part; `query` of parameters together, `body` of a folder
    shown: str
    trials: int = 0  # in a row that have said nothing new
    path: str = ""  # of the one that decided, masked
    is_date: bool = True  # nothing but dates was tried
    left_out: int = 0

    def leaves_out(self) -> bool:
        """One more URL need not be asked: is it left out?"""
        self.left_out += 1
        count = self.left_out
        return count < FIRST_PROBE or bool(count & (count - 1))


class Came(NamedTuple):
    """A page that came."""

    lane: int
    href: str
    sketch: int
    """What it says: one bit for each thing."""
    body: str | None = None
    """A hash of it; None if it came from elsewhere."""


class _Host(Struct):
    """What is known of one host."""

    evidence: dict[str, Evidence] = field(default_factory=dict)
    # The keys of parts that make no difference; by their paths, of parameters that make none
    # together.
    settled: set[str] = field(default_factory=set)
    queries: dict[str, dict[frozenset[str], str]] = field(default_factory=dict)

    def forget(self, key: str) -> None:
        """It makes a difference."""
        self.evidence.pop(key, None)
        self.settled.discard(key)

    def settled_query(self, address: Address) -> str | None:
        """The parameters that make none together, if these are all of them, or more."""
        queries = self.queries.get(address.path, {})
        for names, key in queries.items():
            if names <= address.names:
                return key
        return None


class Sameness:
    """Learns from pages, and says which URLs are another page once more."""

    def __init__(self, trials: int) -> None:
        self._trials = trials
        self._hosts: dict[int, _Host] = {}
        self._count = 0  # of evidence, since all was forgotten
        self._pools = Pools()
        self._seen = Seen()  # addresses, bases and bodies

    # -- what came ------------------------------------------------------------------------------

    def learn(self, came: Came) -> None:
        """A page came."""
        address = address_of(came.href)
        host, bases = self._host(came.lane), self._bases_of(address, came.lane)
        shape = address.shape
        same = [self._try(host, *each, shape, came) for each in bases]
        if not any(same):
            self._judge_whole(host, address, shape, came)
        self._remember(host, address, shape, bases, came)

    def _host(self, lane: int) -> _Host:
        if self._count > MAX_EVIDENCE:
            self._hosts.clear()
            self._count = 0
        return self._hosts.setdefault(lane, _Host())

    def _bases_of(self, address: Address, lane: int) -> list[tuple[Part, int]]:
        """The parts in which it may differ from others, with hashes of their bases: if it came
        before, the order alone."""
        bases = [(each, hash((lane, each.base))) for each in parts_of(address)]
        return bases[:1] if bases[0][1] in self._seen else bases

    def _try(
        self, host: _Host, part: Part, base: int, shape: str, came: Came
    ) -> bool:
        """Does the page say nothing but what others with the same base have said?"""
        news = self._pools.says_news(base, came.sketch)
        if news:
            host.forget(part.key)
        if news is not False:
            return False
        evidence = self._evidence(host, part.key, part.kind, part.shown)
        evidence.is_date &= part.is_date
        if self._count_trial(evidence, shape):
            host.settled.add(part.key)
        return True

    def _judge_whole(
        self, host: _Host, address: Address, shape: str, came: Came
    ) -> None:
        """It differs from all others in more than one part."""
        if address.parameters:
            group = hash((came.lane, shape))
            news = self._pools.says_news(group, came.sketch)
            self._judge_query(host, address, says_same=news is False)
        elif came.body is not None:
            is_known = hash((came.lane, came.body)) in self._seen
            self._judge_body(host, folder_of(shape), is_known=is_known)

    def _judge_query(
        self, host: _Host, address: Address, *, says_same: bool
    ) -> None:
        """Did pages of this path say all that is said here?"""
        names, path = address.names, address.path
        key = f"{path}?{'&'.join(sorted(names))}"
        if says_same:
            shown = "the parameters " + ", ".join(sorted(names))
            evidence = self._evidence(host, key, "query", shown)
            evidence.is_date = False
            if self._count_trial(evidence, address.shape):
                host.queries.setdefault(path, {})[names] = key
            return
        host.forget(key)
        settled = host.queries.get(path, {})
        for fewer in [each for each in settled if each <= names]:
            host.forget(settled.pop(fewer))

    def _judge_body(self, host: _Host, folder: str, *, is_known: bool) -> None:
        """Did its body come under another URL?"""
        key = f"{folder}*"
        if not is_known:
            host.forget(key)
            return
        evidence = self._evidence(host, key, "body", folder)
        if self._count_trial(evidence, folder):
            host.settled.add(key)

    def _evidence(
        self, host: _Host, key: str, kind: str, shown: str
    ) -> Evidence:
        evidence = host.evidence.get(key)
        if evidence is None:
            self._count += 1
            evidence = host.evidence[key] = Evidence(kind, shown)
        return evidence

    def _count_trial(self, evidence: Evidence, path: str) -> bool:
        """Are there enough of them now?"""
        evidence.trials += 1
        if evidence.trials == self._trials:
            evidence.path = path
        return evidence.trials >= self._trials

    def _remember(
        self,
        host: _Host,
        address: Address,
        shape: str,
        bases: list[tuple[Part, int]],
        came: Came,
    ) -> None:
        """What later pages are compared with."""
        lane, pools, seen = came.lane, self._pools, self._seen
        for part, base in bases:
            if part.kind != "folder":
                pools.add(base, came.sketch)
                seen.add(base)
        pools.add(hash((lane, shape)), came.sketch)
        if host.settled:
            for each in reductions_of(address, host.settled):
                seen.add(hash((lane, each)))
        if came.body is not None:
            seen.add(hash((lane, came.body)))

    # -- what need not be asked -----------------------------------------------------------------

    def find(self, lane: int, href: str) -> Evidence | None:
        """Why this URL is a page that came before, once more; None if it is to be asked."""
        host = self._hosts.get(lane)
        if host is None or not (host.settled or host.queries):
            return None
        address = address_of(href)
        key = self._settled_part(lane, address, host)
        if key is None:
            return None
        evidence = host.evidence[key]
        return evidence if evidence.leaves_out() else None

    def _settled_part(
        self, lane: int, address: Address, host: _Host
    ) -> str | None:
        query = host.settled_query(address)
        if query is not None:
            return query
        body = f"{folder_of(address.shape)}*"
        if body in host.settled and not address.parameters:
            return body
        for base in reductions_of(address, host.settled):
            if hash((lane, base)) in self._seen:
                return next(
                    each.key
                    for each in parts_of(address)
                    if each.key in host.settled
                )
        return None
