"""Nothing leaves: what public pages, redirects and name servers try, and whom it makes us contact.

Names, addresses and connections are made up: the wire leads everything to a local server and notes
the address that would have been contacted.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, page, redirect, robots
from tests.stories.runs import (
    HERE,
    PUBLIC,
    Names,
    Wire,
    internet,
    last_of,
    run_with,
)

OTHER = "93.184.216.35"
INSIDE = "10.1.2.3"
METADATA = "169.254.169.254"
# Every special range, and every spelling of one that a URL parser may take for something else.
_SPECIAL = """
    127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 017700000001 0x7f.1 127.0.0.1. 0177.0.0.01
    localhost localhost. any.localhost [::1] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1]
    [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::]
    0.0.0.0 0 [::] 10.0.0.1 167772161 012.0.0.1 0xa000001 [::ffff:10.0.0.1] 100.64.0.1
    172.16.0.1 192.168.1.1 192.0.0.1 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1
    240.0.0.1 255.255.255.255 4294967295 169.254.169.254 2852039166 0xa9fea9fe 169.254.43518
    [fe80::1] [fc00::1] [fd00:ec2::254] [ff02::1] [2001:db8::1] [fec0::1]
    [::ffff:169.254.169.254] 168.63.129.16 100.100.100.200
    １２７.０.０.１ ①②⑦.⓪.⓪.① 127。0。0。1 １６９.２５４.１６９.２５４ ⑩.0.0.1 ｌｏｃａｌｈｏｓｔ
    127%2e0%2e0%2e1
"""
SPECIAL = tuple(_SPECIAL.split())


class World:
    """A local server, names and a wire, and a run over some URLs of them."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder
        self.server = server
        self.names = Names(
            {"public.test": PUBLIC, "other.test": OTHER, "inside.test": INSIDE}
        )
        self.wire = Wire(server.port)

    def run(self, *urls: str, **keys: Any) -> dict[str, dict[str, Any]]:
        keys = {
            "save_only": True,
            "robots": "off",
            "retry_wait_seconds": 0.01,
        } | keys
        keys.setdefault("allow_hosts", [])
        config = scraper.configure(dir=str(self.folder / "run"), **keys)
        run_with(internet(self.names, self.wire), urls, config)
        return last_of(self.folder / "run")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with FaultyServer() as server:
        yield World(tmp_path, server)


def test_redirects_of_a_public_host_reach_no_special_address_in_any_spelling(
    world: World,
) -> None:
    for number, host in enumerate(SPECIAL):
        world.server.behaviours[f"/{number}"] = redirect(
            f"http://{host}/inside"
        )
    records = world.run(
        *(f"http://public.test/{number}" for number in range(len(SPECIAL)))
    )
    kinds = {
        host: records[f"http://public.test/{number}"]["error_kind"]
        for number, host in enumerate(SPECIAL)
    }
    assert kinds == dict.fromkeys(SPECIAL, "private_address")
    assert set(world.wire.contacted) == {PUBLIC}
    assert world.names.asked == ["public.test"]
    assert not world.server.count("/inside")


def test_so_it_is_for_the_images_that_a_public_page_names(world: World) -> None:
    images = "".join(
        f"<img src='http://{host}/{n}.png'>" for n, host in enumerate(SPECIAL)
    )
    world.server.behaviours["/"] = page(
        images + "<img src=//inside.test/a.png>"
    )
    records = world.run("http://public.test/", save_only=False, processes=1)
    found = {url: each for url, each in records.items() if each["parent"]}
    assert len(found) >= len(SPECIAL) // 2  # many spellings are one URL
    assert {each["error_kind"] for each in found.values()} == {
        "private_address"
    }
    assert {each["state"] for each in found.values()} == {"skipped"}
    assert set(world.wire.contacted) == {PUBLIC}


@pytest.mark.parametrize("host", ["inside.test", "inside.test."])
def test_a_private_name_is_not_reached_from_a_public_one(
    world: World, host: str
) -> None:
    world.server.behaviours["/"] = redirect(f"http://{host}/inside")
    records = world.run("http://public.test/")
    assert records["http://public.test/"]["error_kind"] == "private_address"
    assert set(world.wire.contacted) == {PUBLIC}


