"""A refresh asks everything again, and what has not changed costs nothing."""

from __future__ import annotations

import io
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import (
    FaultyServer,
    body,
    etag,
    last_modified,
    page,
    redirect,
    status,
)
from scraper.faulty.server import Exchange
from scraper.record import SHORT_KEYS
from tests.conftest import PROJECT, Scrape
from tests.stories.runs import last_of, records_of

DATE = "Wed, 01 Jan 2025 00:00:00 GMT"
LATER = "Thu, 02 Jan 2025 00:00:00 GMT"


def _html(title: str, *images: str) -> bytes:
    tags = "".join(f"<img src={each}>" for each in images)
    return f"<title>{title}</title><p>{title}{tags}".encode()


def _picture(side: int = 60, colour: str = "red") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (side, side), colour).save(file, "PNG")
    return file.getvalue()


class Site:
    """A server, a run folder, and passes over a list."""

    def __init__(self, folder: Path, server: FaultyServer) -> None:
        self.folder = folder / "run"
        self.server = server

    def run(
        self,
        *paths: str,
        refresh: bool = False,
        retry: Sequence[str] | None = None,
        **keys: Any,
    ) -> scraper.Report:
        keys = {
            "robots": "off",
            "processes": 1,
            "retry_wait_seconds": 0.01,
        } | keys
        config = scraper.configure(dir=str(self.folder), **keys)
        urls = [
            path if "://" in path else self.server.url(path) for path in paths
        ]
        return scraper.run(urls, config, retry=retry, refresh=refresh)

    def last(self, path: str) -> dict[str, Any]:
        return last_of(self.folder)[self.server.url(path)]

    def answers(self, path: str) -> int:
        return self.server.count(path)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with FaultyServer() as server:
        yield Site(tmp_path, server)


@pytest.mark.parametrize(
    ("answer", "header"),
    [
        (etag(_html("same"), '"1"'), ("if-none-match", '"1"')),
        (etag(_html("same"), 'W/"1"'), ("if-none-match", 'W/"1"')),
        (last_modified(_html("same"), DATE), ("if-modified-since", DATE)),
    ],
    ids=["etag", "weak", "date"],
)
def test_what_has_not_changed_is_not_transferred_and_keeps_its_data(
    site: Site, answer: Any, header: tuple[str, str]
) -> None:
    site.server.behaviours["/"] = answer
    site.run("/")
    before = site.last("/")
    report = site.run("/", refresh=True)
    after = site.last("/")
    assert site.server.seen[1].headers[header[0]] == header[1]
    assert (report.number, report.states["unchanged"], report.wire_bytes) == (
        2,
        1,
        0,
    )
    assert report.exit_code == 0
    assert len(records_of(site.folder)) == 2
    assert after.keys() - before.keys() == {"same_as"}
    changed = {key for key in before if before[key] != after[key]}
    assert {"pass", "state", "status"} <= changed <= {"pass", "state", "status", "fetched_at",
                                                      "seconds"}  # fmt: skip
    assert (after["pass"], after["state"], after["status"]) == (
        2,
        "unchanged",
        304,
    )
    assert after["title"] == "same"
    assert (site.folder / after["path"]).read_bytes() == _html("same")


def test_so_it_stays_over_many_passes(site: Site) -> None:
    """Each names the one record that has the facts, whatever else was asked in between."""
    site.server.behaviours |= {
        "/": etag(_html("same")),
        "/changes": etag(_html("one"), '"1"'),
        "/gone": status(404),
    }
    paths = ("/", "/changes", "/gone")
    site.run(*paths)
    changed_in = 1
    for turn in range(10):
        if turn == 5:
            site.server.behaviours["/changes"] = etag(_html("two"), '"2"')
        report = site.run(*paths, refresh=True)
        if turn == 5:
            changed_in = report.number
        site.run(*paths, retry=())
        last = site.last("/")
        assert (last["state"], last["title"]) == ("unchanged", "same")
        assert (last["pass"], last["same_as"]) == (report.number, 1)
        other = site.last("/changes")
        assert other.get("same_as", other["pass"]) == changed_in
        assert other["title"] == ("one" if turn < 5 else "two")
    assert report.number == 20
    assert list(scraper.records(site.folder)) == [
        site.last(path) for path in paths
    ]


