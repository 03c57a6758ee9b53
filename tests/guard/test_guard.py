"""The guard: nothing is connected to but what was checked, whatever names and answers say."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper import urls
from scraper.errors import UsageError, failure_of
from scraper.guard import guard
from scraper.guard.guard import (
    Address,
    AllowList,
    Guard,
    LookupFailed,
    LookupTimeout,
    NotFound,
    Refused,
    dial,
    reach_of,
)
from scraper.model import Trust

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:2800:220:1:248:1893:25c8:1946"
PRIVATE = "10.1.2.3"
METADATA = "169.254.169.254"


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Names:
    """A resolver: of each name the answers, one after another; the last one stays."""

    def __init__(self, **names: Sequence[Any]) -> None:
        self.answers = {name.replace("_", "."): list(each) for name, each in names.items()}
        self.asked: list[str] = []

    def __call__(self, name: str, port: None, family: int, type: int) -> list[Any]:
        self.asked.append(name)
        answers = self.answers.get(name.removesuffix("."))
        if answers is None:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return [_info(address) for address in ([answer] if isinstance(answer, str) else answer)]


def _info(address: str) -> tuple[Any, ...]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


class Socket:
    """What the guard needs of a socket."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.closed = False
        self.timeout: float | None = -1.0

    def getpeername(self) -> tuple[str, int]:
        return self.peer, 80

    def settimeout(self, timeout: float | None) -> None:
        self.timeout = timeout

    def close(self) -> None:
        self.closed = True


class Wire:
    """A connector that only notes which address would be contacted."""

    def __init__(self, errors: dict[str, OSError] | None = None, peer: str | None = None) -> None:
        self.errors = errors or {}
        self.peer = peer
        self.contacted: list[str] = []
        self.shares: list[float | None] = []
        self.sockets: list[Socket] = []

    def __call__(self, address: Address, port: int, timeout: float | None) -> Any:
        self.contacted.append(str(address))
        self.shares.append(timeout)
        if str(address) in self.errors:
            raise self.errors[str(address)]
        self.sockets.append(Socket(self.peer or str(address)))
        return self.sockets[-1]


def guarded(names: Callable[..., Iterable[Any]], wire: Wire, **options: Any) -> Guard:
    patterns = options.pop("patterns", ())
    return Guard(AllowList(patterns), resolve=names, connect=wire, **options)


def contacted(host: str, answer: Sequence[str], trust: Trust = "listed", **options: Any) -> list:
    """The addresses contacted for a host whose name has this answer."""
    wire = Wire()
    judge = guarded(Names(**{host: [answer]}), wire, **options)
    if refused(judge, host, trust) is not None:
        assert wire.contacted == []
    return wire.contacted


def refused(judge: Guard, host: str, trust: Trust) -> tuple[str, str] | None:
    """Connect; kind and message if that is refused."""
    try:
        judge.connect(host, 80, 5, trust)
    except Refused as error:
        return error.kind, str(error)
    return None


# -- the allow-list ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("example.com", "example.com example.com. example.com:8080", "a.example.com x.org"),
        ("Example.COM.", "example.com", "notexample.com"),
        ("*.example.com", "a.example.com a.b.example.com:81", "example.com xexample.com"),
        ("img?.x.org", "img1.x.org", "img.x.org img12.x.org"),
        ("bücher.de", "xn--bcher-kva.de", "bucher.de"),
        ("*.bücher.de", "www.xn--bcher-kva.de", "xn--bcher-kva.de"),
        ("10.0.0.0/8", "10.1.2.3 10.1.2.3:81", "11.0.0.1 10.example.com [::ffff:a01:203]"),
        ("127.0.0.1", "127.0.0.1 127.0.0.1:81", "127.0.0.2 localhost"),
        ("127.1", "127.0.0.1", "127.0.0.2"),
        ("127.0.0.1:8000", "127.0.0.1:8000", "127.0.0.1 127.0.0.1:8001"),
        ("127.0.0.0/8:8000", "127.9.9.9:8000", "127.9.9.9"),
        ("::1/128", "[::1] [::1]:81", "[::2] 127.0.0.1"),
        ("[::1]/128", "[::1]", "[::2]"),
        ("::1", "[::1] [::1]:81", "[::2]"),
        ("[::1]", "[::1]", "[::2]"),
        ("[0:0::1]:8000", "[::1]:8000", "[::1]"),
        ("localhost", "localhost localhost. localhost:5000", "127.0.0.1 a.localhost"),
        ("example.com:443", "example.com example.com:443", "example.com:8443"),
        ("*:8080", "a.org:8080 10.0.0.1:8080", "a.org"),
        ("*", "a.org 10.0.0.1 [::1]:5", ""),
    ],
)  # fmt: skip
def test_a_pattern_allows_exactly_what_it_says(pattern: str, matching: str, other: str) -> None:
    allow = AllowList([pattern])
    for _ in range(2):  # the second time from the cache
        assert [host for host in matching.split() if not allow.allows(host)] == []
        assert [host for host in other.split() if allow.allows(host)] == []


