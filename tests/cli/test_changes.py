"""`scraper changes` and `scraper show`: what a reader sees of the nights."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.cli.scrape import main
from scraper.faulty import FaultyServer, body, status
from tests.stories.changing import ChangingSite

KEYS = {"save_only": False, "processes": 1, "select": ["price=.price"]}
Capture = pytest.CaptureFixture[str]


def _page(price: str, *links: str, more: str = "") -> bytes:
    anchors = "".join(f"<a href={link}>x</a>" for link in links)
    return (
        f"<title>Shop</title><p class=price>{price}</p>"
        f"<p>The lamp costs {price} today, and is green</p>{anchors}{more}"
    ).encode()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChangingSite]:
    with FaultyServer({"/*": body(_page("1"), "text/html")}) as server:
        yield ChangingSite(server, tmp_path)


@pytest.fixture
def folder(site: ChangingSite) -> Path:
    """Of three nights: all new, several changes, nothing."""
    paths = ("/a", "/b", "/c", "/d", "/e")
    site.night(*paths, **KEYS)
    site.server.behaviours |= {
        "/a": body(_page("2", "/new", more="<p>Second line"), "text/html"),
        "/b": body(_page("1", more="<!-- 7 -->"), "text/html"),
        "/c": status(404),
        "/d": status(500),
    }
    site.night(*paths, **KEYS)
    site.night(*paths, **KEYS)
    return site.folder


def test_the_last_changes_are_shown(folder: Path, capsys: Capture) -> None:
    assert main(["changes", str(folder)]) == 0
    shown = capsys.readouterr().out
    head, *lines = shown.splitlines()
    assert head == (
        f"{folder}  pass 2: 1 changed, 1 gone, 1 unknown, "
        "1 with other bytes alone"
    )
    assert "    fields.price: [-1-]{+2+}" in lines
    assert "    text: [-1-]{+2+}" in lines
    assert any("lamp costs [-1-]{+2+} today" in line for line in lines)
    assert "    {+Second line+}" in lines
    assert any(line.startswith("    link: {+http") for line in lines)
    assert any("(http_404)" in line for line in lines)
    assert any("(other bytes alone)" in line for line in lines)
    assert "\x1b" not in shown


def test_on_a_terminal_it_has_colours(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    main(["changes", str(folder)])
    shown = capsys.readouterr().out
    assert "\x1b[31m1\x1b[0m\x1b[32m2\x1b[0m" in shown
    monkeypatch.setenv("NO_COLOR", "1")
    main(["changes", str(folder)])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "lines"),
    [(["--pass", "1"], 5), (["--pass", "3"], 0), (["--since", "7d"], 9)],
)
def test_a_pass_or_a_time_may_be_chosen(
    flags: list[str], lines: int, folder: Path, capsys: Capture
) -> None:
    assert main(["changes", str(folder), *flags, "--json"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert len(shown) == lines
    own = (folder / "changes.jsonl").read_text().splitlines()
    assert set(shown) <= set(own)
    assert main(["changes", str(folder), *flags]) == 0
    said = capsys.readouterr().out
    assert ("nothing has changed" in said) == (lines == 0)


def test_what_a_site_says_does_not_command_the_terminal(
    site: ChangingSite, capsys: Capture
) -> None:
    site.night("/a", **KEYS)
    evil = "2\x1b[2J\u202e"
    site.server.behaviours["/a"] = body(_page(evil), "text/html; charset=utf-8")
    site.night("/a", **KEYS)
    main(["changes", str(site.folder)])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize("command", [["changes"], ["show"]])
def test_another_ones_file_is_one_sentence(
    command: list[str], folder: Path, capsys: Capture
) -> None:
    log = folder / (
        "changes.jsonl" if command == ["changes"] else "records.jsonl"
    )
    log.write_text("hello\n")
    url = ["http://127.0.0.1/a"] if command == ["show"] else []
    assert main([*command, str(folder), *url]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "at byte 0" in said


def test_a_folder_of_before_has_no_changes(
    folder: Path, capsys: Capture
) -> None:
    (folder / "changes.jsonl").unlink()
    assert main(["changes", str(folder)]) == 2
    assert "the next run over it begins one" in capsys.readouterr().err


def test_records_that_are_gone_leave_the_counts(
    folder: Path, capsys: Capture
) -> None:
    (folder / "records.jsonl").unlink()
    assert main(["changes", str(folder)]) == 0
    assert "text: {+another one+}" in capsys.readouterr().out


def test_nothing_is_written(folder: Path, site: ChangingSite) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    main(["changes", str(folder)])
    main(["show", str(folder), site.server.url("/a")])
    assert before == {
        path: path.stat().st_mtime_ns for path in folder.rglob("*")
    }


def test_the_story_of_a_url(
    folder: Path, site: ChangingSite, capsys: Capture
) -> None:
    assert main(["show", str(folder), site.server.url("/a#top")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == site.server.url("/a")
    assert Path(lines[1].strip()).read_bytes() == _page(
        "2", "/new", more="<p>Second line"
    )
    passes = [line.split() for line in lines if line.startswith("  pass ")]
    assert [(each[1], each[3], each[-1]) for each in passes] == [
        ("1", "done", "new"),
        ("2", "done", "changed"),
        ("3", "unchanged", "bytes"),
    ]
    assert "  title: Shop" in lines


def test_the_story_as_json(
    folder: Path, site: ChangingSite, capsys: Capture
) -> None:
    assert main(["show", str(folder), site.server.url("/c"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["change"] for each in told["changes"]] == ["new", "gone"]
    assert [each["state"] for each in told["passes"]] == ["done"] + [
        "failed"
    ] * 2
    assert Path(told["files"][0]).read_bytes() == _page("1"), "it is kept"
    assert told["record"]["error_kind"] == "http_status"


def test_an_unknown_url_has_its_nearest_named(
    folder: Path, site: ChangingSite, capsys: Capture
) -> None:
    assert main(["show", str(folder), site.server.url("/aa")]) == 2
    said = capsys.readouterr().err
    assert f"did you mean {site.server.url('/a')}" in said
    assert main(["show", str(folder), "/a"]) == 2
    assert f"did you mean {site.server.url('/a')}?" in capsys.readouterr().err
    assert main(["show", str(folder), "http://"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
