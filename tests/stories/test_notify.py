"""`--notify`: a command hears of what turns, at least once, and harms nothing."""

from __future__ import annotations

import json
import shlex
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, page, sequence, status
from scraper.machine.files import open_folder
from scraper.notices import notices
from scraper.runner import Run
from scraper.storage.ledger import Ledger
from tests.conftest import Scrape, Scraped

KEEP = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"


class Nightly:
    """A folder, a server, and a command that keeps its notices."""

    def __init__(self, scrape: Scrape, server: FaultyServer) -> None:
        self.scrape = scrape
        self.server = server
        self.kept = scrape.folder / "notices.jsonl"
        self.command = shlex.join([sys.executable, "-c", KEEP, str(self.kept)])

    def run(self, *words: str, command: str | None = None) -> Scraped:
        urls = self.scrape.list_of(self.server.url("/a"), self.server.url("/b"))
        notify = self.command if command is None else command
        return self.scrape.here(urls, "--refresh", "--notify", notify, *words)

    def notices(self) -> list[dict[str, Any]]:
        if not self.kept.exists():
            return []
        return [json.loads(line) for line in self.kept.read_text().splitlines()]

    def events(self) -> list[str]:
        return [each["event"] for each in self.notices()]


@pytest.fixture
def nightly(scrape: Scrape) -> Iterator[Nightly]:
    site = {"/robots.txt": status(404), "/*": page("<h1>here</h1>")}
    with FaultyServer(site) as server:
        yield Nightly(scrape, server)


def test_broken_and_recovered_are_reported_once(nightly: Nightly) -> None:
    for code in (200, 403, 403, 403, 200, 200):
        found = page("<h1>here</h1>") if code == 200 else status(code)
        nightly.server.behaviours["/b"] = found
        ended = nightly.run("--notify-fields", "price")
        assert ended.code == (0 if code == 200 else 3)
    assert nightly.events() == ["broken", "recovered"]
    broken, recovered = nightly.notices()
    assert broken["runs"] == 2
    assert (broken["pass"], broken["exit_code"]) == (3, 3)
    assert broken["folder"] == str(nightly.scrape.folder / "run")
    assert "1 failed" in broken["summary"]
    assert broken["text"] == "run: 2 runs in a row were not well"
    assert recovered["pass"] == 5
    assert broken["id"] != recovered["id"]


def test_changes_are_reported_with_their_first_lines(nightly: Nightly) -> None:
    nightly.server.behaviours["/a"] = sequence(
        page("one"), page("one"), page("two"), status(410)
    )
    for _ in range(5):
        nightly.run("--notify-after", "9")
    found = nightly.notices()
    assert [each["event"] for each in found] == ["changes"] * 2
    changed, gone = found
    assert changed["counts"] == {"changed": 1}
    assert changed["pass"] == 3
    assert changed["lines"][0]["url"] == nightly.server.url("/a")
    assert gone["text"] == "run: 1 gone"


def test_a_filter_leaves_out_other_changes(nightly: Nightly) -> None:
    nightly.server.behaviours["/a"] = sequence(
        page("one"), page("two"), status(410), page("three")
    )
    for _ in range(4):
        nightly.run("--notify-after", "9", "--notify-fields", "price")
    assert nightly.events() == []


def test_what_was_not_delivered_comes_again_with_its_id(
    nightly: Nightly,
) -> None:
    nightly.server.behaviours["/a"] = sequence(page("one"), page("two"))
    nightly.run()
    failed = nightly.run("-q", command="false")
    assert failed.code == 0
    assert failed.stderr == (
        "notify: false ended with 1; 1 notice sent after the next run\n"
    )
    waiting = waiting_in(failed.folder)
    nightly.run(command="there-is-no-such-command")
    assert waiting_in(failed.folder) == waiting
    nightly.run()
    assert [each["id"] for each in nightly.notices()] == waiting
    nightly.run()
    assert len(nightly.notices()) == 1


def test_what_nobody_takes_is_bounded(
    nightly: Nightly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "MAX_WAITING", 2)
    words = [page(word) for word in ("one", "two", "three", "four", "five")]
    nightly.server.behaviours["/a"] = sequence(*words)
    nightly.run()
    ids = []
    for _ in words[2:]:
        ended = nightly.run("-q", command="false")
        ids += [each for each in waiting_in(ended.folder) if each not in ids]
        assert "dropped" not in ended.stderr
        if len(ids) == 2:
            break
    last = nightly.run("-q", command="false")
    assert "notify: 1 notice dropped, the oldest of more than 2" in last.stderr
    assert waiting_in(last.folder)[:1] == ids[1:]
    nightly.run()
    assert len(nightly.notices()) == 2