def test_an_empty_list_allows_every_host() -> None:
    assert AllowList([]).allows("any.example:99")


def test_a_port_that_is_known_is_compared_exactly() -> None:
    allow = AllowList(["example.com:443"])
    assert allow.allows("example.com", 443)
    assert not allow.allows("example.com", 80)


@pytest.mark.parametrize(
    "pattern",
    ["", " ", "http://example.com", "example.com/path", "10.0.0.0/33", "10.1.2.3/8", "[::1", "a:b",
     "a:0", "a:65536", "a:", "a b", "user@host", "10.0.*", "*.1", "[::1]x", "a#b", "a%2eb",
     "*.a_b!", "[]", "::g", "fe80::1%eth0", "1.2.3.256"],
)  # fmt: skip
def test_a_wrong_pattern_is_told_in_one_message(pattern: str) -> None:
    with pytest.raises(UsageError, match="is no pattern for hosts"):
        AllowList(["example.com", pattern])


def test_the_allow_list_speaks_of_the_host_and_not_of_its_addresses() -> None:
    assert contacted("other.org", ["10.1.2.3"], patterns=["10.0.0.0/8", "example.com"]) == []
    assert contacted("example.com", ["10.1.2.3"], patterns=["example.com"]) == ["10.1.2.3"]


# -- addresses --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reach", "addresses"),
    [
        ("public", f"{PUBLIC} 1.1.1.1 100.63.255.255 100.128.0.0 172.32.0.0 223.255.255.1"),
        ("public", f"{PUBLIC_6} 2a00:: ::ffff:8.8.8.8 64:ff9b::808:808 2002:808:808::1"),
        ("private", "0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.0.1 172.16.0.1 172.31.255.255"),
        ("private", "192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1"),
        ("private", "203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255"),
        ("private", ":: ::1 ::ffff:10.0.0.1 ::127.0.0.1 ::ffff:0:10.0.0.1 64:ff9b::a00:1"),
        ("private", "64:ff9b:1::1 2002:a00:1::1 2002:7f00:1:: 100::1 2001:db8::1 3fff::1"),
        ("private", "fc00::1 fd12::1 fec0::1 ff02::1 5f00::1 4000::1 2001:2::1 2001:10::1"),
        # Teredo: a private server, a private client, neither
        ("private", "2001:0:a00:1::f7f7:f7f7 2001:0:808:808::f5ff:fffe"),
        ("public", "2001:0:808:808::f7f7:f7f7"),
        ("link", "169.254.0.1 169.254.169.254 fe80::1 febf::1 fe80::1%eth0 2606::1%1"),
        ("link", "::ffff:169.254.169.254 ::169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::"),
        ("link", "100.100.100.200 168.63.129.16 192.0.0.192 fd00:ec2::254 fd20:ce::254"),
    ],
)  # fmt: skip
def test_who_can_be_met_at_an_address(reach: str, addresses: str) -> None:
    found = {text: reach_of(ipaddress.ip_address(text)) for text in addresses.split()}
    assert found == dict.fromkeys(found, reach)


@pytest.mark.parametrize(
    ("trust", "private", "reached"),
    [
        ("listed", "listed", "public private"),
        ("private", "listed", "public private"),
        ("public", "listed", "public"),
        ("listed", "always", "public private"),
        ("private", "always", "public private"),
        ("public", "always", "public private"),
        ("listed", "never", "public"),
        ("private", "never", "public"),
        ("public", "never", "public"),
        ("proxy", "listed", "public private link"),
        ("proxy", "never", "public private link"),
    ],
)
def test_which_names_are_connected_to(trust: Trust, private: str, reached: str) -> None:
    answers = {"public": PUBLIC, "private": PRIVATE, "link": METADATA}
    found = [
        reach for reach, answer in answers.items()
        if contacted("x.org", [answer], trust, private=private)
    ]  # fmt: skip
    assert found == reached.split()


