"""Which hosts and addresses may be connected to, decided at the moment of connecting.

`Guard.refusal` judges what a URL shows: host against the allow-list, port, addresses written as
such. `Guard.connect` judges that again, looks the name up, checks *every* address of the answer
and connects to one of those it has checked, so that a name that changes its mind between check and
connection (DNS rebinding) gains nothing.

    address                      listed by the user      named by a private host   by a public one
    public                       yes                     yes                       yes
    private, written or name     yes, if always private  yes, if always private    no
    link-local, metadata         only as an address      no                        no

That is `private="listed"`; `"always"` opens the middle row, `"never"` closes both lower ones.
Networks in `deny_networks` are never connected to, those in `allow_networks` always (but for the
host's name).

Through a proxy the guard sees no addresses: it judges what URLs show, and the way to the proxy
itself (trust `"proxy"`: any address, but its host must be on the allow-list).
"""

from __future__ import annotations

import errno
import fnmatch
import ipaddress
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from scraper import urls
from scraper.errors import UsageError
from scraper.model import HostClass, Trust

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Private = Literal["listed", "always", "never"]
Reach = Literal["public", "private", "link"]
Resolver = Callable[..., Iterable[Any]]  # called like socket.getaddrinfo
Connector = Callable[[Address, int, float | None], socket.socket]

FOUND_SECONDS = 60.0  # how long an answer is kept: getaddrinfo tells no TTL
NOT_FOUND_SECONDS = 10.0
MAX_CACHED_NAMES = 10_000
MAX_LEARNED_NAMES = 100_000
MAX_JUDGED_HOSTS = 10_000
MAX_TRIED_ADDRESSES = 8  # of one answer; all are checked
MAX_STUCK_THREADS = 16  # look-ups that hang before no further thread replaces them
IDLE_SECONDS = 10.0  # after which a look-up thread without work ends

# https://fetch.spec.whatwg.org/#port-blocking
BAD_PORTS = frozenset({
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
})  # fmt: skip


class GuardError(OSError):
    """The root of what stands between a name and a connection; the message is for the user."""


class NotFound(GuardError):
    """The name does not exist, or has no address."""


class LookupFailed(GuardError):
    """The name could not be looked up; it may exist."""


class LookupTimeout(GuardError):
    """No answer within the limit."""


class Refused(GuardError):
    """A rule of ours forbids this connection. `kind` is one of the rule branch of the errors."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.kind, str(self))


# -- addresses --------------------------------------------------------------------------------


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# IANA IPv4 and IPv6 Special-Purpose Address Registries, less what they call globally reachable.
# Our own table, because what `ipaddress.is_global` says has changed within Python 3.11.
_PRIVATE_IPV4 = _networks(
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
    "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
)  # fmt: skip
_UNICAST_IPV6 = ipaddress.IPv6Network("2000::/3")  # all that is given out (RFC 4291 2.4)
_PRIVATE_IPV6 = _networks("2001::/23", "2001:db8::/32", "3fff::/20")
# Link-local, and where clouds answer with credentials outside of it: Azure, Alibaba, Oracle, AWS
# and Google over IPv6.
_LINK = _networks(
    "169.254.0.0/16", "fe80::/10", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32",
    "fd00:ec2::254/128", "fd20:ce::254/128",
)  # fmt: skip
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
_LOOPBACK: tuple[Address, ...] = (
    ipaddress.IPv4Address("127.0.0.1"),
    ipaddress.IPv6Address("::1"),
)


@lru_cache(MAX_CACHED_NAMES)
def reach_of(address: Address) -> Reach:
    """Who can be met at this address: anybody, a private network, or only this very link.

    Of IPv6 that embeds IPv4, the embedded address is judged.
    """
    if _within(address, _LINK) or getattr(address, "scope_id", None) is not None:
        return "link"
    if isinstance(address, ipaddress.IPv4Address):
        return "private" if _within(address, _PRIVATE_IPV4) else "public"
    embedded = [reach_of(each) for each in _embedded(address)]
    if embedded:
        return max(embedded, key=("public", "private", "link").index)
    given_out = address in _UNICAST_IPV6 and not _within(address, _PRIVATE_IPV6)
    return "public" if given_out else "private"


def _embedded(address: Address) -> list[ipaddress.IPv4Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return []
    found = []
    for network, shift, inverted in _EMBEDDING:
        if address in network:
            bits = (int(address) >> shift) & 0xFFFF_FFFF
            found.append(ipaddress.IPv4Address(bits ^ 0xFFFF_FFFF if inverted else bits))
    return found


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _name_of(host: str) -> str:
    """One spelling: lower case, no trailing dot, IPv6 in brackets."""
    name = host.lower().removesuffix(".")
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def _literal(name: str) -> Address | None:
    """The address that this host is, if it is one rather than a name."""
    if not (name.startswith("[") or name[-1:].isdigit()):
        return None
    try:
        return ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return None


def _written(name: str) -> tuple[Address, ...]:
    """The addresses of this host that need no look-up: its own, or loopback's, or none."""
    if name == "localhost" or name.endswith(".localhost"):
        return _LOOPBACK  # RFC 6761 6.3: never asked of a name server
    address = _literal(name)
    return () if address is None else (address,)


