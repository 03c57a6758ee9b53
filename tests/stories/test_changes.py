"""From night to night: what is told of URLs that change, go, come back, or cannot be had."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, body, etag, redirect, status
from scraper.record import decode
from tests.stories.changing import KEYS, ChangingSite

PATHS = [f"/{number}" for number in range(10)]
OLD, NEW = etag(b"<p>old", '"1"'), etag(b"<p>new", '"2"')


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChangingSite]:
    with FaultyServer({"/*": OLD}) as server:
        yield ChangingSite(server, tmp_path)


def test_the_first_pass_has_everything_as_new(site: ChangingSite) -> None:
    site.server.behaviours["/9"] = status(404)
    report = site.night(*PATHS)
    assert site.told(1) == dict.fromkeys(PATHS[:9], ("new",))
    assert report.changes == {"new": 9}
    assert "changes:" not in report.text()


def test_a_quiet_night_writes_nothing(site: ChangingSite) -> None:
    site.night(*PATHS)
    before = (site.folder / "changes.jsonl").read_bytes()
    report = site.night(*PATHS)
    assert (site.folder / "changes.jsonl").read_bytes() == before
    assert report.changes == {}
    assert report.exit_code == 0


def test_other_bytes_are_a_change(site: ChangingSite) -> None:
    site.night(*PATHS)
    site.server.behaviours["/3"] = NEW
    report = site.night(*PATHS)
    assert site.told(2) == {"/3": ("changed",)}
    (line,) = site.lines(2)
    assert (line["was"], line["before"]) == ("here", 1)
    places = line["before_offset"], line["offset"]
    records = (site.folder / "records.jsonl").read_bytes()
    before, after = (
        decode(records[place:].partition(b"\n")[0], line["url"])
        for place in places
    )
    assert (before["pass"], after["pass"]) == (1, 2)
    assert line["what"]["bytes"] == {
        "before": before["sha256"],
        "after": after["sha256"],
    }
    assert "changes: 1 changed" in report.text()


def test_it_is_compared_with_the_last_good_record(site: ChangingSite) -> None:
    """Not with a short one, nor with one that failed."""
    site.night(*PATHS)
    site.night(*PATHS)
    site.server.behaviours["/3"] = status(500)
    site.night(*PATHS)
    site.server.behaviours["/3"] = NEW
    site.night(*PATHS)
    (line,) = site.lines(4)
    assert (line["change"], line["was"]) == ("changed", "unknown")
    assert line["before"] == 1


def test_what_cannot_be_had_is_unknown_once_and_back_with_the_same(
    site: ChangingSite,
) -> None:
    site.night(*PATHS)
    site.server.behaviours["/3"] = status(500)
    site.server.behaviours["/4"] = status(403)
    site.night(*PATHS)
    assert site.told(2) == {
        "/3": ("unknown", "http_500"),
        "/4": ("unknown", "http_403"),
    }
    site.night(*PATHS)
    assert site.told(3) == {}
    site.server.behaviours["/3"] = OLD
    site.night(*PATHS)
    assert site.told(4) == {"/3": ("back",)}


@pytest.mark.parametrize("answer", [404, 410])
def test_what_is_not_there_any_more_is_gone_and_comes_back(
    answer: int, site: ChangingSite
) -> None:
    site.night(*PATHS)
    site.server.behaviours["/3"] = status(answer)
    site.server.behaviours["/4"] = NEW
    report = site.night(*PATHS)
    assert site.told(2) == {
        "/3": ("gone", f"http_{answer}"),
        "/4": ("changed",),
    }
    assert [each["change"] for each in site.lines(2)][-1] == "gone"
    assert report.changes == {"gone": 1, "changed": 1}
    site.server.behaviours["/3"] = status(500)
    site.night(*PATHS)
    assert site.told(3) == {}, "it is gone still"
    site.server.behaviours["/3"] = NEW
    site.night(*PATHS)
    assert site.told(4) == {"/3": ("back",)}
    (line,) = site.lines(4)
    assert line["what"].keys() == {"bytes"}


def test_what_no_list_names_any_more_is_gone(site: ChangingSite) -> None:
    site.night(*PATHS)
    site.night(*PATHS[:9])
    assert site.told(2) == {"/9": ("gone", "unlisted")}
    site.night(*PATHS[:9])
    assert site.told(3) == {}
    site.night(*PATHS)
    assert site.told(4) == {"/9": ("back",)}


def test_what_another_list_names_still_is_not_gone(
    site: ChangingSite, tmp_path: Path
) -> None:
    site.night(*PATHS)
    other = tmp_path / "other.txt"
    other.write_text(site.server.url("/9"))
    config = scraper.configure(dir=str(site.folder), robots="off")
    scraper.run(other, config, add_list=True)
    site.night(*PATHS[:9])
    assert site.told(3) == {}


@pytest.mark.parametrize("kept", [0, 7])
def test_too_much_at_once_is_not_believed(
    kept: int, site: ChangingSite
) -> None:
    site.night(*PATHS)
    report = site.night(*PATHS[:kept])
    assert site.told(2) == {}
    assert report.exit_code == 3
    assert f"{10 - kept} of 10 known URLs" in report.text()
    report = site.night(*PATHS)
    assert (report.exit_code, report.changes) == (0, {})
    report = site.night(*PATHS[:kept], max_gone="100%")
    assert report.exit_code == 0
    assert report.changes == {"gone": 10 - kept}
    assert report.number == (3 if not kept else 4)


def test_a_site_that_answers_404_to_everything_takes_nothing_away(
    site: ChangingSite,
) -> None:
    site.night(*PATHS)
    site.server.behaviours["/*"] = status(404)
    report = site.night(*PATHS)
    assert (site.told(2), report.exit_code) == ({}, 4)
    assert "10 of 10 known URLs" in report.text()
    site.server.behaviours["/*"] = OLD
    report = site.night(*PATHS)
    assert (site.told(3), report.exit_code) == ({}, 0)


def test_one_of_a_few_is_believed(site: ChangingSite) -> None:
    site.night(*PATHS[:2])
    site.server.behaviours["/1"] = status(404)
    site.night(*PATHS[:2])
    assert site.told(2) == {"/1": ("gone", "http_404")}


def test_a_list_that_is_read_in_part_makes_nothing_gone(
    site: ChangingSite,
) -> None:
    site.night(*PATHS)
    site.server.behaviours["/0"] = status(404)
    report = site.night(*PATHS[:9], max_urls=4, threads=1)
    assert report.exit_code == 5
    assert site.told(2) == {}
    report = site.night(*PATHS[:9], refresh=False)
    assert report.changes == {"gone": 2}
    assert site.told(2) == {
        "/0": ("gone", "http_404"),
        "/9": ("gone", "unlisted"),
    }


def test_permanent_redirects_move_and_temporary_ones_do_not(
    site: ChangingSite,
) -> None:
    site.night(*PATHS)
    site.server.behaviours["/1"] = redirect("/2", 301)
    site.server.behaviours["/3"] = redirect("/4", 302)
    site.night(*PATHS)
    assert site.told(2) == {"/1": ("moved",)}
    (line,) = site.lines(2)
    url = site.server.url
    assert line["what"] == {
        "address": {"before": url("/1"), "after": url("/2")}
    }
    site.night(*PATHS)
    assert site.told(3) == {}
    site.server.behaviours["/1"] = OLD
    site.night(*PATHS)
    assert site.told(4) == {"/1": ("moved",)}


def test_what_a_reader_sees_is_told_apart_from_noise(
    site: ChangingSite,
) -> None:
    keys = {
        "save_only": False,
        "processes": 1,
        "select": ["price=.price"],
        "fail_on": ["changed"],
    }

    def show(price: int, token: int, *links: str, title: str = "a") -> None:
        text = (
            f"<title>{title}</title><p class=price>{price}</p><!-- {token} -->"
        )
        text += "".join(f"<a href={link}>x</a>" for link in links)
        site.server.behaviours["/a"] = body(text.encode(), "text/html")

    show(1, 1, "/b", "/c")
    site.night("/a", **keys)
    show(1, 2, "/b", "/c")
    report = site.night("/a", **keys)
    (line,) = site.lines(2)
    assert (line["noise"], line["what"].keys()) == (True, {"bytes"})
    assert (report.changes, report.exit_code) == ({"noise": 1}, 0)
    assert "changes: 1 with other bytes alone" in report.text()
    show(2, 2, "/b", "/d", title="b")
    report = site.night("/a", **keys)
    (line,) = site.lines(3)
    what = line["what"]
    assert list(what) == ["bytes", "text", "fields", "title", "links"]
    assert what["fields"] == {
        "values": [
            {"field": "fields.price", "item": None, "before": "1", "after": "2"}
        ],
        "total": 1,
    }
    assert what["title"] == {"before": "a", "after": "b"}
    url = site.server.url
    assert what["links"]["added"] == [url("/d")]
    assert what["links"]["removed"] == [url("/c")]
    assert (report.changes, report.exit_code) == ({"changed": 1}, 3)


def test_other_options_alone_change_nothing(site: ChangingSite) -> None:
    keys = {"save_only": False, "processes": 1}
    site.server.behaviours["/a"] = etag(b"<title>a</title><p>words", '"1"')
    site.server.behaviours["/b"] = body(b"<title>b</title>", "text/html")
    site.night("/a", "/b", **keys)
    site.night("/a", "/b", facts="basic", **keys)
    assert site.told(2) == {}
    site.server.behaviours["/b"] = body(b"<title>c</title>", "text/html")
    site.night("/a", "/b", **keys)
    (line,) = site.lines(3)
    assert line["what"].keys() == {"bytes"}, "made in other ways"
    assert not line["noise"]


def test_a_block_page_keeps_the_pictures_that_the_page_had(
    site: ChangingSite,
) -> None:
    """It names none, and takes none away."""
    keys = {"save_only": False, "fail_flags": ["block_page"], "processes": 1}
    page = b"<title>a</title><p>words<img src=/p.gif>"
    blocked = b"<title>Access denied</title><h1>Access denied</h1>"
    site.server.behaviours |= {
        "/a": body(page, "text/html"),
        "/p.gif": body(GIF, "image/gif"),
    }
    site.night("/a", **keys)
    assert site.told(1) == {"/a": ("new",), "/p.gif": ("new",)}
    site.server.behaviours["/a"] = body(blocked, "text/html")
    site.night("/a", **keys)
    assert site.told(2) == {"/a": ("unknown", "flagged")}
    site.server.behaviours["/a"] = body(page[:-17], "text/html")
    site.night("/a", **keys)
    assert site.told(3) == {
        "/a": ("changed",),
        "/p.gif": ("gone", "unlisted"),
    }


GIF = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90401000001002c00000000010001000002024c01003b"
)


def test_exit_code_3_where_the_user_asks_for_it(site: ChangingSite) -> None:
    site.night(*PATHS)
    site.server.behaviours["/3"] = NEW
    assert site.night(*PATHS, fail_on=["changed"]).exit_code == 3
    assert site.night(*PATHS, fail_on=["changed"]).exit_code == 0
    assert site.night(*PATHS[:9], fail_on=["changed"]).exit_code == 0
    assert site.night(*PATHS[:8], fail_on=["gone"]).exit_code == 3
    plain = site.night(*PATHS[:8], refresh=False, fail_on=["gone"])
    assert plain.exit_code == 0, "nothing was due, and nothing is told again"


def test_a_log_that_was_moved_away_begins_anew(site: ChangingSite) -> None:
    site.night(*PATHS)
    log = site.folder / "changes.jsonl"
    log.rename(site.folder / "changes.jsonl.1")
    site.server.behaviours["/3"] = NEW
    site.night(*PATHS)
    assert [each["pass"] for each in site.lines()] == [2]


def test_a_log_of_another_program_is_left_alone(site: ChangingSite) -> None:
    site.folder.mkdir()
    log = site.folder / "changes.jsonl"
    log.write_text('{"mine": 1}\n')
    with pytest.raises(scraper.UsageError, match="not of this program"):
        site.night(*PATHS)
    assert log.read_text() == '{"mine": 1}\n'


def test_a_script_sees_the_change_with_its_outcome(site: ChangingSite) -> None:
    site.night(*PATHS)
    site.server.behaviours["/3"] = NEW
    config = scraper.configure(dir=str(site.folder), robots="off")
    with scraper.stream(site.list, config, refresh=True) as outcomes:
        changed = [each for each in outcomes if each.change is not None]
    (outcome,) = changed
    assert outcome.url == site.server.url("/3")
    assert outcome.change is not None
    assert outcome.change.change == "changed"
    assert json.loads(outcome.change.line()) == site.lines(2)[0]


@pytest.mark.parametrize("loss", ["records", "both"])
def test_what_a_power_cut_takes_is_told_again_as_it_was(
    loss: str, site: ChangingSite
) -> None:
    """The last of two changes has lost its record: it is one again, not a new URL."""
    site.night(*PATHS)
    site.server.behaviours |= {"/3": status(500), "/4": NEW}
    site.night(*PATHS[:9], threads=1)
    told = site.told(2)
    assert told == {
        "/3": ("unknown", "http_500"),
        "/4": ("changed",),
        "/9": ("gone", "unlisted"),
    }
    records = site.folder / "records.jsonl"
    places = {each["url"]: each["offset"] for each in site.lines(2)}
    first = min(filter(None, places.values()))
    records.write_bytes(records.read_bytes()[: first + 5])
    if loss == "both":
        changes = site.folder / "changes.jsonl"
        changes.write_bytes(changes.read_bytes()[:-30])
    with closing(sqlite3.connect(site.folder / ".scraper/ledger.sqlite")) as db:
        db.execute("INSERT INTO meta VALUES ('boot', 'another boot')")
        db.commit()
    report = site.night(*PATHS[:9])
    assert site.told(2) == told
    assert report.changes == {"unknown": 1, "changed": 1, "gone": 1}
    by_url = {each["url"]: each for each in site.lines(2)}
    assert by_url[site.server.url("/4")]["before"] == 1


def test_a_story_goes_on_without_its_ledger(site: ChangingSite) -> None:
    site.night(*PATHS)
    site.server.behaviours |= {"/3": status(500), "/4": NEW}
    site.night(*PATHS)
    shutil.rmtree(site.folder / ".scraper")
    site.server.behaviours["/3"] = OLD
    config = scraper.configure(dir=str(site.folder), **KEYS)
    scraper.run(site.list, config, adopt=True)
    site.night(*PATHS)
    assert site.told(3) == {"/3": ("back",)}


def test_processing_again_changes_nothing(site: ChangingSite) -> None:
    keys = {"save_only": False, "processes": 1}
    site.server.behaviours["/a"] = etag(b"<title>a</title><p>words", '"1"')
    site.night("/a", **keys)
    scraper.reprocess(site.folder, facts="basic", processes=1)
    site.night("/a", **keys)
    assert [each["change"] for each in site.lines()] == ["new"]