@pytest.mark.parametrize(
    ("trust", "private", "reached"),
    [
        ("listed", "listed", "public private local link"),
        ("private", "listed", "public private local"),
        ("public", "listed", "public"),
        ("listed", "always", "public private local link"),
        ("public", "always", "public private local"),
        ("listed", "never", "public"),
        ("proxy", "listed", "public private local link"),
    ],
)
def test_which_addresses_in_urls_are_connected_to(trust: Trust, private: str, reached: str) -> None:
    hosts = {"public": PUBLIC, "private": "[fd00::1]", "local": "localhost.", "link": METADATA}
    names = Names()
    found = []
    for reach, host in hosts.items():
        judge = guarded(names, Wire(), private=private)
        refusal = judge.refusal(urls.canonical(f"http://{host}/"), trust)
        assert refused(judge, host, trust) == refusal
        if refusal is None:
            found.append(reach)
    assert found == reached.split()
    assert names.asked == []


SPELLINGS = [
    "2130706433", "0x7f.1", "017700000001", "0x7f000001", "127.1",
    "127.0.1", "0177.0.0.1", "127.0.0.1.", "①②⑦.⓪.⓪.①", "[::ffff:127.0.0.1]",
    "[::127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]", "[::1]", "[::]", "0.0.0.0",
    "0", "localhost", "localhost.", "LOCALHOST", "a.b.localhost",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1]", "169.254.169.254", "2852039166",
    "0xA9FEA9FE", "0251.0376.0251.0376", "0xa9.0xfe.0xa9.0xfe", "169.254.43518", "169.16689662",
    "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "①⑥⑨.②⑤④.①⑥⑨.②⑤④",
    "169。254。169。254", "10.0.0.1",
    "[fd00::1]", "[fec0::1]", "192.168.0.1", "3232235521", "100.64.0.1",
    "100.100.100.200",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_no_spelling_of_a_private_address_passes_from_a_public_page(host: str) -> None:
    names, wire = Names(), Wire()
    judge = guarded(names, wire)
    url = urls.canonical(f"http://{host}/")
    refusal = judge.refusal(url, "public")
    assert refusal is not None
    assert refusal[0] == "private_address"
    assert judge.host_class(url.host) == "private"
    for spelling in (url.host, url.host.strip("[]")):
        with pytest.raises(Refused):
            judge.connect(spelling, 80, 5, "public")
    assert (names.asked, wire.contacted) == ([], [])


@pytest.mark.parametrize("host", ["fe80::1%25eth0", "[fe80::1%25eth0]", "[::1%25lo]"])
def test_scope_ids_are_no_part_of_a_url(host: str) -> None:
    with pytest.raises(urls.BadUrl):
        urls.canonical(f"http://{host}/")


def test_what_canonical_missed_is_still_judged_by_its_address() -> None:
    # As a name, 0xA9FEA9FE is looked up, and the C library answers with the address it spells.
    assert contacted("0xa9fea9fe", [METADATA]) == []
    assert contacted("2130706433", ["127.0.0.1"], "public") == []


@pytest.mark.parametrize("port", [0, 22, 25, 6000, 10080])
def test_ports_of_other_protocols_are_refused(port: int) -> None:
    wire = Wire()
    judge = guarded(Names(x_org=[PUBLIC]), wire)
    refusal = judge.refusal(urls.canonical(f"http://x.org:{port}/"), "listed")
    assert refusal is not None
    assert refusal[0] == "port_not_allowed"
    with pytest.raises(Refused):
        judge.connect("x.org", port, 5, "listed")
    assert wire.contacted == []


def test_the_allow_list_is_judged_before_port_and_address() -> None:
    judge = guarded(Names(), Wire(), patterns=["example.com:443"])
    for url, kind in {
        "http://127.0.0.1:22/": "host_not_allowed",
        "http://example.com/": "host_not_allowed",
        "https://example.com/": None,
        "https://example.com.:443/": None,
    }.items():
        refusal = judge.refusal(urls.canonical(url), "public")
        assert (refusal and refusal[0]) == kind