# -- the allow-list ---------------------------------------------------------------------------


class AllowList:
    """The hosts that may be asked; an empty list allows all.

    A pattern is a name, a glob over names (`*.example.com`, which is not `example.com`), an address
    or a network; `:port` after it restricts it to that port. Networks match addresses that stand in
    a URL, never what a name resolves to. Raises UsageError for anything else.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._exact: dict[str, set[int | None]] = {}
        self._globs: list[tuple[re.Pattern[str], int | None]] = []
        self._networks: list[tuple[Network, int | None]] = []
        self._everything = not patterns
        for pattern in patterns:
            self._add(pattern)
        self._judged = lru_cache(MAX_JUDGED_HOSTS)(self._judge)

    def allows(self, host_key: str, port: int | None = None) -> bool:
        """May this host be asked? Without any port, the key's is meant, or else 80 or 443."""
        return self._everything or self._judged(host_key, port)

    def _judge(self, host_key: str, port: int | None) -> bool:
        host = urls.host_name(host_key)
        of_key = host_key[len(host) + 1 :]
        ports = {port or int(of_key)} if port or of_key else {80, 443}
        name = _name_of(host)
        if any(each is None or each in ports for each in self._exact.get(name, ())):
            return True
        matching = [only for glob, only in self._globs if glob.fullmatch(name)]
        address = _literal(name)
        if address is not None:
            matching += [only for network, only in self._networks if address in network]
        return any(only is None or only in ports for only in matching)

    def _add(self, pattern: str) -> None:
        try:
            name, port = _port_apart(pattern.strip().lower())
            if "/" in name:
                self._networks.append((ipaddress.ip_network(name.strip("[]")), port))
            elif "*" in name or "?" in name:
                self._globs.append((re.compile(fnmatch.translate(_glob(name))), port))
            else:
                self._exact.setdefault(_host(name), set()).add(port)
        except ValueError:
            raise UsageError(
                f"{pattern!r} is no pattern for hosts: write a name, a glob (*.example.com), an "
                "address or a network (10.0.0.0/8, ::1/128), with or without a :port"
            ) from None


def _port_apart(pattern: str) -> tuple[str, int | None]:
    if pattern.startswith("["):
        inner, bracket, rest = pattern[1:].partition("]")
        if not bracket:
            raise ValueError(pattern)
        length, colon, port = rest.partition(":")
        if length and not length.startswith("/"):
            raise ValueError(pattern)
        name = inner + length if length else f"[{inner}]"
    elif pattern.count(":") > 1:
        name, colon, port = pattern, "", ""
    else:
        name, colon, port = pattern.partition(":")
    if not colon:
        return name, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        raise ValueError(pattern)
    return name, int(port)


def _glob(name: str) -> str:
    labels = [
        each if each.isascii() else urls.canonical(f"http://{each}/").host
        for each in name.removesuffix(".").split(".")
    ]
    glob = ".".join(labels)
    # "10.0.*" is meant as a network, and would let in 10.0.example.com.
    like_an_address = re.fullmatch(r"[\d.*?]*\d[\d.*?]*", glob)
    if like_an_address or re.fullmatch(r"[a-z0-9._*?-]+", glob) is None:
        raise ValueError(name)
    return glob


def _host(name: str) -> str:
    if re.search(r"[\s@#%\\]", name):
        raise ValueError(name)
    return _name_of(urls.canonical(f"http://{_name_of(name)}/").host)


# -- look-ups ---------------------------------------------------------------------------------