def test_an_unchanged_record_is_short_and_says_what_is_new(site: Site) -> None:
    site.server.behaviours |= {
        "/": etag(_html("same")),
        "/old": redirect("/"),
        "/page": etag(_html("page", "/a.png")),
        "/a.png": etag(_picture(), '"1"', "image/png"),
    }
    site.run("/old", "/page")
    site.run("/a.png", "/old", "/page", refresh=True)
    told = {
        each["url"]: each
        for each in records_of(site.folder)
        if each["pass"] == 2
    }
    old, picture = (told[site.server.url(path)] for path in ("/old", "/a.png"))
    assert set(picture) == set(SHORT_KEYS)
    assert set(picture["seconds"]) <= {"connect", "first_byte", "fetch"}
    assert set(old) == {*SHORT_KEYS, "redirects"}
    assert old["redirects"] == [{"url": site.server.url("/old"), "status": 302}]
    # The list names now what the page alone had named.
    assert (picture["parent"], picture["line"]) == (None, 1)
    filled = site.last("/a.png")
    assert (filled["parent"], filled["line"]) == (None, 1)
    assert filled["seconds"].keys() == {
        "connect",
        "first_byte",
        "fetch",
        "process",
    }


def test_whoever_is_given_outcomes_is_given_the_facts_too(site: Site) -> None:
    site.server.behaviours["/"] = etag(_html("same"))
    site.run("/")
    config = scraper.configure(dir=str(site.folder), robots="off", processes=1)
    urls = [site.server.url("/")]
    for refresh in (True, False):
        with scraper.stream(urls, config, refresh=refresh) as outcomes:
            (outcome,) = outcomes
        assert outcome.stored is not refresh
        assert outcome.record == site.last("/")
        assert pickle.loads(pickle.dumps(outcome)).record["title"] == "same"
        assert json.loads(outcome.line) == outcome.record


def test_standard_output_gets_the_facts_too(scrape: Scrape, site: Site) -> None:
    site.server.behaviours["/"] = etag(_html("same"))
    names = scrape.list_of(site.server.url("/"))
    scrape(names, "-p", "1", "--robots", "off")
    done = scrape(names, "-p", "1", "--robots", "off", "--refresh", "-o", "-")
    (told,) = map(json.loads, done.stdout.splitlines())
    assert told == last_of(done.folder)[site.server.url("/")]
    assert (told["state"], told["title"]) == ("unchanged", "same")


def test_what_was_not_changed_is_not_processed(site: Site) -> None:
    site.server.behaviours["/a.png"] = etag(_picture(), '"1"', "image/png")
    site.run("/a.png", resize=40)
    made = site.folder / site.last("/a.png")["processed"][0]["path"]
    os.utime(made, (1_000_000, 1_000_000))
    site.run("/a.png", refresh=True, resize=40)
    assert made.stat().st_mtime == 1_000_000
    assert site.last("/a.png")["processed"][0]["width"] == 40


def test_what_has_changed_is_done_anew_in_its_old_place(site: Site) -> None:
    site.server.behaviours |= {
        "/": etag(_html("old"), '"1"'),
        "/b": last_modified(_html("old"), DATE),
    }
    site.run("/", "/b")
    before = site.last("/")
    site.server.behaviours |= {
        "/": etag(_html("new"), '"2"'),
        "/b": last_modified(_html("new"), LATER),
    }
    report = site.run("/", "/b", refresh=True)
    assert report.states == {"done": 2}
    for path in ("/", "/b"):
        assert (site.last(path)["title"], site.last(path)["pass"]) == ("new", 2)
    assert site.last("/")["path"] == before["path"]
    assert (site.folder / before["path"]).read_bytes() == _html("new")
    assert site.last("/")["sha256"] != before["sha256"]