def test_denied_networks_win_over_everything() -> None:
    networks = ["10.0.0.0/8"]
    options = {"deny_networks": networks, "allow_networks": networks, "private": "always"}
    for answer in ([PRIVATE], [PUBLIC, PRIVATE], ["64:ff9b::a01:203"], ["::ffff:10.1.2.3"]):
        for trust in ("listed", "private", "public", "proxy"):
            assert contacted("x.org", answer, trust, **options) == []
    assert contacted(PRIVATE, [], "proxy", **options) == []
    assert contacted("x.org", [PUBLIC], **options) == [PUBLIC]


def test_allowed_networks_are_fine_for_everybody() -> None:
    options = {"allow_networks": ["10.0.0.0/8", "169.254.0.0/16"]}
    for answer in ([PRIVATE], [METADATA], [PUBLIC, PRIVATE]):
        assert contacted("x.org", answer, "public", **options) == answer[:1]
    assert contacted("x.org", ["192.168.0.1"], "public", **options) == []
    assert contacted(METADATA, [], "public", **options) == [METADATA]


@pytest.mark.parametrize("option", ["allow_networks", "deny_networks"])
def test_a_wrong_network_is_a_usage_error(option: str) -> None:
    with pytest.raises(UsageError, match=r"10\.0\.0\.1/8"):
        Guard(AllowList([]), **{option: ["10.0.0.1/8"]})


def test_a_proxy_may_be_anywhere_but_its_host_is_on_the_allow_list() -> None:
    assert contacted("proxy.lan", [PRIVATE, PUBLIC], "proxy", patterns=["proxy.lan"]) == [PRIVATE]
    assert contacted("proxy.lan", [PRIVATE], "proxy", patterns=["example.com"]) == []


# -- rebinding --------------------------------------------------------------------------------


@pytest.mark.parametrize("trust", ["listed", "private", "public"])
@pytest.mark.parametrize("answer", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC_6, "::1"]])
def test_a_mixed_answer_is_refused(trust: Trust, answer: list[str]) -> None:
    wire = Wire()
    refusal = refused(guarded(Names(x_org=[answer]), wire), "x.org", trust)
    assert refusal is not None
    assert ("named by a public page" if trust == "public" else "public addresses too") in refusal[1]
    assert wire.contacted == []


def test_a_name_that_was_public_never_becomes_private() -> None:
    clock, wire = Clock(), Wire()
    judge = guarded(Names(x_org=[PUBLIC, PRIVATE]), wire, clock=clock)
    judge.connect("x.org", 80, 5, "listed")
    clock.now += 61
    for host in ("x.org", "X.org."):
        with pytest.raises(Refused, match="was public before"):
            judge.connect(host, 80, 5, "listed")
    assert wire.contacted == [PUBLIC]
    assert judge.host_class("x.org:8080") == "public"


def test_a_private_name_that_turns_public_loses_its_privileges() -> None:
    clock, wire = Clock(), Wire()
    judge = guarded(Names(x_org=[PRIVATE, PUBLIC, PRIVATE]), wire, clock=clock)
    judge.connect("x.org", 80, 5, "listed")
    assert judge.host_class("x.org") == "private"
    clock.now += 61
    judge.connect("x.org", 80, 5, "listed")
    assert judge.host_class("x.org") == "public"
    clock.now += 61
    with pytest.raises(Refused, match="was public before"):
        judge.connect("x.org", 80, 5, "private")
    assert wire.contacted == [PRIVATE, PUBLIC]


def test_what_was_learned_outlives_the_guard() -> None:
    first = guarded(Names(a_org=[PUBLIC], b_lan=[PRIVATE], c_org=[[PUBLIC, PRIVATE]]), Wire())
    assert first.host_class("a.org") is None
    for host in ("a.org", "b.lan", "c.org"):
        refused(first, host, "listed")
    assert first.learned() == {"a.org": "public", "b.lan": "private", "c.org": "public"}
    wire = Wire()
    second = guarded(Names(a_org=[PRIVATE], b_lan=[PRIVATE]), wire)
    second.learn(first.learned())
    second.learn({"a.org": "private"})
    with pytest.raises(Refused):
        second.connect("a.org", 80, 5, "listed")
    second.connect("b.lan", 80, 5, "private")
    assert wire.contacted == [PRIVATE]


def test_a_private_host_first_named_by_a_public_page_can_still_be_listed() -> None:
    wire = Wire()
    judge = guarded(Names(x_lan=[PRIVATE]), wire)
    with pytest.raises(Refused):
        judge.connect("x.lan", 80, 5, "public")
    judge.connect("x.lan", 80, 5, "listed")
    assert wire.contacted == [PRIVATE]