class _Lookup:
    """One name on its way through a look-up thread, and everybody who waits for it."""

    __slots__ = ("answer", "began", "done", "name", "waiting", "written_off")

    def __init__(self, name: str) -> None:
        self.name = name
        self.done = threading.Event()
        self.answer: _Answer | None = None
        self.began: float | None = None
        self.waiting = 0
        self.written_off = False  # its thread counts as lost until it comes back


_Answer = tuple[Address, ...] | GuardError


class Lookups:
    """Names to addresses, on a few daemon threads and through a cache.

    getaddrinfo cannot be interrupted: whoever waits for it stops waiting, and its thread is
    replaced. Those who ask for the same name meanwhile share the one look-up that is under way.
    """

    def __init__(
        self,
        resolve: Resolver = socket.getaddrinfo,
        threads: int = 4,
        timeout_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve = resolve
        self._most = threads
        self._timeout = timeout_seconds
        self._clock = clock
        self._changed = threading.Condition()  # guards all that follows
        self._cache: dict[str, tuple[float, _Answer]] = {}  # until when; least recent first
        self._open: dict[str, _Lookup] = {}  # waiting or under way
        self._queue: deque[_Lookup] = deque()
        self._threads = 0
        self._idle = 0
        self._stuck = 0

    def addresses(self, name: str) -> tuple[Address, ...]:
        """At least one address, in the resolver's order. Raises NotFound, LookupFailed or
        LookupTimeout."""
        with self._changed:
            now = self._clock()
            answer = self._remembered(name, now)
            if answer is None:
                lookup = self._joined(name, now)
        if answer is None:
            lookup.done.wait(self._timeout)
            answer = self._awaited(lookup)
        if isinstance(answer, GuardError):
            # Anew: each thread hangs its own traceback on it.
            raise type(answer)(str(answer)) from answer.__cause__
        return answer

    def _remembered(self, name: str, now: float) -> _Answer | None:
        kept = self._cache.pop(name, None)
        if kept is None or kept[0] <= now:
            return None
        self._cache[name] = kept
        return kept[1]

    def _joined(self, name: str, now: float) -> _Lookup:
        lookup = self._open.get(name)
        if lookup is None:
            lookup = self._open[name] = _Lookup(name)
            self._queue.append(lookup)
            self._changed.notify()
            self._staff()
        elif lookup.began is not None and now - lookup.began >= self._timeout:
            # It hangs: another one for the same name would only cost another thread.
            raise self._late(name)
        lookup.waiting += 1
        return lookup

    def _awaited(self, lookup: _Lookup) -> _Answer:
        with self._changed:
            lookup.waiting -= 1
            if lookup.answer is not None:
                return lookup.answer
            if lookup.began is None:
                if not lookup.waiting:
                    self._queue.remove(lookup)
                    del self._open[lookup.name]
            elif not lookup.written_off:
                lookup.written_off = True
                self._stuck += 1
                self._staff()
        return self._late(lookup.name)

    def _late(self, name: str) -> LookupTimeout:
        return LookupTimeout(f"no address for {name} within {self._timeout:g} s")

    def _staff(self) -> None:
        """Start a thread if there is more to look up than there are threads free to do it."""
        working = self._threads - self._stuck
        bound = self._most + MAX_STUCK_THREADS
        if len(self._queue) > self._idle and working < self._most and self._threads < bound:
            threading.Thread(target=self._work, name="lookup", daemon=True).start()
            self._threads += 1

    def _work(self) -> None:
        while (lookup := self._next()) is not None:
            self._settle(lookup, self._answer(lookup.name))

    def _next(self) -> _Lookup | None:
        with self._changed:
            surplus = self._threads - self._stuck > self._most  # this one was replaced
            self._idle += 1
            found = not surplus and self._changed.wait_for(lambda: self._queue, IDLE_SECONDS)
            self._idle -= 1
            if not found:
                self._threads -= 1
                return None
            lookup = self._queue.popleft()
            lookup.began = self._clock()
            return lookup

    def _settle(self, lookup: _Lookup, answer: _Answer) -> None:
        with self._changed:
            lookup.answer = answer
            del self._open[lookup.name]
            if lookup.written_off:
                self._stuck -= 1
            seconds = NOT_FOUND_SECONDS if isinstance(answer, GuardError) else FOUND_SECONDS
            self._cache[lookup.name] = (self._clock() + seconds, answer)
            if len(self._cache) > MAX_CACHED_NAMES:
                del self._cache[next(iter(self._cache))]
        lookup.done.set()

    def _answer(self, name: str) -> _Answer:
        try:
            found = self._resolve(name, None, 0, socket.SOCK_STREAM)
            addresses = tuple(
                dict.fromkeys(
                    _address_in(sockaddr)
                    for family, _, _, _, sockaddr in found
                    if family in (socket.AF_INET, socket.AF_INET6)
                )
            )
        except socket.gaierror as error:
            if error.errno in _NO_SUCH_NAME:
                return NotFound(f"there is no host {name}")
            return LookupFailed(f"cannot look up {name}: {error.strerror or error}")
        except UnicodeError:
            return NotFound(f"{name} is not a name that DNS can hold")
        except Exception as error:  # noqa: BLE001 - whoever waits is told; the thread goes on
            failed = LookupFailed(f"cannot look up {name}: {error}")
            failed.__cause__ = error.with_traceback(None)  # it may speak of this machine: EMFILE
            return failed
        return addresses or NotFound(f"{name} has no address")


_NO_SUCH_NAME = frozenset(
    getattr(socket, name)
    for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY")
    if hasattr(socket, name)
)


def _address_in(sockaddr: Sequence[Any]) -> Address:
    text = str(sockaddr[0])
    scope = sockaddr[3] if len(sockaddr) > 3 else 0
    return ipaddress.ip_address(f"{text}%{scope}" if scope and "%" not in text else text)


# -- the guard --------------------------------------------------------------------------------


def dial(address: Address, port: int, timeout: float | None) -> socket.socket:
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
        *,
        private: Private = "listed",
        deny_networks: Sequence[str] = (),
        allow_networks: Sequence[str] = (),
        refused_ports: frozenset[int] = BAD_PORTS,
        resolve: Resolver = socket.getaddrinfo,
        connect: Connector = dial,
        lookup_threads: int = 4,
        dns_timeout_seconds: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allow = allow
        self._private = private
        self._denied = _parsed_networks(deny_networks)
        self._permitted = _parsed_networks(allow_networks)
        self._refused_ports = refused_ports
        self._connect = connect
        self._clock = clock
        self._lookups = Lookups(resolve, lookup_threads, dns_timeout_seconds, clock)
        self._learned: dict[str, HostClass] = {}  # least recent first
        self._lock = threading.Lock()  # guards _learned
        # It is asked for each URL, and depends on nothing that is learned.
        self._refusal_of = lru_cache(MAX_JUDGED_HOSTS)(self._judge)

    def refusal(self, url: urls.Url, trust: Trust) -> tuple[str, str] | None:
        """Kind and message of the rule that forbids this URL, as far as that shows before any
        name is looked up; None if none does."""
        return self._refusal_of(url.host, url.scheme, trust)

    def _judge(self, host_key: str, scheme: str, trust: Trust) -> tuple[str, str] | None:
        host = urls.host_name(host_key)
        port = host_key[len(host) + 1 :] or {"http": "80", "https": "443"}[scheme]
        return self._refusal(_name_of(host), int(port), trust)

    def connect(self, host: str, port: int, timeout: float | None, trust: Trust) -> socket.socket:
        """A connection to a checked address of `host`; looking up has its own limit.

        Each address in turn gets its share of `timeout`. Raises NotFound, LookupFailed,
        LookupTimeout, Refused, or the OSError that tells most about why connecting failed.
        """
        name = _name_of(host)
        refusal = self._refusal(name, port, trust)
        if refusal is not None:
            raise Refused(*refusal)
        addresses = _written(name)
        if not addresses:
            addresses = self._lookups.addresses(host.lower())
            self._check(name, addresses, trust)
        return self._connected(name, addresses[:MAX_TRIED_ADDRESSES], port, timeout)

    def recheck(self, host: str, port: int, address: str, trust: Trust) -> None:
        """Judge a connection that was kept, for a task of another trust. Raises Refused."""
        name = _name_of(host)
        refusal = self._refusal(name, port, trust)
        if refusal is not None:
            raise Refused(*refusal)
        if not _written(name):
            self._check(name, (ipaddress.ip_address(address),), trust)

    def host_class(self, host: str) -> HostClass | None:
        """Is this host (name or host key) private or public? None: not looked up yet."""
        name = _name_of(urls.host_name(host))
        addresses = _written(name)
        if addresses:
            return _class_of(addresses)
        with self._lock:
            return self._learned.get(name)

    def learned(self) -> dict[str, HostClass]:
        """What was learned of names: give it to `learn` in the next run."""
        with self._lock:
            return dict(self._learned)

    def learn(self, classes: Mapping[str, HostClass]) -> None:
        """Take over what an earlier run has learned."""
        for host, host_class in classes.items():
            self._remember(_name_of(host), host_class)

    def _refusal(self, name: str, port: int, trust: Trust) -> tuple[str, str] | None:
        if not self._allow.allows(name, port):
            return "host_not_allowed", f"{name} is not on the list of allowed hosts"
        if trust != "proxy" and port in self._refused_ports:
            return "port_not_allowed", f"port {port} belongs to another protocol than HTTP"
        for address in _written(name):
            objection = self._objection(name, address, trust)
            if objection is not None:
                return "private_address", objection
        return None

    def _objection(self, name: str, address: Address, trust: Trust) -> str | None:
        """Why an address that stands in the URL itself may not be connected to."""
        if self._is_denied(address):
            return f"{_at(name, address)}, in a denied network"
        reach = reach_of(address)
        if reach == "public" or trust == "proxy" or _within(address, self._permitted):
            return None
        if self._private == "never":
            return f"{_at(name, address)}, which is not public"
        if reach == "link" and trust != "listed":
            return f"{_at(name, address)}, which is asked only if you list that address yourself"
        if trust == "public" and self._private != "always":
            return f"{_at(name, address)}, which is private and was named by a public page"
        return None

    def _check(self, name: str, addresses: Sequence[Address], trust: Trust) -> None:
        """Raise Refused unless all addresses of this answer may be connected to."""
        for address in addresses:
            if self._is_denied(address):
                raise Refused("private_address", f"{_at(name, address)}, in a denied network")
        if trust == "proxy":
            return
        host_class = self._remember(name, _class_of(addresses))
        judged = [each for each in addresses if not _within(each, self._permitted)]
        special = [each for each in judged if reach_of(each) != "public"]
        if not special:
            return
        where = _at(name, special[0])
        if any(reach_of(each) == "link" for each in special):
            problem = "and this answer has link-local addresses, which no name may have"
        elif self._private == "always":
            return
        elif self._private == "never":
            problem = "which is not public"
        elif trust == "public":
            problem = "which is private and was named by a public page"
        elif len(special) < len(judged):
            problem = "which is private, and at public addresses too"
        elif host_class == "public":
            problem = "which is private, but was public before"
        else:
            return
        raise Refused("private_address", f"{where}, {problem}")

    def _is_denied(self, address: Address) -> bool:
        return any(_within(each, self._denied) for each in (address, *_embedded(address)))

    def _remember(self, name: str, host_class: HostClass) -> HostClass:
        """Public once is public for ever: else a name could first be private, to have its pages
        trusted, and then serve them from anywhere."""
        with self._lock:
            known = self._learned.pop(name, None)
            verdict: HostClass = "public" if known == "public" else host_class
            self._learned[name] = verdict
            if len(self._learned) > MAX_LEARNED_NAMES:
                del self._learned[next(iter(self._learned))]
            return verdict

    def _connected(
        self, name: str, addresses: Sequence[Address], port: int, timeout: float | None
    ) -> socket.socket:
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
                failures.append(error)
                continue
            try:
                _check_peer(sock, name, address)
                sock.settimeout(timeout)
            except BaseException:
                sock.close()
                raise
            return sock
        try:
            raise next((each for each in failures if each.errno not in _NO_WAY), failures[0])
        finally:
            failures.clear()  # error, traceback, frame, list: a circle that only the gc would open


# What IPv6 says on a machine without it; what the other addresses say tells more.
_NO_WAY = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}
)


def _check_peer(sock: socket.socket, name: str, address: Address) -> None:
    peer = ipaddress.ip_address(sock.getpeername()[0])
    if int(peer) != int(address) or peer.version != address.version:
        raise Refused("private_address", f"{name} was to be met at {address}, but {peer} answers")


def _class_of(addresses: Iterable[Address]) -> HostClass:
    return "public" if any(reach_of(each) == "public" for each in addresses) else "private"


def _at(name: str, address: Address) -> str:
    return name if name.strip("[]") == str(address) else f"{name} is at {address}"


def _parsed_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    try:
        return _networks(*texts)
    except ValueError as error:
        raise UsageError(f"not a network: {error}") from None
