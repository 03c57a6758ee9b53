"""Which hosts and addresses may be connected to, decided at the moment of connecting.

`Guard.refusal` judges what a URL shows: host against the allow-list, port, addresses written as
such. `Guard.connect` judges that again, looks the name up, checks *every* address of the answer
and connects to one of those it has checked, so that a name that changes its mind between check and
connection (DNS rebinding) gains nothing. What is permitted says the table of permissions.py.

Through a proxy the guard sees no addresses: it judges what URLs show, and the way to the proxy
itself (trust `"proxy"`: any address, but its host must be on the allow-list).
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from scraper import urls
from scraper.guard.addresses import (
    Address,
    canonical_name,
    class_of,
    written_addresses,
)
from scraper.guard.allowlist import AllowList
from scraper.guard.permissions import DENIED, Permissions
from scraper.guard.resolver import Resolver
from scraper.model import HostClass, Trust

# its kind, of the rule branch of the errors, and the message
Refusal = tuple[str, str]
Connector = Callable[[Address, int, float | None], socket.socket]

MAX_LEARNED_NAMES = 100_000
MAX_JUDGED_HOSTS = 10_000
MAX_TRIED_ADDRESSES = 8  # of one answer; all are checked
MAX_PLACES = 4  # that are remembered, to see later whether the network is there
DEFAULT_PORTS = {"http": 80, "https": 443}

# https://fetch.spec.whatwg.org/#port-blocking
BAD_PORTS = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
})  # fmt: skip
# What connecting by IPv6 says on a machine without it: an error of another address says more.
_UNREACHABLE = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.EAFNOSUPPORT,
        errno.EADDRNOTAVAIL,
    }
)


class Place(NamedTuple):
    """Where a connection was made to, and what the guard needs to judge it again."""

    host: str
    port: int
    address: str
    trust: Trust


class Refused(OSError):
    """A rule of ours forbids this connection. `kind` is one of the rule branch of the errors."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.kind, str(self))