def test_the_peer_must_be_the_address_that_was_checked() -> None:
    wire = Wire(peer="127.0.0.1")
    with pytest.raises(Refused, match=r"127\.0\.0\.1 answers"):
        guarded(Names(x_org=[PUBLIC]), wire).connect("x.org", 80, 5, "listed")
    assert [sock.closed for sock in wire.sockets] == [True]


@settings(deadline=None, max_examples=400, database=None)
@given(
    host=st.one_of(
        st.ip_addresses().map(str),
        st.ip_addresses(network="::ffff:0:0/96").map(str),
        st.ip_addresses(network="64:ff9b::/96").map(str),
        st.ip_addresses(network="2002::/16").map(str),
        st.ip_addresses(network="2001::/32").map(str),
        st.sampled_from(SPELLINGS),
        st.integers(0, 2**32 - 1).map(hex),
        st.text("0123456789abcdefx.:[]%", min_size=1, max_size=24),
    ),
    answer=st.lists(
        st.one_of(
            st.ip_addresses().map(str),
            st.sampled_from([PUBLIC, PUBLIC_6, PRIVATE, METADATA, "::1", "::ffff:127.0.0.1"]),
        ),
        max_size=4,
    ),
    literal=st.booleans(),
)
def test_from_a_public_page_only_public_addresses_are_contacted(
    host: str, answer: list[str], literal: bool
) -> None:
    wire = Wire()
    judge = guarded(lambda *_: [_info(each) for each in answer], wire)
    try:
        judge.connect(host if literal else "name.org", 80, 5, "public")
    except (Refused, NotFound):
        assert wire.contacted == []
    for text in wire.contacted:
        assert not literal or "%" not in text
        assert _public_by_the_standard_library(ipaddress.ip_address(text))


def _public_by_the_standard_library(address: Address) -> bool:
    inner: list[Address | None] = []
    if isinstance(address, ipaddress.IPv6Address):
        low = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
        inner = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in ipaddress.ip_network("64:ff9b::/96") or int(address) < 2**32:
            inner.append(low)
    embedded = [each for each in inner if each is not None]
    if embedded:
        return all(_public_by_the_standard_library(each) for each in embedded)
    return not (
        address.is_private
        or address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or getattr(address, "is_site_local", False)
        or not address.is_global
    )


# -- connecting -------------------------------------------------------------------------------


def test_addresses_are_tried_in_turn_and_share_the_time() -> None:
    wire = Wire({PUBLIC_6: OSError(errno.ENETUNREACH, "Network is unreachable")})
    judge = guarded(Names(x_org=[[PUBLIC_6, PUBLIC, "1.1.1.1"]]), wire, clock=Clock())
    judge.connect("x.org", 80, 6, "listed")
    assert wire.contacted == [PUBLIC_6, PUBLIC]
    assert wire.shares == [2, 3]
    assert wire.sockets[0].timeout == 6


@pytest.mark.parametrize("first", ["v6", "v4"])
def test_the_error_that_tells_most_is_raised(first: str) -> None:
    errors = {
        PUBLIC_6: OSError(errno.ENETUNREACH, "Network is unreachable"),
        PUBLIC: ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"),
    }
    answer = [PUBLIC_6, PUBLIC] if first == "v6" else [PUBLIC, PUBLIC_6]
    with pytest.raises(ConnectionRefusedError):
        guarded(Names(x_org=[answer]), Wire(errors)).connect("x.org", 80, 5, "listed")


def test_all_addresses_are_checked_but_few_are_tried() -> None:
    many = [f"93.184.216.{n}" for n in range(1, 200)]
    wire = Wire({each: ConnectionRefusedError() for each in many})
    with pytest.raises(ConnectionRefusedError):
        guarded(Names(x_org=[many]), wire).connect("x.org", 80, 5, "listed")
    assert wire.contacted == many[: guard.MAX_TRIED_ADDRESSES]
    assert contacted("x.org", [*many, PRIVATE]) == []


def test_a_real_connection_has_no_delay_and_the_timeout_that_was_asked_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        judge = Guard(AllowList([f"localhost:{port}"]), refused_ports=frozenset())
        with judge.connect("localhost", port, 3, "listed") as sock:
            assert sock.getpeername() == ("127.0.0.1", port)
            assert sock.gettimeout() == 3
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(Refused, match="allowed hosts"):
            judge.connect("127.0.0.1", port, 3, "listed")
    with pytest.raises(ConnectionRefusedError):
        dial(ipaddress.ip_address("127.0.0.1"), port, 3)