def test_a_slow_command_does_not_keep_the_folder(nightly: Nightly) -> None:
    nightly.server.behaviours["/a"] = sequence(
        page("one"), page("two"), page("three")
    )
    for _ in range(3):
        ended = nightly.run(command="false")
    keys = scraper.configure(notify=nightly.command).changes
    clock = iter(range(0, 1_000, 20))
    path = ended.folder / ".scraper" / "ledger.sqlite"
    with closing(Ledger(path)) as ledger, open_folder(ended.folder) as folder:
        slow = notices.Notices(ledger, folder, keys)
        slow.deliver(clock.__next__)
        assert len(nightly.notices()) == 1, "the next would begin after 40 s"
        slow.deliver(clock.__next__)
    assert len(nightly.notices()) == 2


def waiting_in(folder: Path) -> list[str]:
    with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
        ((text,),) = ledger.execute(
            "SELECT value FROM meta WHERE name = 'notices_waiting'"
        )
    return [each["id"] for each in json.loads(text)]


def test_a_kill_before_the_delivery_loses_none(
    nightly: Nightly, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    nightly.server.behaviours["/a"] = sequence(page("one"), page("two"))
    nightly.run()
    with monkeypatch.context() as patch:
        patch.setattr(notices, "hand_to", die)
        with pytest.raises(Killed):
            nightly.run()
    nightly.run()
    assert nightly.events() == ["changes"]


def test_a_field_that_went_empty_is_reported(nightly: Nightly) -> None:
    config = scraper.configure(
        dir=str(nightly.scrape.folder / "fields"),
        processes=1,
        select=["price=.price"],
        notify=[sys.executable, "-c", KEEP, str(nightly.kept)],
        notify_fields=["price"],
    )
    for html in ("<b class=price>1", "<b class=cost>1", "<b class=cost>2"):
        nightly.server.behaviours["/a"] = page(html)
        url = nightly.server.url("/a")
        assert scraper.run([url], config, refresh=True).exit_code == 0
    about = [each for each in nightly.notices() if each["event"] == "fields"]
    assert len(about) == 1
    assert about[0]["fields"] == [{"recipe": "select", "field": "price"}]
    assert about[0]["text"] == "fields: found no more: price of select"


def test_a_run_that_was_left_is_no_verdict(nightly: Nightly) -> None:
    nightly.run()
    config = scraper.configure(
        dir=str(nightly.scrape.folder / "run"),
        notify=["false"],
        notify_after=1,
        save_only=True,
    )
    with scraper.stream(
        [nightly.server.url("/c"), nightly.server.url("/d")], config
    ) as outcomes:
        assert isinstance(outcomes, Run)
        next(outcomes)
    nightly.run()
    assert "broken" not in nightly.events()


@pytest.mark.parametrize(
    "line", ['notify = ["touch", "pwned"]', "notify = 'x'"]
)
def test_a_file_that_only_lies_here_starts_no_command(
    nightly: Nightly, line: str
) -> None:
    toml = nightly.scrape.folder / "scraper.toml"
    toml.write_text(f"[changes]\n{line}\n")
    urls = nightly.scrape.list_of(nightly.server.url("/a"))
    refused = nightly.scrape.here(urls)
    assert refused.code == 2
    assert "notify in scraper.toml [changes] starts a command" in refused.stderr
    assert nightly.server.count() == 0
    assert nightly.scrape.here(urls, "--config", "scraper.toml").code == 0


def test_a_command_is_a_line_of_words(nightly: Nightly) -> None:
    from scraper.config import load

    for given in ("mail-me --to 'a b'", ["mail-me", "--to", "a b"]):
        config = scraper.configure(notify=given)
        assert config.changes.notify == ("mail-me", "--to", "a b")
    config, _ = load(environment={"SCRAPER_NOTIFY": "mail-me a,b"})
    assert config.changes.notify == ("mail-me", "a,b")
    with pytest.raises(scraper.UsageError, match="expected a command"):
        scraper.configure(notify="mail-me 'a")