def test_a_body_of_another_type_replaces_the_file(site: Site) -> None:
    site.server.behaviours["/"] = etag(_html("page"), '"1"')
    site.run("/")
    old = site.folder / site.last("/")["path"]
    site.server.behaviours["/"] = etag(_picture(), '"2"', "image/png")
    site.run("/", refresh=True)
    assert site.last("/")["kind"] == "image"
    assert not old.exists()


def test_another_way_of_processing_starts_from_the_stored_body(
    site: Site,
) -> None:
    picture = _picture(60)
    site.server.behaviours["/a.png"] = etag(picture, '"1"', "image/png")
    site.run("/a.png", resize=40)
    report = site.run("/a.png", refresh=True, resize=20)
    after = site.last("/a.png")
    assert (after["state"], after["status"], report.wire_bytes) == (
        "done",
        304,
        0,
    )
    [made] = after["processed"]
    assert (made["width"], made["height"]) == (20, 20)
    with Image.open(site.folder / made["path"]) as image:
        assert image.size == (20, 20)
    assert (site.folder / after["path"]).read_bytes() == picture
    made_at = (site.folder / made["path"]).stat().st_mtime_ns
    site.run("/a.png", refresh=True, resize=20)
    assert (site.folder / made["path"]).stat().st_mtime_ns == made_at
    again = site.last("/a.png")
    assert (again["state"], again["same_as"]) == ("unchanged", 2)
    assert again["processed"] == [made]


def test_what_failed_is_asked_again_without_conditions(site: Site) -> None:
    site.server.behaviours |= {
        "/gone": status(404, {"ETag": '"1"'}),
        "/ok": etag(_html("ok")),
    }
    site.run("/gone", "/ok", "ftp://no.localhost/")
    report = site.run("/gone", "/ok", "ftp://no.localhost/", refresh=True)
    assert report.states == {"failed": 2, "unchanged": 1}
    assert site.answers("/gone") == 2
    assert "if-none-match" not in site.server.seen_of("/gone")[1].headers
    site.server.behaviours["/gone"] = page("back")
    assert site.run("/gone", "/ok", refresh=True).states == {
        "done": 1,
        "unchanged": 1,
    }


def test_what_was_good_and_fails_now_is_failed_and_comes_back_whole(
    site: Site,
) -> None:
    site.server.behaviours["/"] = etag(_html("good"), '"1"')
    site.run("/")
    site.server.behaviours["/"] = status(404)
    assert site.run("/", refresh=True).states == {"failed": 1}
    assert site.last("/")["error_kind"] == "http_status"
    site.server.behaviours["/"] = etag(_html("good"), '"1"')
    report = site.run("/", refresh=True)
    assert report.done == 1
    assert (site.folder / site.last("/")["path"]).read_bytes() == _html("good")
    assert site.last("/")["title"] == "good"
    assert site.last("/")["error_kind"] is None


def test_a_picture_that_could_not_be_used_is_transferred_again(
    site: Site,
) -> None:
    site.server.behaviours["/a.png"] = etag(_picture()[:60], '"1"', "image/png")
    assert site.run("/a.png").states == {"failed": 1}
    assert site.run("/a.png", refresh=True).states == {"failed": 1}
    assert "if-none-match" not in site.server.seen[1].headers


def test_images_of_pages_that_have_not_changed_are_asked_too(
    site: Site,
) -> None:
    site.server.behaviours |= {
        "/": etag(_html("page", "/a.png", "/b.png")),
        "/a.png": etag(_picture(10), '"1"', "image/png"),
        "/b.png": etag(_picture(20), '"1"', "image/png"),
    }
    site.run("/")
    site.server.behaviours["/b.png"] = etag(_picture(30), '"2"', "image/png")
    report = site.run("/", refresh=True)
    assert report.states == {"unchanged": 2, "done": 1}
    assert (site.last("/a.png")["state"], site.last("/b.png")["state"]) == (
        "unchanged",
        "done",
    )
    assert site.last("/b.png")["parent"] == site.server.url("/")
    assert len(records_of(site.folder)) == 6


