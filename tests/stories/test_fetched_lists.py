"""Lists that the program fetches: what they may name, how they last, and what costs nothing."""

from __future__ import annotations

import gzip
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.desk.fetched_lists import FOLDER, FetchedLists, ListUrl
from scraper.errors import UsageError
from scraper.faulty import FaultyServer, body, page, redirect, robots, status
from scraper.runner import Run
from scraper.sources.source import Source, file_source
from tests.conftest import Scrape
from tests.stories.runs import (
    PUBLIC,
    Names,
    Wire,
    internet,
    last_of,
    records_of,
)

INSIDE = "10.1.2.3"
METADATA = "http://169.254.169.254/latest"
NAMES = {
    "public.test": PUBLIC,
    "inside.test": INSIDE,
    "turned.test": [PUBLIC, INSIDE],
}


class World:
    """A server, names that lead to it, and runs over lists that are fetched from them."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder
        self.run_folder = folder / "run"
        self.server = server
        self.wire = Wire(server.port)
        self.makers = internet(Names(NAMES), self.wire)

    def serve(self, path: str, *urls: str) -> None:
        lines = "".join(f"{url}\n" for url in urls)
        self.server.behaviours[path] = body(lines.encode(), "text/plain")

    def config(self, **keys: Any) -> scraper.Config:
        usual = {"save_only": True, "robots": "off", "allow_hosts": []}
        return scraper.configure(dir=str(self.run_folder), **usual | keys)

    def run(
        self,
        *lists: str,
        own: Path | None = None,
        retry: Any = None,
        add_list: bool = False,
        **keys: Any,
    ) -> dict[str, dict[str, Any]]:
        config = self.config(**keys)
        with FetchedLists(config, self.makers) as fetched:
            urls = [fetched.check(each) for each in lists]
            sources = [] if own is None else [file_source(str(own))]
            for url in urls:
                sources += fetched.fetch(url)
            self.go(sources, config, retry=retry, add_list=add_list)
        return last_of(self.run_folder)

    def go(self, sources: list[Source], config: Any, **how: Any) -> None:
        with Run(sources, config, makers=self.makers, **how) as run:
            for _ in run:
                pass

    def kinds(self) -> dict[str, str | None]:
        return {
            url: each["error_kind"]
            for url, each in last_of(self.run_folder).items()
        }


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer({"/*": page("<p>here")}) as running:
        yield running


@pytest.fixture
def world(tmp_path: Path, server: FaultyServer) -> World:
    return World(tmp_path, server)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


# -- in whose name ------------------------------------------------------------------------------


def test_a_public_host_names_no_private_address(world: World) -> None:
    private = ["http://10.0.0.1/a", "http://127.0.0.1/a", "http://inside.test/"]
    world.serve("/list", *private, METADATA, "http://public.test/good")
    world.run("http://public.test/list")
    assert world.kinds() == {
        **dict.fromkeys([*private, METADATA], "private_address"),
        "http://public.test/good": None,
    }
    assert set(world.wire.contacted) == {PUBLIC}


def test_a_private_host_names_private_addresses_and_none_of_a_link(
    world: World,
) -> None:
    links = [METADATA, "http://[fe80::1]/", "http://169.254.0.1/a"]
    world.serve("/list", *links, "http://10.9.9.9/a", "http://public.test/b")
    world.run("http://inside.test/list")
    assert world.kinds() == {
        **dict.fromkeys(links, "private_address"),
        "http://10.9.9.9/a": None,
        "http://public.test/b": None,
    }


def test_it_is_the_last_host_on_the_way_that_names_them(world: World) -> None:
    world.server.behaviours["/moved"] = redirect("http://public.test/list")
    world.serve("/list", "http://inside.test/a")
    world.run("http://inside.test/moved")
    assert world.kinds() == {"http://inside.test/a": "private_address"}


def test_a_list_of_this_machine_names_what_a_fetched_one_may_not(
    world: World,
) -> None:
    own = world.folder / "own.txt"
    own.write_text("http://inside.test/a\n")
    both = "http://inside.test/a", "http://inside.test/b"
    world.serve("/list", *both)
    world.run("http://public.test/list", own=own)
    assert world.kinds() == dict(
        zip(both, (None, "private_address"), strict=True)
    )
    own.write_text("http://inside.test/b\nhttp://inside.test/a\n")
    world.run("http://public.test/list", own=own)
    world.run("http://public.test/list", own=own, retry=("private_address",))
    assert world.kinds() == dict.fromkeys(both)


def test_a_url_that_leaves_a_list_goes_to_one_of_this_machine_first(
    world: World,
) -> None:
    own, more = world.folder / "own.txt", world.folder / "more.txt"
    for path in (own, more):
        path.write_text("http://inside.test/a\n")
    world.serve("/list", "http://inside.test/a")
    world.run("http://public.test/list", own=own)
    world.run(own=more, add_list=True)
    own.write_text("http://public.test/b\n")
    world.run(own=own)
    ledger = world.run_folder / ".scraper" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as db:
        named = db.execute("""SELECT name FROM source JOIN url
            ON source.id = url.source WHERE url LIKE '%inside%'""").fetchall()
    assert named == [(str(more),)]


def test_the_trust_outlives_the_list_and_a_kill(world: World) -> None:
    """The folder goes on without the list: who has sent it is in the ledger from the start."""
    world.serve("/in", "http://10.0.0.1/a", "http://10.0.0.2/a")
    world.serve("/out", "http://10.0.0.3/a", "http://10.0.0.4/a")
    config = world.config()
    with FetchedLists(config, world.makers) as fetched:
        urls = "http://inside.test/in", "http://public.test/out"
        sources = [
            source
            for each in urls
            for source in fetched.fetch(fetched.check(each))
        ]
        with Run(sources, config, makers=world.makers) as run:
            ledger = run.folder / ".scraper" / "ledger.sqlite"
            next(run)
            with closing(sqlite3.connect(ledger)) as db:
                senders = db.execute(
                    "SELECT name, sender FROM source"
                ).fetchall()
                known = dict(db.execute("SELECT name, host_class FROM host"))
    assert senders == [(url, url) for url in urls]
    assert known["inside.test"] == "private"
    world.go([], config)
    assert world.kinds() == {
        "http://10.0.0.1/a": None,
        "http://10.0.0.2/a": None,
        "http://10.0.0.3/a": "private_address",
        "http://10.0.0.4/a": "private_address",
    }


def test_a_host_that_was_public_once_is_believed_no_more(world: World) -> None:
    world.serve("/list", "http://10.0.0.1/a")
    world.run("http://turned.test/list")
    assert world.kinds() == {"http://10.0.0.1/a": "private_address"}
    world.makers = internet(Names({"turned.test": INSIDE}), world.wire)
    world.run("http://turned.test/list", retry=("private_address",))
    assert world.kinds() == {"http://10.0.0.1/a": "private_address"}


def test_an_adopted_folder_trusts_its_fetched_list_no_more_than_before(
    world: World,
) -> None:
    world.serve("/list", "http://10.0.0.1/a", "http://public.test/b")
    world.run("http://public.test/list")
    (world.run_folder / ".scraper" / "ledger.sqlite").unlink()
    world.go([], world.config(), adopt=True, retry=("private_address",))
    (first, *_, last) = records_of(world.run_folder)
    assert first["pass"] < last["pass"]
    assert world.kinds()["http://10.0.0.1/a"] == "private_address"


# -- rules of the list's own URL ----------------------------------------------------------------


def test_a_list_that_may_not_be_asked_is_one_line_before_the_first_request(
    scrape: Scrape, server: FaultyServer
) -> None:
    good = server.url("/urls.txt")
    refused = scrape.here(
        "--list-url", good, "--list-url", "http://other.example/urls.txt"
    )
    assert refused.code == 2
    assert refused.stderr.count("\n") == 1
    assert (
        "the list http://other.example/urls.txt was not fetched: host_not_allowed"
        in refused.stderr
    )
    assert not server.seen
    metadata = scrape.here("--list-url", "ftp://127.0.0.1/a.csv")
    assert (metadata.code, metadata.stderr.count("\n")) == (2, 1)
    path = scrape.here("--list-url", "urls.csv")
    assert path.code == 2
    assert "urls.csv is no URL of a list" in path.stderr


@pytest.mark.parametrize(
    ("behaviour", "why"),
    [
        (status(404), "http_404: the server answered 404"),
        (redirect("http://other.example/list"), "host_not_allowed"),
        (redirect(METADATA), "private_address"),
        (body(b"", "text/csv"), "urls.csv is empty: there is no URL in it"),
        (page("<p>Please log in"), ""),
        (body(gzip.compress(b"x" * 99)[:-9], "text/csv"), "the compressed file is cut off"),
        (body(gzip.compress(bytes(2**21)), "text/csv"), "--max-body"),
        (body(b"url,id\nhttp://127.0.0.1/,7\n", "text/csv"), "no column 'link'"),
        (body(b"PAR1" + bytes(99), "text/csv"), ""),
    ],
)  # fmt: skip
def test_a_list_that_is_of_no_use_is_one_line_and_leaves_nothing(
    scrape: Scrape,
    server: FaultyServer,
    temporary: Path,
    behaviour: Any,
    why: str,
) -> None:
    server.behaviours["/urls.csv"] = behaviour
    networks = "169.254.169.254,127.0.0.1"
    done = scrape.here("--list-url", server.url("/urls.csv"), "--robots", "off",
                       "-R", "0", "--max-body", "1M", "--url-col", "link",
                       "--allow-hosts", networks)  # fmt: skip
    assert done.code == 2, done.stderr
    first, *others = done.stderr.splitlines()
    assert first.startswith("fetching the list http://127.0.0.1")
    assert len(others) == 1
    assert why in others[0]
    assert "Traceback" not in done.stderr
    assert not (scrape.folder / "run").exists()
    assert not list(temporary.glob(f"{FOLDER}*"))
    assert len(server.seen) == 1


def test_robots_hold_for_a_list(scrape: Scrape, server: FaultyServer) -> None:
    server.behaviours["/robots.txt"] = robots("User-agent: *\nDisallow: /lists")
    done = scrape.here("--list-url", server.url("/lists/urls.txt"))
    assert done.code == 2
    assert "robots_disallowed" in done.stderr
    assert [each.path for each in server.seen] == ["/robots.txt"]


# -- runs over it -------------------------------------------------------------------------------


def test_a_packed_table_is_read_like_one_of_this_machine(
    scrape: Scrape, server: FaultyServer, temporary: Path
) -> None:
    rows = f"id;link;home\n7;{server.url('/a')};{server.url('/')}\n8;;\n"
    server.behaviours["/lists/urls.csv.gz"] = body(gzip.compress(rows.encode()))
    url = server.url("/lists/urls.csv.gz?token=geheim0123456789")
    own = scrape.list_of(server.url("/own"))
    flags = ("--robots", "off", "--url-col", "link", "--columns", "id",
             "--name-col", "id")  # fmt: skip
    done = scrape.here("--list-url", url, *flags, dir=None)
    folder = scrape.folder / "downloads" / "urls"
    assert done.code == 3, done.stderr
    shown = server.url("/lists/urls.csv.gz?token=***")
    assert f"fetching the list {shown}\n" in done.stderr
    found = [
        (each["url"], each["line"], each["input"], each["source"])
        for each in records_of(folder)
    ]
    assert sorted(found) == [
        ("", 3, {"id": "8"}, shown),
        (server.url("/a"), 2, {"id": "7"}, shown),
    ]
    assert (folder / "pages" / "7.html").is_file()
    assert not list(temporary.glob(f"{FOLDER}*"))
    joined = scrape.here(own, "--list-url", url, "--robots", "off", "--add-list",
                         "--url-col", "link", dir="downloads/urls")  # fmt: skip
    assert joined.code == 3, joined.stderr
    for name in ("records.jsonl", "errors.jsonl", "summary.json", "run.log"):
        assert b"geheim" not in (folder / name).read_bytes()
    assert "geheim" not in done.stderr + joined.stderr


def test_each_run_fetches_it_again_and_forgets_what_it_names_no_more(
    scrape: Scrape, server: FaultyServer
) -> None:
    def serve(*paths: str) -> None:
        lines = "".join(f"{server.url(path)}\n" for path in paths)
        server.behaviours["/urls.txt"] = body(lines.encode(), "text/plain")

    url = server.url("/urls.txt")
    flags = ("--list-url", url, "--robots", "off", "-R", "0")
    serve("/a", "/b")
    assert scrape.here(*flags, "--max-urls", "1").code == 5
    assert scrape.here(*flags).code == 0
    serve("/b", "/c")
    refreshed = scrape.here(*flags, "--refresh")
    assert refreshed.code == 0
    assert "1 done · 1 unchanged" in refreshed.stderr
    assert [server.count(f"/{each}") for each in "abc"] == [1, 2, 1]
    before = (scrape.folder / "run" / "records.jsonl").read_bytes()
    server.behaviours["/urls.txt"] = status(500)
    gone = scrape.here(*flags, "--refresh")
    assert gone.code == 2
    assert gone.stderr.splitlines()[-1].startswith(
        f"error: the list {url} was not fetched: http_500"
    )
    assert (scrape.folder / "run" / "records.jsonl").read_bytes() == before
    assert server.count("/b") == 2


def test_another_list_of_that_name_is_refused_without_its_secrets(
    scrape: Scrape, server: FaultyServer
) -> None:
    for number in (1, 2):
        lines = f"{server.url(f'/{number}')}\n".encode()
        server.behaviours[f"/{number}/urls.txt"] = body(lines, "text/plain")
    first = server.url("/1/urls.txt?token=geheim0123456789")
    other = server.url("/2/urls.txt?token=geheim0123456789")
    assert scrape.here("--list-url", first, "--robots", "off").code == 0
    refused = scrape.here("--list-url", other, "--robots", "off")
    assert refused.code == 2
    assert "/1/urls.txt?token=***), and knows too few URLs of" in refused.stderr
    assert "geheim" not in refused.stderr
    changed = first.replace("geheim", "anders")
    joined = scrape.here("--list-url", other, "--list-url", changed,
                         "--add-list", "--robots", "off")  # fmt: skip
    assert joined.code == 0
    named = {each["source"] for each in records_of(scrape.folder / "run")}
    assert not any("geheim" in each or "anders" in each for each in named)


def test_a_script_names_a_list_that_is_fetched(
    tmp_path: Path, server: FaultyServer, temporary: Path
) -> None:
    lines = f"{server.url('/a')}\n{server.url('/b')}\n".encode()
    server.behaviours["/urls"] = body(lines, "text/plain")
    list = ListUrl(server.url("/urls"))
    config = scraper.configure(
        dir=str(tmp_path / "run"), robots="off", save_only=True
    )
    with scraper.stream(list, config) as outcomes:
        assert sorted(each.url for each in outcomes) == lines.decode().split()
        assert os.listdir(temporary)
    assert not os.listdir(temporary)
    report = scraper.run(list, config, refresh=True)
    assert report.states == {"unchanged": 2}
    with pytest.raises(UsageError, match="is called 'nope'"):
        scraper.stream(list, config, retry=["nope"])
    server.behaviours["/urls"] = status(404)
    with pytest.raises(UsageError, match="was not fetched: http_404"):
        scraper.run(list, config)
    assert not os.listdir(temporary)