def test_a_page_that_a_private_host_redirected_to_a_public_one_is_a_public_page(
    world: World,
) -> None:
    world.server.behaviours |= {
        "//inside.test/": redirect("http://public.test/"),
        "//public.test/": page(f"<img src=http://{INSIDE}/secret.png>"),
    }
    records = world.run("http://inside.test/", save_only=False, processes=1)
    assert (
        records[f"http://{INSIDE}/secret.png"]["error_kind"]
        == "private_address"
    )
    assert world.wire.contacted == [INSIDE, PUBLIC]


def test_what_the_list_names_may_be_private_and_lead_to_private_hosts(
    world: World,
) -> None:
    world.server.behaviours |= {
        "//inside.test/": redirect(f"http://{INSIDE}/there"),
        "/there": page("fine"),
    }
    records = world.run("http://inside.test/", f"http://{INSIDE}/there")
    assert {each["state"] for each in records.values()} == {"done"}
    assert set(world.wire.contacted) == {INSIDE}


def test_link_local_is_asked_only_if_that_address_is_listed(
    world: World,
) -> None:
    world.names.answers["metadata.test"] = [METADATA]
    world.server.behaviours |= {
        "//inside.test/": redirect(f"http://{METADATA}/token"),
        "/token": page("listed"),
    }
    records = world.run("http://inside.test/", "http://metadata.test/token")
    assert {each["error_kind"] for each in records.values()} == {
        "private_address"
    }
    assert METADATA not in world.wire.contacted
    records = _again(world, f"http://{METADATA}/token")
    assert records[f"http://{METADATA}/token"]["state"] == "done"
    assert METADATA in world.wire.contacted


def _again(world: World, *urls: str, **keys: Any) -> dict[str, dict[str, Any]]:
    """Another run, in a folder of its own."""
    world.folder = world.folder / "again"
    return world.run(*urls, **keys)


@pytest.mark.parametrize("answer", [[PUBLIC, INSIDE], [INSIDE, PUBLIC], [PUBLIC, "::1"],
                                    [PUBLIC, METADATA]])  # fmt: skip
def test_mixed_answers_are_refused(world: World, answer: list[str]) -> None:
    world.names.answers["mixed.test"] = [answer]
    records = world.run("http://mixed.test/")
    assert records["http://mixed.test/"]["error_kind"] == "private_address"
    assert world.wire.contacted == []


def test_rebinding_between_check_and_connection_gains_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # the shortest TTL there is
    monkeypatch.setattr("scraper.guard.resolver.FOUND_SECONDS", 0.0)
    world.names.answers["rebinding.test"] = [PUBLIC, HERE]
    # Each answer closes its connection, so that the next one needs a look-up.
    world.server.behaviours["/*"] = page("mine", {"Connection": "close"})
    urls = [f"http://rebinding.test/{number}" for number in range(5)]
    records = world.run(*urls, threads=1, per_host=1)
    assert records[urls[0]]["state"] == "done"
    assert {records[url]["error_kind"] for url in urls[1:]} == {
        None,
        "private_address",
    } - {None}
    assert world.wire.contacted == [PUBLIC]
    assert len(world.names.asked) > 1


def test_a_name_that_was_public_last_night_is_not_private_tonight(
    world: World,
) -> None:
    world.names.answers["rebinding.test"] = [PUBLIC, INSIDE]
    world.server.behaviours["/*"] = page("mine")
    world.run("http://rebinding.test/1")
    records = world.run("http://rebinding.test/1", "http://rebinding.test/2")
    assert records["http://rebinding.test/2"]["error_kind"] == "private_address"
    assert world.wire.contacted == [PUBLIC]


def test_robots_txt_leads_nowhere_else_either(world: World) -> None:
    world.server.behaviours |= {
        "//public.test/robots.txt": redirect(f"http://{INSIDE}/robots.txt"),
        "//other.test/robots.txt": redirect("http://inside.test/robots.txt"),
        "/": page("fine"),
    }
    world.run("http://public.test/", "http://other.test/", robots="on")
    assert set(world.wire.contacted) == {PUBLIC, OTHER}