# -- looking up -------------------------------------------------------------------------------


def test_answers_are_kept_for_a_minute_and_failures_for_ten_seconds() -> None:
    clock, names = Clock(), Names(x_org=[PUBLIC])
    judge = guarded(names, Wire(), clock=clock)

    def asked(host: str, after: float) -> int:
        clock.now += after
        with contextlib.suppress(NotFound):
            judge.connect(host, 80, 5, "listed")
        return names.asked.count(host)

    assert [asked("x.org", after) for after in (0, 59.9, 0.2, 59.9)] == [1, 1, 2, 2]
    assert [asked("no.org", after) for after in (0, 9.9, 0.2, 9.9)] == [1, 1, 2, 2]


def test_the_cache_is_bounded_and_drops_what_was_used_least_recently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(guard, "MAX_CACHED_NAMES", 2)
    monkeypatch.setattr(guard, "MAX_LEARNED_NAMES", 2)
    names = Names(a=[PUBLIC], b=[PUBLIC], c=[PUBLIC])
    judge = guarded(names, Wire(), clock=Clock())
    for host in "abacab":
        judge.connect(host, 80, 5, "listed")
    assert names.asked == ["a", "b", "c", "b"]
    assert set(judge.learned()) == {"a", "b"}


@pytest.mark.parametrize(
    ("answer", "error", "kind"),
    [
        (socket.gaierror(socket.EAI_NONAME, "unknown"), NotFound, "dns_not_found"),
        (UnicodeError("label too long"), NotFound, "dns_not_found"),
        ([], NotFound, "dns_not_found"),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), LookupFailed, "dns_failed"),
        (socket.gaierror(socket.EAI_FAIL, "failed"), LookupFailed, "dns_failed"),
        (RuntimeError("broken"), LookupFailed, None),
        (["not an address"], LookupFailed, None),
        (OSError(errno.EMFILE, "Too many open files"), LookupFailed, "no_descriptors"),
    ],
)
def test_a_look_up_that_fails_has_a_name(answer: Any, error: type[Exception], kind: str) -> None:
    judge = guarded(Names(x_org=[answer]), Wire())
    for _ in range(2):  # the second time from the cache
        with pytest.raises(error, match=r"x\.org") as caught:
            judge.connect("x.org", 80, 5, "listed")
        if kind is not None:
            assert failure_of(caught.value).kind == kind


def test_a_scoped_answer_counts_as_link_local() -> None:
    infos = [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (PUBLIC_6, 0, 0, 2))]
    with pytest.raises(Refused, match="link-local"):
        guarded(lambda *_: infos, Wire()).connect("x.org", 80, 5, "listed")


def test_families_other_than_ip_are_passed_over() -> None:
    infos = [(99, socket.SOCK_STREAM, 6, "", ("?",)), _info(PUBLIC), _info(PUBLIC)]
    wire = Wire({PUBLIC: ConnectionRefusedError()})
    with pytest.raises(ConnectionRefusedError):
        guarded(lambda *_: infos, wire).connect("x.org", 80, 5, "listed")
    assert wire.contacted == [PUBLIC]


