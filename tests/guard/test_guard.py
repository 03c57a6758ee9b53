"""The guard: nothing is connected to but what was checked, whatever names and answers say."""

from __future__ import annotations

import errno
import ipaddress
import pickle
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper import urls
from scraper.errors import UsageError, failure_of
from scraper.guard import guard
from scraper.guard.addresses import Address
from scraper.guard.allowlist import AllowList
from scraper.guard.guard import Guard, Refused, dial
from scraper.guard.permissions import Permissions
from scraper.guard.resolver import LookupFailed, LookupTimeout, NotFound
from scraper.model import Trust
from tests.guard.fakes import (
    METADATA,
    PRIVATE,
    PUBLIC,
    PUBLIC_6,
    Clock,
    Names,
    Wire,
    contacted,
    guarded,
    info,
    refused,
)


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
def test_which_names_are_connected_to(
    trust: Trust, private: str, reached: str
) -> None:
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
def test_which_addresses_in_urls_are_connected_to(
    trust: Trust, private: str, reached: str
) -> None:
    hosts = {
        "public": PUBLIC,
        "private": "[fd00::1]",
        "local": "localhost.",
        "link": METADATA,
    }
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
def test_no_spelling_of_a_private_address_passes_from_a_public_page(
    host: str,
) -> None:
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


@pytest.mark.parametrize(
    "host", ["fe80::1%25eth0", "[fe80::1%25eth0]", "[::1%25lo]"]
)
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
    options = {
        "deny_networks": networks,
        "allow_networks": networks,
        "private": "always",
    }
    for answer in (
        [PRIVATE],
        [PUBLIC, PRIVATE],
        ["64:ff9b::a01:203"],
        ["::ffff:10.1.2.3"],
    ):
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
        Permissions(**{option: ["10.0.0.1/8"]})


def test_a_proxy_may_be_anywhere_but_its_host_is_on_the_allow_list() -> None:
    assert contacted(
        "proxy.lan", [PRIVATE, PUBLIC], "proxy", patterns=["proxy.lan"]
    ) == [PRIVATE]
    assert (
        contacted("proxy.lan", [PRIVATE], "proxy", patterns=["example.com"])
        == []
    )


# -- rebinding --------------------------------------------------------------------------------


@pytest.mark.parametrize("trust", ["listed", "private", "public"])
@pytest.mark.parametrize(
    "answer", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC_6, "::1"]]
)
def test_a_mixed_answer_is_refused(trust: Trust, answer: list[str]) -> None:
    wire = Wire()
    refusal = refused(guarded(Names(x_org=[answer]), wire), "x.org", trust)
    assert refusal is not None
    assert (
        "named by a public host"
        if trust == "public"
        else "public addresses too"
    ) in refusal[1]
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
    first = guarded(
        Names(a_org=[PUBLIC], b_lan=[PRIVATE], c_org=[[PUBLIC, PRIVATE]]),
        Wire(),
    )
    assert first.host_class("a.org") is None
    for host in ("a.org", "b.lan", "c.org"):
        refused(first, host, "listed")
    assert first.learned() == {
        "a.org": "public",
        "b.lan": "private",
        "c.org": "public",
    }
    wire = Wire()
    second = guarded(Names(a_org=[PRIVATE], b_lan=[PRIVATE]), wire)
    second.learn(first.learned())
    second.learn({"a.org": "private"})
    with pytest.raises(Refused):
        second.connect("a.org", 80, 5, "listed")
    second.connect("b.lan", 80, 5, "private")
    assert wire.contacted == [PRIVATE]


def test_a_private_host_first_named_by_a_public_page_can_still_be_listed() -> (
    None
):
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
            st.sampled_from(
                [PUBLIC, PUBLIC_6, PRIVATE, METADATA, "::1", "::ffff:127.0.0.1"]
            ),
        ),
        max_size=4,
    ),
    literal=st.booleans(),
)
def test_from_a_public_page_only_public_addresses_are_contacted(
    host: str, answer: list[str], literal: bool
) -> None:
    wire = Wire()
    judge = guarded(lambda *_: [info(each) for each in answer], wire)
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
        inner = [
            address.ipv4_mapped,
            address.sixtofour,
            *(address.teredo or ()),
        ]
        if (
            address in ipaddress.ip_network("64:ff9b::/96")
            or int(address) < 2**32
        ):
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
    wire = Wire(
        {PUBLIC_6: OSError(errno.ENETUNREACH, "Network is unreachable")}
    )
    judge = guarded(
        Names(x_org=[[PUBLIC_6, PUBLIC, "1.1.1.1"]]), wire, clock=Clock()
    )
    judge.connect("x.org", 80, 6, "listed")
    assert wire.contacted == [PUBLIC_6, PUBLIC]
    assert wire.shares == [2, 3]
    assert wire.sockets[0].timeout == 6


@pytest.mark.parametrize("first", ["v6", "v4"])
def test_the_error_that_says_most_is_raised(first: str) -> None:
    errors = {
        PUBLIC_6: OSError(errno.ENETUNREACH, "Network is unreachable"),
        PUBLIC: ConnectionRefusedError(
            errno.ECONNREFUSED, "Connection refused"
        ),
    }
    answer = [PUBLIC_6, PUBLIC] if first == "v6" else [PUBLIC, PUBLIC_6]
    with pytest.raises(ConnectionRefusedError):
        guarded(Names(x_org=[answer]), Wire(errors)).connect(
            "x.org", 80, 5, "listed"
        )


def test_all_addresses_are_checked_but_few_are_tried() -> None:
    many = [f"93.184.216.{n}" for n in range(1, 200)]
    wire = Wire({each: ConnectionRefusedError() for each in many})
    with pytest.raises(ConnectionRefusedError):
        guarded(Names(x_org=[many]), wire).connect("x.org", 80, 5, "listed")
    assert wire.contacted == many[: guard.MAX_TRIED_ADDRESSES]
    assert contacted("x.org", [*many, PRIVATE]) == []


def test_a_real_connection_has_no_delay_and_the_timeout_that_was_asked_for() -> (
    None
):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        judge = Guard(
            AllowList([f"localhost:{port}"]), refused_ports=frozenset()
        )
        with judge.connect("localhost", port, 3, "listed") as sock:
            assert sock.getpeername() == ("127.0.0.1", port)
            assert sock.gettimeout() == 3
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        with pytest.raises(Refused, match="allowed hosts"):
            judge.connect("127.0.0.1", port, 3, "listed")
    with pytest.raises(ConnectionRefusedError):
        dial(ipaddress.ip_address("127.0.0.1"), port, 3)


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
def test_errors_survive_a_process_boundary_and_have_their_kinds(
    error: OSError, kind: str
) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.__dict__) == (
        type(error),
        "no x",
        error.__dict__,
    )
    assert isinstance(copy, OSError)
    assert not isinstance(copy, TimeoutError)
    assert (failure_of(copy).kind, failure_of(copy).message) == (kind, "no x")