def test_images_that_a_page_names_no_more_are_not_asked(site: Site) -> None:
    site.server.behaviours |= {
        "/": etag(_html("page", "/a.png"), '"1"'),
        "/a.png": etag(_picture(10), '"1"', "image/png"),
    }
    site.run("/")
    site.server.behaviours["/"] = etag(_html("page"), '"2"')
    for _ in range(2):  # the second time the page itself has not changed
        site.run("/", refresh=True)
    assert site.answers("/a.png") == 1


def test_what_the_list_names_no_more_is_not_asked(tmp_path: Path) -> None:
    with FaultyServer({"/*": etag(_html("x"))}) as server:
        lst = tmp_path / "urls.txt"
        lst.write_text(
            "\n".join(server.url(path) for path in ("/1", "/2", "/3"))
        )
        config = scraper.configure(
            dir=str(tmp_path / "run"), robots="off", save_only=True
        )
        scraper.run(lst, config)
        lst.write_text(
            "\n".join(server.url(path) for path in ("/1", "/3", "/4"))
        )
        report = scraper.run(lst, config, refresh=True)
        assert report.states == {"unchanged": 2, "done": 1}
        assert server.count("/2") == 1
        assert last_of(tmp_path / "run")[server.url("/2")]["pass"] == 1


def test_a_body_that_was_removed_is_asked_for_without_conditions(
    site: Site,
) -> None:
    site.server.behaviours["/"] = etag(_html("here"))
    site.run("/")
    path = site.folder / site.last("/")["path"]
    path.unlink()
    assert site.run("/", refresh=True).states == {"done": 1}
    assert "if-none-match" not in site.server.seen[1].headers
    assert path.read_bytes() == _html("here")


def test_a_validator_holds_only_where_it_was_given(site: Site) -> None:
    site.server.behaviours |= {
        "/": redirect("/one"),
        "/one": etag(_html("one"), '"1"'),
        "/two": etag(_html("two"), '"1"'),
    }
    site.run("/")
    assert site.run("/", refresh=True).states == {"unchanged": 1}
    assert "if-none-match" not in site.server.seen_of("/")[1].headers
    assert site.server.seen_of("/one")[1].headers["if-none-match"] == '"1"'
    assert site.last("/")["redirects"] == [
        {"url": site.server.url("/"), "status": 302}
    ]
    site.server.behaviours["/"] = redirect("/two")
    assert site.run("/", refresh=True).states == {"done": 1}
    assert site.last("/")["title"] == "two"
    assert site.last("/")["final_url"] == site.server.url("/two")


def test_without_validators_everything_is_transferred_again(site: Site) -> None:
    site.server.behaviours["/"] = page("<title>same</title>")
    site.run("/")
    report = site.run("/", refresh=True)
    assert report.states == {"unchanged": 1}, "the bytes are the same"
    assert report.wire_bytes == len("<title>same</title>")
    told = records_of(site.folder)[-1]
    assert (told["same_as"], told["status"]) == (1, 200)
    parts = list((site.folder / ".scraper").rglob("*.part"))
    assert parts == []
    assert site.last("/")["title"] == "same"
    headers = site.server.seen[1].headers
    assert not {"if-none-match", "if-modified-since"} & set(headers)


def test_a_304_that_was_not_asked_for_is_no_answer(site: Site) -> None:
    site.server.behaviours["/"] = status(304)
    assert site.run("/").states == {"failed": 1}
    assert site.last("/")["status"] == 304


def test_a_resume_is_no_refresh(site: Site) -> None:
    site.server.behaviours["/"] = etag(_html("x"))
    site.run("/")
    site.run("/")
    assert site.answers("/") == 1