class Hanging:
    """A resolver that hangs on some names until it is let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []

    def __call__(self, name: str, *_: Any) -> list[Any]:
        self.asked.append(name)
        if name.startswith("hang"):
            self.go.wait(30)
        return [_info(PUBLIC)]


@pytest.fixture
def hanging() -> Iterable[Hanging]:
    resolver = Hanging()
    yield resolver
    resolver.go.set()


def test_a_look_up_that_hangs_ends_within_its_limit_and_others_go_on(hanging: Hanging) -> None:
    judge = guarded(hanging, Wire(), lookup_threads=1, dns_timeout_seconds=0.2)
    for n in range(3):
        began = time.monotonic()
        with pytest.raises(LookupTimeout, match=r"within 0\.2 s"):
            judge.connect(f"hang{n}", 80, 5, "listed")
        assert 0.15 < time.monotonic() - began < 2
        judge.connect(f"fine{n}", 80, 5, "listed")


def lookup_threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "lookup"]


def test_a_name_that_hangs_costs_one_thread_and_then_no_time(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "IDLE_SECONDS", 0.05)
    before, clock = lookup_threads(), Clock()
    judge = guarded(hanging, Wire(), lookup_threads=2, dns_timeout_seconds=0.2, clock=clock)
    with pytest.raises(LookupTimeout):
        judge.connect("hang", 80, 5, "listed")
    clock.now += 0.25
    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(LookupTimeout):
            judge.connect("hang", 80, 5, "listed")
    assert time.monotonic() - began < 3  # 20 waits of their own would be 4 s
    hanging.go.set()
    for thread in set(lookup_threads()) - set(before):
        thread.join(5)  # without work it ends, when its answer is known
    judge.connect("hang", 80, 5, "listed")
    assert hanging.asked == ["hang"]  # the late answer was kept


def test_look_up_threads_are_daemons_and_bounded(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "MAX_STUCK_THREADS", 3)
    monkeypatch.setattr(guard, "IDLE_SECONDS", 0.05)
    before = lookup_threads()
    judge = guarded(hanging, Wire(), lookup_threads=2, dns_timeout_seconds=0.1)

    def ask(name: str) -> None:
        with pytest.raises(LookupTimeout):
            judge.connect(name, 80, 5, "listed")

    def lookups() -> list[threading.Thread]:
        return [each for each in lookup_threads() if each not in before]

    for round_ in range(3):
        askers = [threading.Thread(target=ask, args=(f"hang{round_}.{n}",)) for n in range(8)]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(5)
            assert not asker.is_alive()
    assert len(lookups()) == 5
    assert all(each.daemon for each in lookups())
    assert len(hanging.asked) == 5
    ask("fine")  # nobody is left to look it up
    hanging.go.set()
    for thread in lookups():
        thread.join(5)
    assert lookups() == []  # without work they end
    judge.connect("fine", 80, 5, "listed")


class Read(Clock):
    """A clock that tells how often it was read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = threading.Semaphore(0)

    def __call__(self) -> float:
        self.reads.release()
        return super().__call__()


def test_those_who_ask_at_once_share_one_look_up(hanging: Hanging) -> None:
    wire, clock = Wire(), Read()
    judge = guarded(hanging, wire, dns_timeout_seconds=20, clock=clock)
    askers = [
        threading.Thread(target=judge.connect, args=("hang", 80, 5, "listed")) for _ in range(16)
    ]
    for asker in askers:
        asker.start()
    for _ in range(16 + 1):  # by each asker, who holds the lock until it waits, and by the look-up
        assert clock.reads.acquire(timeout=5)
    hanging.go.set()
    for asker in askers:
        asker.join(5)
    assert hanging.asked == ["hang"]
    assert wire.contacted == [PUBLIC] * 16


def test_many_names_at_once_use_no_more_threads_than_allowed(hanging: Hanging) -> None:
    running, most, changed = 0, 0, threading.Condition()

    def slow(name: str, *_: Any) -> list[Any]:
        nonlocal running, most
        if name.startswith("hang"):
            return hanging(name)
        with changed:
            running += 1
            most = max(most, running)
            changed.notify_all()
            changed.wait_for(lambda: running > 3, timeout=0.005)  # for one that must not come
            running -= 1
        return [_info(PUBLIC)]

    wire = Wire()
    judge = guarded(slow, wire, lookup_threads=3, dns_timeout_seconds=1)

    def ask(names: Iterable[str]) -> None:
        askers = [threading.Thread(target=ask_one, args=(name,)) for name in names]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join(10)

    def ask_one(name: str) -> None:
        with contextlib.suppress(LookupTimeout):
            judge.connect(name, 80, 5, "listed")

    ask(f"hang{n}" for n in range(3))
    ask(f"a{n}" for n in range(10))
    hanging.go.set()  # those that were replaced come back, and would be too many
    ask(f"b{n}" for n in range(40))
    assert len(wire.contacted) == 50
    assert most == 3


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotFound("no x"), "dns_not_found"),
        (LookupFailed("no x"), "dns_failed"),
        (LookupTimeout("no x"), "dns_timeout"),
        (Refused("private_address", "no x"), "private_address"),
    ],
)
def test_errors_survive_a_process_boundary_and_the_door_knows_them(
    error: OSError, kind: str
) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.__dict__) == (type(error), "no x", error.__dict__)
    assert isinstance(copy, OSError)
    assert not isinstance(copy, TimeoutError)
    assert (failure_of(copy).kind, failure_of(copy).message) == (kind, "no x")