def dial(
    address: Address,
    port: int,
    timeout: float | None,
) -> socket.socket:
    """A TCP connection to exactly this address, without delayed sending."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.settimeout(timeout)
        sock.connect((str(address), port))
    except BaseException:
        sock.close()
        raise
    return sock


class Guard:
    """Judges hosts and addresses, and makes the connections. One for a run, used by all threads.

    It remembers of each name whether its addresses were private when first looked up; what was
    public once may never again lead into a private network.
    """

    def __init__(
        self,
        allow: AllowList,
        permissions: Permissions | None = None,
        resolver: Resolver | None = None,
        *,
        refused_ports: frozenset[int] = BAD_PORTS,
        is_local: bool = False,
        connect: Connector = dial,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow = allow
        self._permissions = permissions or Permissions()
        self.resolver = resolver or Resolver()
        self._refused_ports = refused_ports
        self._is_local = is_local  # of a run that reads files of this machine, and nothing else
        self.reads_files = is_local  # no text can name one: only who is given a path asks for it
        self._connect = connect
        self._clock = clock
        self._heard_at: float | None = None
        self._learned: dict[str, HostClass] = {}  # least recent first
        self._places: dict[Address, Place] = {}  # least recent first
        self._lock = threading.Lock()  # guards what was learned
        # It is asked for each URL, and depends on nothing that is learned.
        self._cached_refusal = lru_cache(MAX_JUDGED_HOSTS)(self._refusal_of_key)

    def refusal(self, url: urls.Url, trust: Trust) -> Refusal | None:
        """Kind and message of the rule that forbids this URL, as far as that shows before any
        name is looked up; None if none does."""
        return self._cached_refusal(url.host, url.scheme, trust)

    def connect(
        self,
        host: str,
        port: int,
        timeout: float | None,
        trust: Trust,
    ) -> socket.socket:
        """A connection to a checked address of `host`; looking up has its own limit.

        Each address in turn gets its share of `timeout`. Raises NotFound, LookupFailed,
        LookupTimeout, Refused, or the OSError that says most about why connecting failed.
        """
        if self._is_local:
            raise Refused("bad_scheme", "this run has no network")
        name = canonical_name(host)
        self._check_host(name, port, trust)
        addresses = written_addresses(name)
        if not addresses:
            is_new = name not in self._learned
            addresses = self.resolver.addresses_of(host.lower())
            if is_new:
                self._heard_at = self._clock()
            self._check_answer(name, addresses, trust)
        sock, address = self._dial_in_turn(
            name, addresses[:MAX_TRIED_ADDRESSES], port, timeout
        )
        self._learn_place(address, Place(host, port, str(address), trust))
        return sock

    def recheck(
        self,
        host: str,
        port: int,
        address: str,
        trust: Trust,
    ) -> None:
        """Judge a connection that was kept, for a task of another trust. Raises Refused."""
        name = canonical_name(host)
        self._check_host(name, port, trust)
        if not written_addresses(name):
            self._check_answer(name, (ipaddress.ip_address(address),), trust)

    # -- what was learned of names -------------------------------------------------------------

    def host_class(self, host: str) -> HostClass | None:
        """Is this host (name or host key) private or public? None: not looked up yet."""
        name = canonical_name(urls.host_name(host))
        addresses = written_addresses(name)
        if addresses:
            return class_of(addresses)
        with self._lock:
            return self._learned.get(name)

    def learned(self) -> dict[str, HostClass]:
        """What was learned of names: give it to `learn` in the next run."""
        with self._lock:
            return dict(self._learned)

    def learn(self, classes: Mapping[str, HostClass]) -> None:
        """Take over what an earlier run has learned."""
        for host, host_class in classes.items():
            self._learn_class(canonical_name(host), host_class)

    def _learn_class(self, name: str, host_class: HostClass) -> HostClass:
        """What the name is from now on. Once public it stays public: else a name could first be
        private, to have its pages trusted, and then serve them from the internet."""
        with self._lock:
            known = self._learned.pop(name, None)
            learned: HostClass = "public" if known == "public" else host_class
            self._learned[name] = learned
            if len(self._learned) > MAX_LEARNED_NAMES:
                del self._learned[next(iter(self._learned))]
            return learned

    # -- whether the network is there ----------------------------------------------------------

    @property
    def seconds_since_heard(self) -> float | None:
        """How long ago a connection was made or refused, or the resolver said something new; None:
        never. What it repeats may come from a cache on this machine or beside it."""
        times = (self._heard_at, self.resolver.heard_at)
        heard = [each for each in times if each is not None]
        return self._clock() - max(heard) if heard else None

    def address_of(self, host: str) -> str:
        """Where this host (name or host key) is met, as far as that is known without a look-up;
        else its name."""
        name = urls.host_name(host)
        written = written_addresses(canonical_name(name))
        known = written or self.resolver.known_addresses(name.lower())
        return str(known[0]) if known else name

    @property
    def places(self) -> tuple[Place, ...]:
        """Where connections were made to, the last few: give them to `learn_places` in the next
        run."""
        with self._lock:
            return tuple(self._places.values())

    def learn_places(self, places: Iterable[Place]) -> None:
        """Take over where an earlier run has connected to."""
        with self._lock:
            for each in places:
                self._places[ipaddress.ip_address(each.address)] = each

    def _learn_place(self, address: Address, place: Place) -> None:
        self._heard_at = self._clock()
        with self._lock:
            self._places.pop(address, None)
            self._places[address] = place
            if len(self._places) > MAX_PLACES:
                del self._places[next(iter(self._places))]

    def answers(self, place: Place, timeout: float) -> bool:
        """Does anything come back from there, if only a refusal? Judged as any connection is."""
        try:
            self.recheck(place.host, place.port, place.address, place.trust)
            address = ipaddress.ip_address(place.address)
            self._connect(address, place.port, timeout).close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return True

    def resolver_answers(self, host: str) -> bool:
        """Does the resolver say anything of this name? Of an address it says nothing new."""
        name = urls.host_name(host)
        if written_addresses(canonical_name(name)):
            return False
        return self.resolver.is_there(name.lower())

    # -- checks --------------------------------------------------------------------------------

    def _refusal_of_key(
        self,
        host_key: str,
        scheme: str,
        trust: Trust,
    ) -> Refusal | None:
        is_file = scheme == "file"
        is_meant = self.reads_files if is_file else not self._is_local
        if not is_meant:
            return "bad_scheme", f"{scheme}: is not asked by this run"
        if is_file:
            return None
        host = urls.host_name(host_key)
        port = host_key[len(host) + 1 :] or DEFAULT_PORTS[scheme]
        return self._refusal_of_host(canonical_name(host), int(port), trust)

    def _refusal_of_host(
        self,
        name: str,
        port: int,
        trust: Trust,
    ) -> Refusal | None:
        if not self._allow.allows(name, port):
            return (
                "host_not_allowed",
                f"{name} is not on the list of allowed hosts",
            )
        if trust != "proxy" and port in self._refused_ports:
            return (
                "port_not_allowed",
                f"port {port} belongs to another protocol than HTTP",
            )
        for address in written_addresses(name):
            objection = self._permissions.objection_to_address(address, trust)
            if objection is not None:
                return (
                    "private_address",
                    f"{_place_of(name, address)}, {objection}",
                )
        return None

    def _check_host(
        self,
        name: str,
        port: int,
        trust: Trust,
    ) -> None:
        refusal = self._refusal_of_host(name, port, trust)
        if refusal is not None:
            raise Refused(*refusal)

    def _check_answer(
        self,
        name: str,
        addresses: Sequence[Address],
        trust: Trust,
    ) -> None:
        """Raise Refused unless all addresses of this answer may be connected to."""
        denied = self._permissions.denied_address(addresses)
        if denied is not None:
            raise Refused(
                "private_address", f"{_place_of(name, denied)}, {DENIED}"
            )
        if trust == "proxy":
            return
        host_class = self._learn_class(name, class_of(addresses))
        objection = self._permissions.objection_to_answer(
            addresses, trust, host_class
        )
        if objection is not None:
            address, reason = objection
            raise Refused(
                "private_address", f"{_place_of(name, address)}, {reason}"
            )

    # -- connecting ----------------------------------------------------------------------------

    def _dial_in_turn(
        self,
        name: str,
        addresses: Sequence[Address],
        port: int,
        timeout: float | None,
    ) -> tuple[socket.socket, Address]:
        began = self._clock()
        failures: list[OSError] = []
        for place, address in enumerate(addresses):
            share = None
            if timeout is not None:
                left = timeout - (self._clock() - began)
                share = max(left / (len(addresses) - place), 0.001)
            try:
                sock = self._connect(address, port, share)
            except OSError as error:
                if isinstance(error, ConnectionRefusedError):
                    self._heard_at = self._clock()
                failures.append(error)
                continue
            try:
                _check_peer(sock, name, address)
                sock.settimeout(timeout)
            except BaseException:
                sock.close()
                raise
            return sock, address
        try:
            raise _most_telling(failures)
        finally:
            failures.clear()  # error, traceback, frame, list: a circle that only the gc would open


def _most_telling(failures: Sequence[OSError]) -> OSError:
    telling = (each for each in failures if each.errno not in _UNREACHABLE)
    return next(telling, failures[0])


def _check_peer(
    sock: socket.socket,
    name: str,
    address: Address,
) -> None:
    peer = ipaddress.ip_address(sock.getpeername()[0])
    if int(peer) != int(address) or peer.version != address.version:
        raise Refused(
            "private_address",
            f"{name} was to be met at {address}, but {peer} answers",
        )


def _place_of(name: str, address: Address) -> str:
    return (
        name if name.strip("[]") == str(address) else f"{name} is at {address}"
    )