def test_each_hop_is_judged_again(world: World) -> None:
    world.server.behaviours |= {
        "//inside.test/": redirect("http://public.test/"),
        "//public.test/": redirect("http://inside.test/secret"),
    }
    records = world.run("http://inside.test/")
    assert records["http://inside.test/"]["error_kind"] == "private_address"
    assert world.wire.contacted == [INSIDE, PUBLIC]


def test_the_allow_list_holds_for_redirects_and_images(world: World) -> None:
    world.server.behaviours |= {
        "/away": redirect("http://other.test/"),
        "/page": page("<img src=http://other.test/a.png>"),
    }
    records = world.run("http://public.test/away", "http://public.test/page", save_only=False,
                     processes=1, allow_hosts=["public.test"])  # fmt: skip
    assert (
        records["http://public.test/away"]["error_kind"] == "host_not_allowed"
    )
    assert (
        records["http://other.test/a.png"]["error_kind"] == "host_not_allowed"
    )
    assert world.names.asked == ["public.test"]


@pytest.mark.parametrize("port", [22, 25, 110, 143, 6667, 10080])
def test_ports_of_other_protocols_are_refused_by_list_and_redirect(
    world: World, port: int
) -> None:
    world.server.behaviours["/"] = redirect(f"http://other.test:{port}/")
    records = world.run("http://public.test/", f"http://other.test:{port}/")
    assert {each["error_kind"] for each in records.values()} == {
        "port_not_allowed"
    }
    assert world.wire.contacted == [PUBLIC]


def test_deny_networks_win_over_the_list_and_allow_networks_open(
    world: World,
) -> None:
    world.server.behaviours |= {
        "/": redirect(f"http://{INSIDE}/in"),
        "/in": page("in"),
    }
    records = world.run("http://public.test/", allow_networks=["10.1.0.0/16"])
    assert records["http://public.test/"]["state"] == "done"
    records = _again(
        world,
        "http://inside.test/in",
        f"http://{INSIDE}/in",
        deny_networks=["10.0.0.0/8"],
    )
    assert {each["error_kind"] for each in records.values()} == {
        "private_address"
    }


# -- a proxy ----------------------------------------------------------------------------------


@pytest.fixture
def proxied(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """The server is the proxy of the environment; its request lines hold whole URLs."""
    monkeypatch.setenv("http_proxy", world.server.url())
    return world


def test_through_a_proxy_names_are_the_proxys_business_and_literals_ours(
    proxied: World,
) -> None:
    proxied.server.behaviours |= {
        "http://public.test/": redirect(f"http://{METADATA}/token"),
        "http://other.test/": page("fine"),
    }
    urls = ("http://public.test/", "http://other.test/", "http://unknown.test/")
    records = proxied.run(*urls)
    assert records[urls[0]]["error_kind"] == "private_address"
    assert records[urls[1]]["state"] == "done"
    assert records[urls[2]]["status"] == 404
    assert proxied.names.asked == []  # the proxy looks names up
    assert set(proxied.wire.contacted) == {HERE}
    assert {seen.path for seen in proxied.server.seen} == set(urls)


def test_the_proxy_itself_must_be_on_the_allow_list(proxied: World) -> None:
    records = proxied.run("http://public.test/", allow_hosts=["public.test"])
    assert records["http://public.test/"]["error_kind"] == "host_not_allowed"
    assert proxied.wire.contacted == []
    proxied.server.behaviours["http://public.test/"] = page("fine")
    records = _again(
        proxied, "http://public.test/", allow_hosts=["public.test", HERE]
    )
    assert records["http://public.test/"]["state"] == "done"


def test_a_run_through_a_proxy_says_what_the_guard_cannot_see(
    proxied: World,
) -> None:
    proxied.run("http://public.test/")
    log = (proxied.folder / "run" / "run.log").read_text()
    assert "proxy" in log
    assert "guard" in log


def test_no_proxy_means_a_direct_and_judged_connection(
    proxied: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "public.test,mixed.test")
    proxied.names.answers["mixed.test"] = [[PUBLIC, INSIDE]]
    proxied.server.behaviours["/"] = robots("fine")
    records = proxied.run("http://public.test/", "http://mixed.test/")
    assert records["http://public.test/"]["state"] == "done"
    assert records["http://mixed.test/"]["error_kind"] == "private_address"
    assert proxied.wire.contacted == [PUBLIC]