def test_a_killed_refresh_goes_on_as_one(tmp_path: Path) -> None:
    urls = 60
    runs: list[subprocess.Popen[bytes]] = []

    def answer(exchange: Exchange) -> None:
        seen = exchange.seen
        if len(runs) == 2 and seen.n == kill_at:
            runs[1].kill()
        picture = seen.path.endswith(".png")
        content = body_of(seen.path)
        etag(content, '"1"', "image/png" if picture else "text/html")(exchange)

    def body_of(path: str) -> bytes:
        return (
            _picture(9) if path.endswith(".png") else _html(path, f"{path}.png")
        )

    command = [sys.executable, "-m", "scraper", "urls.txt", "--dir", "run", "--robots", "off",
               "--no-progress", "-p", "1", "-j", "4"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}

    def start(*flags: str) -> int:
        runs.append(subprocess.Popen([*command, *flags], cwd=tmp_path, env=environment,
                                     stderr=subprocess.DEVNULL))  # fmt: skip
        return runs[-1].wait(60)

    with FaultyServer(answer) as server:
        # a list is twice as many requests: a picture a page
        kill_at = 2 * urls + urls
        (tmp_path / "urls.txt").write_text(
            "\n".join(server.url(f"/{n}") for n in range(urls))
        )
        assert start() == 0
        assert start("--refresh") == -signal.SIGKILL
        assert start() == 0  # plainly: it goes on with what was begun
        told = records_of(tmp_path / "run")
        second = [each for each in told if each["pass"] == 2]
        assert {each["pass"] for each in told} == {1, 2}
        assert len(second) == len({each["url"] for each in second}) == 2 * urls
        assert {each["state"] for each in second} == {"unchanged"}
        assert {each["same_as"] for each in second} == {1}
        facts = last_of(tmp_path / "run").values()
        assert all(each["pass"] == 2 and each["sha256"] for each in facts)
        asked = [seen.headers for seen in server.seen[2 * urls :]]
        assert all("if-none-match" in headers for headers in asked)


def test_files_without_processing_are_refreshed_alike(site: Site) -> None:
    site.server.behaviours["/f"] = etag(
        b"\0" * 50, '"1"', "application/octet-stream"
    )
    site.run("/f")
    assert site.run("/f", refresh=True).states == {"unchanged": 1}
    site.server.behaviours["/f"] = body(b"\1" * 50, "application/octet-stream")
    assert site.run("/f", refresh=True).states == {"done": 1}


def test_a_file_that_was_kept_under_another_name_moves_to_its_own(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Earlier versions called it by its type."""
    site.server.behaviours["/model.stl"] = body(
        b"\0solid", "application/octet-stream"
    )
    with monkeypatch.context() as patch:
        patch.setattr(
            "scraper.storage.file_names._own_extension", lambda name: ""
        )
        site.run("/model.stl")
    before = site.last("/model.stl")["path"]
    assert before.endswith(".bin")
    site.run("/model.stl", refresh=True)
    after = site.last("/model.stl")["path"]
    assert after == before.removesuffix(".bin") + ".stl"
    assert [each.name for each in (site.folder / after).parent.iterdir()] == [
        Path(after).name
    ]


def test_a_picture_that_was_removed_is_made_again(site: Site) -> None:
    site.server.behaviours["/a.png"] = etag(_picture(), '"1"', "image/png")
    site.run("/a.png")
    (made,) = (site.folder / "processed").rglob("*.png")
    made.unlink()
    site.run("/a.png", refresh=True)
    assert made.exists()
    assert site.server.seen_of("/a.png")[-1].headers["if-none-match"] == '"1"'
    assert site.last("/a.png")["state"] == "done"
    site.run("/a.png", refresh=True)
    last = site.last("/a.png")
    assert (last["state"], last["same_as"]) == ("unchanged", 2)
