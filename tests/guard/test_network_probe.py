"""Whether the network is there: what is asked, of whom, and what counts as an answer."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from queue import SimpleQueue

import pytest

from scraper.guard.guard import MAX_PLACES, Guard, Place
from scraper.guard.network_probe import NetworkProbe
from scraper.guard.resolver import RETRY_SECONDS, NotFound, Resolver
from scraper.messages import Message, NetworkProbed
from tests.guard.fakes import PRIVATE, PUBLIC, Clock, Names, Wire, guarded

REFUSED = ConnectionRefusedError(111, "Connection refused")
SILENT = TimeoutError("timed out")
GONE = socket.gaierror(socket.EAI_AGAIN, "try again")
PLACE = Place("a.org", 443, PUBLIC, "listed")


def is_there(guard: Guard, hosts: Sequence[str] = (), **how: object) -> bool:
    inbox: SimpleQueue[Message] = SimpleQueue()
    probe = NetworkProbe(guard, inbox.put, **how)  # type: ignore[arg-type]
    probe.start(hosts)
    probed = inbox.get(timeout=5)
    assert isinstance(probed, NetworkProbed)
    return probed.heard


# -- where connections were made to -----------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "heard"),
    [
        (None, True),
        (REFUSED, True),
        (SILENT, False),
        (OSError(101, "no"), False),
    ],
)
def test_a_place_that_answered_before_is_asked_again(
    error: OSError | None, heard: bool
) -> None:
    wire = Wire({PUBLIC: error} if error else {})
    guard = guarded(Names(), wire)
    guard.learn_places([PLACE])
    assert is_there(guard, ["b.org"]) is heard
    assert wire.contacted == [PUBLIC], "no name is looked up"
    assert all(each.closed for each in wire.sockets)


def test_one_of_several_places_is_enough_the_last_one_first() -> None:
    wire = Wire({PUBLIC: SILENT})
    guard = guarded(Names(), wire)
    guard.learn_places([Place("b.org", 80, "93.184.216.1", "listed"), PLACE])
    assert is_there(guard)
    assert wire.contacted == [PUBLIC, "93.184.216.1"]


@pytest.mark.parametrize(
    ("place", "options"),
    [
        (PLACE, {"patterns": ["b.org"]}),
        (PLACE, {"deny_networks": [f"{PUBLIC}/32"]}),
        (Place("a.org", 80, PRIVATE, "public"), {}),
        (Place("a.org", 25, PUBLIC, "listed"), {}),
    ],
)
def test_a_place_that_may_not_be_asked_any_more_is_not(
    place: Place, options: dict[str, object]
) -> None:
    wire = Wire()
    guard = guarded(Names(), wire, **options)
    guard.learn_places([place])
    assert not is_there(guard)
    assert wire.contacted == []


def test_the_last_few_places_are_remembered() -> None:
    names = Names(**{f"h{n}": [f"93.184.216.{n}"] for n in range(1, 9)})
    guard = guarded(names, Wire())
    for host in ("h1", "h2", "h3", "h4", "h5", "h6", "h4"):
        guard.connect(host, 80, 5, "listed")
    assert [each.host for each in guard.places] == ["h3", "h5", "h6", "h4"]
    assert len(guard.places) == MAX_PLACES
    other = guarded(names, Wire())
    other.learn_places(guard.places)
    assert other.places == guard.places


# -- names ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "heard"), [([PUBLIC], True), ([GONE], False), (None, True)]
)
def test_where_there_is_no_place_a_name_is_looked_up(
    answers: list[object] | None, heard: bool
) -> None:
    names = Names(**({} if answers is None else {"a_org": answers}))
    assert is_there(guarded(names, Wire()), ["a.org:8080"]) is heard
    assert set(names.asked) == {"a.org"}


def test_a_look_up_that_probes_passes_the_cache_by() -> None:
    names = Names(a_org=[PUBLIC, GONE])
    guard = guarded(names, Wire())
    guard.connect("a.org", 80, 5, "proxy")
    guard._places.clear()
    assert not is_there(guard, ["a.org"])
    assert names.asked == ["a.org"] * (2 + len(RETRY_SECONDS))


def test_what_could_not_be_looked_up_is_asked_again_at_once() -> None:
    failures = [GONE] * (1 + len(RETRY_SECONDS))
    names = Names(a_org=[*failures, PUBLIC], b_org=[PUBLIC])
    guard = guarded(names, Wire())
    for _ in range(2):
        with pytest.raises(OSError, match="cannot look up a"):
            guard.connect("a.org", 80, 5, "listed")
    guard.connect("b.org", 80, 5, "listed")
    guard.resolver.forget_failures()
    guard.connect("a.org", 80, 5, "listed")
    guard.connect("b.org", 80, 5, "listed")
    assert names.asked == [*["a.org"] * len(failures), "b.org", "a.org"]


def test_an_address_is_no_name_to_look_up() -> None:
    names = Names()
    assert not is_there(guarded(names, Wire()), ["127.0.0.1", "[::1]:80"])
    assert names.asked == []


# -- a proxy ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "heard"), [(None, True), (REFUSED, True), (SILENT, False)]
)
def test_through_a_proxy_the_proxy_is_asked_and_nothing_else(
    error: OSError | None, heard: bool
) -> None:
    wire = Wire({PRIVATE: error} if error else {})
    names = Names(proxy=[PRIVATE])
    guard = guarded(names, wire)
    guard.learn_places([PLACE])
    assert is_there(guard, ["b.org"], proxies=[("proxy", 3128)]) is heard
    assert (names.asked, wire.contacted) == (["proxy"], [PRIVATE])


# -- what the guard hears ---------------------------------------------------------------------


def test_the_guard_hears_connections_refusals_and_new_names() -> None:
    clock, dead = Clock(), "93.184.216.9"
    names = Names(a_org=[PUBLIC], b_org=[dead], c_org=["93.184.216.8"])
    wire = Wire({dead: REFUSED, "93.184.216.8": SILENT})
    guard = guarded(names, wire, clock=clock)
    assert guard.seconds_since_heard is None
    guard.learn({"d.org": "public"})
    assert guard.seconds_since_heard is None, "that was an earlier run"

    def heard(host: str) -> bool:
        clock.now += 100
        with contextlib.suppress(OSError):
            guard.connect(host, 80, 5, "listed")
        return guard.seconds_since_heard == 0

    assert heard("a.org")
    assert heard("a.org")
    assert heard("b.org")
    assert heard("c.org"), "its name was new"
    assert not heard("c.org"), "a name that is repeated may come from a cache"
    assert heard("no.org"), "there is no such name, says the resolver"
    clock.now -= 98
    assert not heard("no.org"), "but not twice"


def test_where_a_host_is_met_is_known_without_a_look_up() -> None:
    names = Names(a_org=[PUBLIC])
    guard = guarded(names, Wire())
    assert guard.address_of("a.org") == "a.org"
    guard.connect("a.org", 80, 5, "listed")
    assert guard.address_of("A.org:8080") == PUBLIC
    assert guard.address_of("127.0.0.1:8080") == "127.0.0.1"
    assert names.asked == ["a.org"]


# -- where the system cannot tell -------------------------------------------------------------


def test_where_a_system_cannot_tell_no_such_name_is_believed_the_second_time() -> (
    None
):
    clock, names = Clock(), Names()
    resolver = Resolver(names, clock=clock, is_doubtful=True)
    with pytest.raises(OSError, match=r"no\.org, or no network$") as first:
        resolver.addresses_of("no.org")
    assert not isinstance(first.value, NotFound)
    clock.now += 2
    with pytest.raises(NotFound):
        resolver.addresses_of("no.org")
    clock.now += 60
    with pytest.raises(NotFound):
        resolver.addresses_of("no.org")
    assert resolver.heard_at is None
    assert not resolver.is_there("no.org")
    assert Resolver(names, is_doubtful=False).is_there("no.org")


def test_names_that_were_doubted_are_forgotten_oldest_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("scraper.guard.resolver.MAX_DOUBTED_NAMES", 2)
    clock = Clock()
    resolver = Resolver(Names(), clock=clock, is_doubtful=True)

    def doubts(name: str) -> bool:
        clock.now += 60
        with pytest.raises(OSError, match="there is no host") as error:
            resolver.addresses_of(name)
        return not isinstance(error.value, NotFound)

    assert [doubts(name) for name in "abbca"] == [True, True, False, True, True]
