"""`explain URL` tells what a run would decide, and leaves nothing behind."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
import scraper.cli.explain
from scraper.cli import main
from scraper.faulty import (
    FaultyServer,
    body,
    page,
    redirect,
    redirect_chain,
    robots,
    status,
)
from scraper.model import HostState
from scraper.storage import file_names
from scraper.storage.ledger import Ledger
from scraper.storage.readers.status import owners_of
from scraper.storage.schema import SCHEMA
from scraper.urls import parts_of
from tests.stories.runs import (
    PUBLIC,
    Names,
    Wire,
    internet,
    records_of,
    run_with,
)

RULES = (
    "User-agent: *\nDisallow: /private\nAllow: /private/open\nCrawl-delay: 2\n"
)

posix = pytest.mark.skipif(os.name == "nt", reason="pipes of POSIX")

Explain = Callable[..., dict[str, list[dict[str, Any]]]]


@pytest.fixture
def explain(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Explain:
    """Runs `explain` in an empty folder; gives the steps by name, and checks text and folder."""
    monkeypatch.chdir(tmp_path)

    def shown(url: str, *flags: str) -> dict[str, list[dict[str, Any]]]:
        assert main(["explain", url, *flags, "--json"]) == 0
        as_json = capsys.readouterr().out
        assert main(["explain", url, *flags]) == 0
        text = capsys.readouterr().out
        steps: dict[str, list[dict[str, Any]]] = {}
        for step in json.loads(as_json)["steps"]:
            assert step["step"] in text.splitlines()
            steps.setdefault(step["step"], []).append(step)
        for name in ("verdict", "state", "message", "retry", "canonical"):
            for step in itertools.chain.from_iterable(steps.values()):
                if name in step:
                    shown = "-" if step[name] is None else step[name]
                    assert f"  {name}: {shown}" in text.splitlines()
        assert os.listdir(tmp_path) == []
        return steps

    return shown


def test_a_page_that_is_fine(explain: Explain) -> None:
    answer = page("<p>fine", {"X-Robots-Tag": "noai", "ETag": '"1"'})
    with FaultyServer({"/robots.txt": robots(RULES), "/a": answer}) as server:
        shown = explain(
            server.url("/x/../a#top"), "--contact", "me@example.com"
        )
        [url], [guard], [rules] = (
            shown["url"],
            shown["guard"],
            shown["robots.txt"],
        )
        assert url["canonical"] == server.url("/a")
        assert guard["verdict"] == "may be asked"
        assert (rules["verdict"], rules["rule"], rules["crawl_delay"]) == (
            "allowed",
            None,
            2.0,
        )
        [request], [answered], [content], [outcome] = (
            shown[name] for name in ("request", "answer", "content", "outcome")
        )
        assert request["address"] == "127.0.0.1"
        assert request["sent"]["User-Agent"].endswith("(+me@example.com)")
        assert (
            server.seen_of("/a")[0].headers["user-agent"]
            == request["sent"]["User-Agent"]
        )
        assert answered["status"] == 200
        assert answered["headers"]["etag"] == '"1"'
        assert set(answered["seconds"]) == {"connect", "first_byte", "all"}
        assert (content["kind"], content["type"]) == ("page", "text/html")
        assert content["x_robots_tag"] == ["noai"]
        assert outcome["state"] == "done"
        url = parts_of(server.url("/a"))
        assert outcome["saved_as"] == [
            file_names.path_of(url, "page", "text/html")
        ]
        assert server.count("/a") == 2  # once for the text, once for the JSON


def test_a_redirect_is_shown_hop_by_hop(explain: Explain) -> None:
    with FaultyServer() as server:
        target = server.url("/b", "b.localhost")
        server.behaviours |= {
            "/a": redirect(target, 301),
            "//b.localhost/b": page("b"),
        }
        shown = explain(server.url("/a"))
        assert shown["redirect"] == [
            {"step": "redirect", "status": 301, "to": target}
        ]
        assert [each["named_by"] for each in shown["guard"]] == [
            "listed",
            "private",
        ]
        assert [each["url"] for each in shown["request"]] == [
            server.url("/a"),
            target,
        ]
        assert len(shown["robots.txt"]) == 2
        [outcome] = shown["outcome"]
        # the record belongs to what was asked for
        assert "127.0.0.1" in outcome["saved_as"][0]


def test_a_circle_ends_as_in_a_run(explain: Explain) -> None:
    with FaultyServer({"/a": redirect("/b"), "/b": redirect("/a")}) as server:
        shown = explain(server.url("/a"), "--robots", "off")
        assert shown["outcome"][0]["kind"] == "too_many_redirects"
        assert server.count() == 4


def test_the_line_of_robots_txt_that_decides_is_named(explain: Explain) -> None:
    with FaultyServer(
        {"/robots.txt": robots(RULES), "/*": page("x")}
    ) as server:
        shown = explain(server.url("/private/a"))
        assert shown["robots.txt"][0]["rule"] == "Disallow: /private"
        assert shown["robots.txt"][0]["verdict"] == "disallowed"
        [outcome] = shown["outcome"]
        assert (outcome["state"], outcome["kind"]) == (
            "skipped",
            "robots_disallowed",
        )
        assert outcome["retry"] == "not retried"
        assert not server.count("/private/a")

        shown = explain(server.url("/private/open"))
        assert shown["robots.txt"][0]["rule"] == "Allow: /private/open"
        assert shown["outcome"][0]["state"] == "done"

        shown = explain(server.url("/private/a"), "--robots", "report")
        assert shown["robots.txt"][0]["verdict"] == "disallowed"
        assert shown["outcome"][0]["state"] == "done"


def test_a_host_without_an_answer_to_robots_txt(explain: Explain) -> None:
    with FaultyServer({"/robots.txt": status(500), "/*": page("x")}) as server:
        shown = explain(server.url("/a"))
        assert shown["outcome"][0]["kind"] == "http_500"
        assert shown["outcome"][0]["retry"] == (
            "the host is asked again after 0 s, within the patience"
        )
        assert not server.count("/a")
        assert server.count("/robots.txt") == 2, (
            "a run waits and asks again; once for each format here"
        )
        [request] = shown["robots.txt request"]
        assert request["answer"].startswith("http_500: ")


def test_a_404_and_how_a_503_would_be_retried(explain: Explain) -> None:
    with FaultyServer({"/busy": status(503, {"Retry-After": "7"})}) as server:
        [outcome] = explain(server.url("/gone"), "--robots", "off")["outcome"]
        assert (outcome["state"], outcome["kind"]) == ("failed", "http_404")
        assert outcome["retry"] == "not retried"
        shown = explain(
            server.url("/busy"), "--robots", "off", "--retries", "3"
        )
        [outcome] = shown["outcome"]
        assert outcome["kind"] == "http_503"
        assert outcome["retry"] == (
            "the host is asked again after 7 s, within the patience"
        )
        assert shown["answer"][0]["headers"]["retry-after"] == "7"


@pytest.mark.parametrize(
    ("url", "flags", "kind"),
    [
        (
            "http://elsewhere.localhost/",
            ("--allow-hosts", "a.localhost"),
            "host_not_allowed",
        ),
        ("http://a.localhost:25/", (), "port_not_allowed"),
        ("http://127.0.0.1/", ("--private", "never"), "private_address"),
    ],
)
def test_what_is_refused_is_not_contacted(
    explain: Explain,
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    flags: tuple[str, ...],
    kind: str,
) -> None:
    def contacted(*_: object) -> None:
        raise AssertionError("no host may be contacted")

    monkeypatch.setattr("scraper.guard.guard.dial", contacted)
    shown = explain(url, *flags)
    assert shown["guard"][0]["verdict"].startswith(f"{kind}: ")
    assert (shown["outcome"][0]["state"], shown["outcome"][0]["kind"]) == (
        "skipped",
        kind,
    )
    assert "request" not in shown


def test_a_line_that_is_no_url(explain: Explain) -> None:
    shown = explain("ftp://files.example/")
    assert shown["url"][0]["verdict"].startswith("failed bad_scheme: ")
    assert list(shown) == ["url", "outcome"], "it is not asked"
    assert (shown["outcome"][0]["state"], shown["outcome"][0]["kind"]) == (
        "failed",
        "bad_scheme",
    )


@pytest.mark.parametrize(
    "line", ["- {}", '"{}",', "<{}>  # the second", "[a page]({})", "1. {}"]
)
def test_the_argument_is_read_as_a_line_of_a_list(
    explain: Explain, line: str
) -> None:
    with FaultyServer({"/a": page("a")}) as server:
        shown = explain(
            line.format(server.url("/a")), "--robots", "off", "--save-only"
        )
        assert shown["url"][0]["canonical"] == server.url("/a")
        assert shown["outcome"][0]["state"] == "done"


def test_a_comment_is_no_url(explain: Explain) -> None:
    [step] = explain("# http://127.0.0.1/")["url"]
    assert step["verdict"] == "a comment, or nothing"


HTML = (
    "<html lang=en><title>A  page</title><meta name=description content='all of it'>"
    "<meta name=robots content=noai><a href=/b>b</a><a href=/c>c</a><img src=/i.png><p>text"
)


def test_the_facts_of_a_page_are_those_of_a_run(
    explain: Explain, tmp_path: Path
) -> None:
    with FaultyServer({"/a": page(HTML)}) as server:
        shown = explain(server.url("/a"), "--robots", "off")
        config = scraper.configure(
            dir=str(tmp_path / "run"),
            robots="off",
            processes=1,
            page_images="none",
        )
        scraper.run([server.url("/a")], config)
        [record] = records_of(tmp_path / "run")
    [facts] = shown["page"]
    for name in (
        "title",
        "description",
        "canonical",
        "language",
        "charset",
        "robots_meta",
    ):
        assert facts[name] == record[name]
    assert facts["title"] == "A page"
    assert [facts[name] for name in ("links", "images", "text")] == [
        len(record[name]) for name in ("links", "images", "text")
    ]
    assert shown["outcome"][0]["saved_as"] == [record["path"]]


def test_the_facts_of_a_picture_and_what_would_be_made_of_it(
    explain: Explain, tmp_path: Path
) -> None:
    file = io.BytesIO()
    Image.new("RGB", (800, 400), "red").save(file, "PNG")
    with FaultyServer({"/a.png": body(file.getvalue(), "image/png")}) as server:
        shown = explain(
            server.url("/a.png"), "--robots", "off", "--resize", "100"
        )
        config = scraper.configure(
            dir=str(tmp_path / "run"), robots="off", processes=1, resize=100
        )
        scraper.run([server.url("/a.png")], config)
        [record] = records_of(tmp_path / "run")
    [picture] = shown["image"]
    for name in (
        "format",
        "mode",
        "original_width",
        "original_height",
        "frames",
    ):
        assert picture[name] == record[name]
    [variant] = shown["variant"]
    assert {name: variant[name] for name in record["processed"][0]} == record[
        "processed"
    ][0]
    assert (variant["width"], variant["height"]) == (100, 50)
    assert shown["outcome"][0]["saved_as"] == [record["path"], variant["path"]]


@pytest.mark.parametrize(
    ("path", "flags", "end"),
    [
        ("/broken.png", (), ("failed", "image_truncated")),
        (
            "/broken.png",
            ("--min-filesize", "1M"),
            ("skipped", "filtered_bytes"),
        ),
        ("/a", ("--obey", "noai"), ("skipped", "robots_directive")),
        (
            "/silent",
            ("--html", "tests.cli.test_explain:fail"),
            ("failed", "function_failed"),
        ),
    ],
)
def test_a_body_that_is_not_kept_is_explained_as_it_ends(
    explain: Explain, path: str, flags: tuple[str, ...], end: tuple[str, str]
) -> None:
    broken = body(b"\x89PNG\r\n\x1a\n" + b"no picture" * 9, "image/png")
    with FaultyServer(
        {"/broken.png": broken, "/a": page(HTML), "/silent": page("")}
    ) as server:
        [outcome] = explain(server.url(path), "--robots", "off", *flags)[
            "outcome"
        ]
    assert (outcome["state"], outcome["kind"]) == end
    assert "saved_as" not in outcome


def fail(page: object) -> None:
    raise ValueError("no")


def test_a_name_is_shown_with_its_address(
    explain: Explain, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultyServer({"/": page("x")}) as server:
        from scraper.cli import one_request as module
        from scraper.guard.allowlist import AllowList
        from scraper.guard.guard import Guard
        from scraper.guard.resolver import Resolver

        names, wire = Names({"a.test": PUBLIC}), Wire(server.port)
        monkeypatch.setattr(
            module,
            "guard_of",
            lambda config: Guard(
                AllowList([]), resolver=Resolver(names), connect=wire
            ),
        )
        shown = explain("http://a.test/", "--robots", "off")
        assert shown["request"][0]["address"] == PUBLIC


INSIDE = "10.0.0.5"
PUBLIC_TOO = "93.184.216.35"
NAMES = {"a.test": PUBLIC, "b.test": PUBLIC_TOO, "inside.test": INSIDE}
WAYS: dict[str, dict[str, Any]] = {
    "robots.txt to a private name": {
        "//a.test/robots.txt": redirect("http://inside.test/robots.txt"),
    },
    "robots.txt to a private address": {
        "//a.test/robots.txt": redirect(f"http://{INSIDE}/robots.txt"),
    },
    "robots.txt by way of another host": {
        "//a.test/robots.txt": redirect("http://b.test/robots.txt"),
        "//b.test/robots.txt": redirect("http://inside.test/robots.txt"),
    },
    "robots.txt of where the URL leads": {
        "//a.test/": redirect("http://b.test/"),
        "//b.test/robots.txt": redirect("http://inside.test/robots.txt"),
    },
    "the URL to a private name": {"//a.test/": redirect("http://inside.test/")},
    "the URL to a private address": {
        "//a.test/": redirect(f"http://{INSIDE}/")
    },
    "robots.txt to another port": {
        "//a.test/robots.txt": redirect("http://b.test:25/robots.txt"),
    },
    "robots.txt to a host that is not allowed": {
        "//a.test/robots.txt": redirect("http://elsewhere.test/robots.txt"),
    },
    "robots.txt in a circle": {"//a.test/robots.txt": redirect("/robots.txt")},
    "robots.txt that redirects for ever": {
        "//a.test/robots.txt": redirect_chain(9)
    },
    "robots.txt to what is no URL": {
        "//a.test/robots.txt": redirect("http://[")
    },
    "robots.txt that forbids": {
        "//a.test/robots.txt": robots("User-agent: *\nDisallow: /")
    },
    "robots.txt of where the URL leads that forbids": {
        "//a.test/": redirect("http://b.test/"),
        "//b.test/robots.txt": robots("User-agent: *\nDisallow: /"),
    },
    "a page that asks not to be used": {
        "//a.test/": page("a", {"X-Robots-Tag": "noindex"})
    },
    "robots.txt that refuses": {"//a.test/robots.txt": status(503)},
    "the URL in a circle": {"//a.test/": redirect("/")},
    "the URL that redirects for ever": {"//a.test/": redirect_chain(20)},
}
ALLOWED = ["a.test", "b.test", "inside.test", INSIDE]


@pytest.mark.parametrize("way", WAYS)
def test_a_run_and_its_explanation_ask_the_same_and_end_the_same(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviours = {"//a.test/": page("a"), "//b.test/": page("b"), **WAYS[way]}
    keys = {"allow_hosts": ALLOWED, "retries": 0, "retry_wait_seconds": 0.01, "save_only": True,
            "obey": ["noindex"]}  # fmt: skip
    with FaultyServer(behaviours) as server:
        wire = Wire(server.port)
        config = scraper.configure(dir=str(tmp_path / "run"), **keys)
        run_with(internet(Names(dict(NAMES)), wire), ["http://a.test/"], config)
        [record] = records_of(tmp_path / "run")
        asked = [(seen.host, seen.path) for seen in server.seen]
        contacted = set(wire.contacted)
        wire.contacted.clear()
        guard = internet(Names(dict(NAMES)), wire).guard
        monkeypatch.setattr("scraper.cli.one_request.guard_of", guard)
        steps = scraper.cli.explain.explain(
            "http://a.test/", scraper.configure(**keys)
        ).steps
        again = [(seen.host, seen.path) for seen in server.seen][len(asked) :]
    assert INSIDE not in wire.contacted
    # a run asks some of them again
    assert dict.fromkeys(again) == dict.fromkeys(asked)
    assert set(wire.contacted) == contacted
    assert steps[-1]["state"] == record["state"]
    if record["error_kind"] == "robots_unreachable":
        # It asks once, and says that a run would wait and ask again.
        assert steps[-1]["message"] in record["error_message"]
        return
    assert steps[-1].get("kind") == record["error_kind"]
    assert steps[-1].get("message") == record["error_message"]


@pytest.mark.parametrize("header", ["Authorization: Bearer hush", "authorization: hush",
                                    "Cookie: a=hush", "X-Api-Key: hush"])  # fmt: skip
def test_secrets_that_are_sent_are_not_shown(
    explain: Explain, capsys: pytest.CaptureFixture[str], header: str
) -> None:
    with FaultyServer({"/": page("x", {"Set-Cookie": "sid=hush"})}) as server:
        shown = explain(
            f"http://me:hush@127.0.0.1:{server.port}/?token=hush",
            "-H",
            header,
            "--robots",
            "off",
        )
        assert "hush" not in json.dumps(shown)
        name, _, value = header.partition(": ")
        # there the credentials of the URL go before it
        if name.lower() != "authorization":
            assert server.seen[0].headers[name.lower()] == value


def test_one_url_is_explained_at_a_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explain"]) == 2
    assert "explain takes one URL" in capsys.readouterr().err


def test_what_a_folder_knows_of_the_hosts_pace(
    explain: Explain, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("known")
    with FaultyServer({"/": page("<p>fine")}) as server:
        url = parts_of(server.url("/"))
        (folder / ".scraper").mkdir()
        ledger = Ledger(folder / ".scraper" / "ledger.sqlite")
        state = HostState(
            url.lane, url.host, learned_rate=9.4, refused_rate=10.1,
            rate_refused_at=time.time() - 720, rate_learned_at=time.time(),
        )  # fmt: skip
        ledger.hosts.keep(state)
        ledger.commit()
        ledger.close()
        (pace,) = explain(url.href, "--dir", str(folder))["pace"]
        assert pace["learned"] == (
            "9.4 requests/s (refused above 10.1 requests/s, 12 min ago)"
        )
        assert "pace" not in explain(url.href, "--dir", str(folder / "none"))


def spoil(ledger: Path, how: str) -> None:
    """A ledger that is none of ours."""
    if how == "garbage":
        ledger.write_bytes(b"no database" * 1_000)
    elif how == "a folder":
        ledger.mkdir()
    elif how == "a pipe":
        os.mkfifo(ledger)
    else:
        written = Ledger(ledger)
        written.commit()
        written.close()
    if how == "cut":
        os.truncate(ledger, 5_000)
    elif how in ("newer", "without a table"):
        db = sqlite3.connect(ledger)
        if how == "newer":
            db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
        else:
            db.execute("DROP TABLE host")
        db.close()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("garbage", "is damaged"),
        ("cut", "is damaged"),
        ("newer", "was written by a newer version"),
        ("without a table", "no such table: host"),
        ("a folder", "Is a directory"),
        pytest.param("a pipe", "it is a named pipe", marks=posix),
    ],
)
def test_a_folder_whose_ledger_cannot_be_read_is_one_clear_line(
    how: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".scraper").mkdir()
    spoil(tmp_path / ".scraper" / "ledger.sqlite", how)
    assert main(["explain", "http://127.0.0.1:1/", "-d", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert told.err.startswith("error: ")
    assert said in told.err


def test_a_folder_that_may_not_be_entered_is_one_clear_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As root anything may be entered, so the refusal is played."""
    ledger = tmp_path / ".scraper" / "ledger.sqlite"
    enter = os.stat

    def refuse(path: Any, **flags: Any) -> os.stat_result:
        if path == ledger:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return enter(path, **flags)

    monkeypatch.setattr(os, "stat", refuse)
    assert main(["explain", "http://127.0.0.1:1/", "-d", str(tmp_path)]) == 2
    assert "cannot read" in capsys.readouterr().err
    assert owners_of(ledger) is None


def test_an_empty_ledger_knows_nothing_of_the_pace(
    explain: Explain, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("empty")
    (folder / ".scraper").mkdir()
    (folder / ".scraper" / "ledger.sqlite").touch()
    with FaultyServer({"/": page("<p>fine")}) as server:
        steps = explain(server.url("/"), "--dir", str(folder))
    assert "pace" not in steps
    assert steps["outcome"][0]["state"] == "done"


def test_a_path_that_is_a_trap_is_named_with_its_figure(
    explain: Explain,
) -> None:
    with FaultyServer({"/*": page("<p>fine")}) as server:
        shown = explain(server.url("/a/b/a/b/a/b/a/b/"), "--robots", "off")
        [traps] = shown["traps"]
        assert traps["if_links_lead_here"].startswith(
            "trap_segments: its path says a/b/ 4 times in a row, more than 3"
        )
        # listed, it is asked all the same
        assert shown["outcome"][0]["state"] == "done"
        off = explain(
            server.url("/a/a/a/a/"), "--robots", "off", "--traps", "off"
        )
        assert "traps" not in off
