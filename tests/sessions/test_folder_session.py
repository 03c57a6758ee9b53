"""A session with a run folder: one pass, each URL once in it, and the folder is any run's."""

from __future__ import annotations

import itertools
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, etag, page
from scraper.runner import Run
from scraper.sources.source import file_source
from tests.conftest import PROJECT
from tests.sessions.gates import PATIENCE, Gate, gated, session
from tests.stories.runs import records_of

Site = tuple[FaultyServer, Gate]


@pytest.fixture
def site() -> Iterator[Site]:
    with gated() as found:
        yield found


def rows_of(folder: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
        found = ledger.execute("SELECT url, state FROM url ORDER BY id")
        return list(found)


def hashes_in(folder: Path) -> int:
    with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
        (count,) = ledger.execute("SELECT count(*) FROM url_hash").fetchone()
        return int(count)


def passes_of(folder: Path) -> int:
    with sqlite3.connect(folder / ".scraper" / "ledger.sqlite") as ledger:
        (count,) = ledger.execute("SELECT count(*) FROM pass").fetchone()
        return int(count)


def test_a_url_has_one_outcome_in_a_pass(site: Site, tmp_path: Path) -> None:
    server, gate = site
    with session(dir=tmp_path / "run") as opened:
        first, again = (opened.submit(server.url("/slow/1")) for _ in range(2))
        server.wait_for(1)
        gate.open()
        assert first.result(PATIENCE) is again.result(PATIENCE)
        later = opened.submit(server.url("/slow/1")).result(PATIENCE)
        assert later.stored
        assert later.body == first.result().body
    with session(dir=tmp_path / "run") as opened:
        stored = opened.submit(server.url("/slow/1")).result(PATIENCE)
        assert stored.stored
        assert stored.record == later.record
    assert server.count("/slow/1") == 1
    assert len(records_of(tmp_path / "run")) == 1
    assert len(list(scraper.records(tmp_path / "run"))) == 1


def test_the_folder_is_locked_while_the_session_is_open(
    site: Site, tmp_path: Path
) -> None:
    server, _ = site
    with session(dir=tmp_path / "run") as opened:
        opened.submit(server.url("/a")).result(PATIENCE)
        with pytest.raises(scraper.InUse):
            session(dir=tmp_path / "run")
        assert len(list(scraper.records(tmp_path / "run"))) == 1
        opened.new_pass()
        with pytest.raises(scraper.InUse):
            session(dir=tmp_path / "run")
    session(dir=tmp_path / "run").shutdown()


def test_a_pass_is_opened_by_the_first_submission(
    site: Site, tmp_path: Path
) -> None:
    server, _ = site
    with session(dir=tmp_path / "run") as opened:
        assert passes_of(tmp_path / "run") == 0
        opened.submit(server.url("/a")).result(PATIENCE)
        assert passes_of(tmp_path / "run") == 1
    with session(dir=tmp_path / "run") as opened:
        opened.submit(server.url("/a")).result(PATIENCE)
    assert passes_of(tmp_path / "run") == 1, "nothing was due"
    with session(dir=tmp_path / "run") as opened:
        opened.submit(server.url("/b")).result(PATIENCE)
    assert passes_of(tmp_path / "run") == 2


def test_what_is_cancelled_leaves_no_record_and_no_row(
    site: Site, tmp_path: Path
) -> None:
    server, gate = site
    with session(dir=tmp_path / "run", per_host=1) as opened:
        opened.submit(server.url("/slow/1"))
        server.wait_for(1)
        waiting = opened.submit(server.url("/a"))
        assert waiting.cancel()
        gate.open()
    assert rows_of(tmp_path / "run") == [(server.url("/slow/1"), "done")]
    assert hashes_in(tmp_path / "run") == 1
    assert len(records_of(tmp_path / "run")) == 1
    with session(dir=tmp_path / "run") as opened:
        assert not opened.submit(server.url("/a")).result(PATIENCE).stored


def test_what_is_cancelled_in_a_refresh_is_as_it_was(
    site: Site, tmp_path: Path
) -> None:
    server, gate = site
    urls = [server.url("/slow/1"), server.url("/a")]
    gate.open()
    with session(dir=tmp_path / "run") as opened:
        assert len(list(opened.map(urls))) == 2
    gate.close()
    with session(dir=tmp_path / "run", per_host=1, refresh=True) as opened:
        opened.submit(urls[0])
        server.wait_for(3)
        assert opened.submit(urls[1]).cancel()
        gate.open()
    states = ("unchanged", "done")
    assert rows_of(tmp_path / "run") == [*zip(urls, states, strict=True)]
    with session(dir=tmp_path / "run") as opened:
        assert opened.submit(urls[1]).result(PATIENCE).stored
    assert server.count("/a") == 1


def test_refresh_and_max_age_speak_of_earlier_passes(tmp_path: Path) -> None:
    with FaultyServer(etag(b"<title>A page</title>")) as server:
        url, folder = server.url("/a"), tmp_path / "run"
        with session(dir=folder) as opened:
            opened.submit(url).result(PATIENCE)
        with session(dir=folder, max_age="1d") as opened:
            assert opened.submit(url).result(PATIENCE).stored
        with session(dir=folder, max_age=0) as opened:
            unchanged = opened.submit(url).result(PATIENCE)
            assert (unchanged.state, unchanged.stored) == ("unchanged", False)
            assert opened.submit(url).result(PATIENCE).stored, (
                "in one pass once"
            )
        with session(dir=folder, refresh=True) as opened:
            assert opened.submit(url).result(PATIENCE).state == "unchanged"
            opened.new_pass()
            assert opened.submit(url).result(PATIENCE).state == "unchanged"
            assert unchanged.body == opened.submit(url).result(PATIENCE).body
    assert server.count() == 4
    assert passes_of(folder) == 4
    for wrong in ({"refresh": True}, {"max_age": 1}):
        with pytest.raises(scraper.UsageError, match="dir"):
            session(**wrong)
    with pytest.raises(scraper.UsageError, match="max_age"):
        session(dir=folder, max_age="soon")


def test_a_session_asks_only_what_it_was_given(
    site: Site, tmp_path: Path
) -> None:
    server, _ = site
    folder, urls = tmp_path / "run", tmp_path / "urls.txt"
    urls.write_text("".join(f"{server.url(f'/{n}')}\n" for n in range(20)))
    config = scraper.configure(
        dir=folder, save_only=True, robots="off", max_urls=5, per_host=1
    )
    with Run([file_source(str(urls))], config) as run:
        assert len(list(run)) == 5
    with session(dir=folder) as opened:
        assert opened.submit(server.url("/19")).result(PATIENCE).state == "done"
        assert opened.submit(server.url("/0")).result(PATIENCE).stored
    assert server.count() == 6
    pending = [url for url, state in rows_of(folder) if state == "pending"]
    assert len(pending) == 14
    config = scraper.configure(dir=folder, save_only=True, robots="off")
    with Run([file_source(str(urls))], config) as run:
        assert len(list(run)) == 14, "the list goes on"
    assert run.number == 1, "in the pass that was open all the time"
    assert len(records_of(folder)) == 20
    assert server.count() == 20


def test_the_images_of_a_page_come_with_it(tmp_path: Path) -> None:
    html = '<title>P</title><img src="/a.png"><img src="/b.png">'
    behaviours = {"/page": page(html), "/*": page("no picture")}
    with FaultyServer(behaviours) as server:
        folder = tmp_path / "run"
        with session(dir=folder, save_only=False, processes=1) as opened:
            image = opened.submit(server.url("/b.png"))
            assert opened.submit(server.url("/page")).result(PATIENCE).found
            image.result(PATIENCE)
        assert len(records_of(folder)) == 3
        assert server.count() == 3
        with session(dir=folder, save_only=False, processes=1) as opened:
            stored = opened.submit(server.url("/a.png")).result(PATIENCE)
            assert stored.stored


def test_a_fault_of_this_machine_ends_every_future(
    site: Site, tmp_path: Path
) -> None:
    server, gate = site
    with session(dir=tmp_path / "run") as opened:
        opened.submit(server.url("/a")).result(PATIENCE)
        slow = opened.submit(server.url("/slow/1"))
        server.wait_for(2)
        (tmp_path / "run" / "records.jsonl").unlink()
        gate.open()
        with pytest.raises(scraper.LocalFault, match=r"records\.jsonl"):
            slow.result(PATIENCE)
        with pytest.raises(scraper.LocalFault):
            opened.submit(server.url("/b")).result(PATIENCE)


def test_script_kill_command_line_and_script_ask_each_url_once(
    tmp_path: Path,
) -> None:
    """A kill loses nothing, whoever goes on."""
    gate = Gate()
    behaviours = {"/slow/*": gate, "/*": page("<title>quick</title>")}
    with FaultyServer(behaviours) as server:
        folder = tmp_path / "run"
        quick = [server.url(f"/{number}") for number in range(30)]
        slow = [server.url(f"/slow/{number}") for number in range(10)]
        script = textwrap.dedent(f"""
            import scraper, sys
            with scraper.Session(dir={str(folder)!r}, save_only=True, robots="off") as opened:
                for each in opened.as_completed({quick + slow}):
                    print(each.url, flush=True)
        """)
        killed = subprocess.Popen(
            [sys.executable, "-c", script],
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            text=True,
        )
        assert killed.stdout is not None
        with killed:
            done = [killed.stdout.readline().strip() for _ in quick]
            killed.kill()
        assert sorted(done) == sorted(quick)
        gate.open()
        command = [sys.executable, "-m", "scraper", "-d", str(folder),
                   "--save-only", "--robots", "off", "-q"]  # fmt: skip
        subprocess.run(command, cwd=PROJECT, check=True, timeout=60)
        with session(dir=folder) as opened:
            again = list(opened.map(quick + slow))
        assert all(each.stored for each in again)
        keys = [each["canonical_url"] for each in records_of(folder)]
        assert sorted(keys) == sorted(quick + slow)
        assert all(server.count(f"/{n}") == 1 for n in range(30))


def test_no_other_run_comes_between_two_passes(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = site
    refused: list[Exception] = []

    def take_between(*_: object) -> None:
        try:
            session(dir=tmp_path / "run")
        except scraper.InUse as error:
            refused.append(error)

    with session(dir=tmp_path / "run") as opened:
        opened.submit(server.url("/a")).result(PATIENCE)
        coordinator = opened._coordinator
        begin = coordinator.open_run
        monkeypatch.setattr(
            coordinator, "open_run", lambda: (take_between(), begin())
        )
        opened.new_pass()
        assert opened.submit(server.url("/a")).result(PATIENCE).stored
    assert len(refused) == 1
    session(dir=tmp_path / "run").shutdown()


@pytest.mark.parametrize("folder", ["", "run"])
def test_a_limit_ends_the_session_and_says_so(
    site: Site, folder: str, tmp_path: Path
) -> None:
    server, _ = site
    where = {"dir": tmp_path / folder} if folder else {}
    with session(max_urls=2, **where) as opened:
        for number in range(2):
            opened.submit(server.url(f"/{number}")).result(PATIENCE)
        late = map(opened.submit, itertools.repeat(server.url("/late")))
        with pytest.raises(scraper.ScraperError, match="max_urls"):
            all(each.result(PATIENCE) for each in late)
    assert server.count() == 2


def test_records_say_the_same_with_a_folder_and_without(
    site: Site, tmp_path: Path
) -> None:
    """But for where bodies lie, who named the URL, and when."""
    server, _ = site
    urls = [server.url("/a"), server.url("/gone"), "no url at all"]
    differ = {
        "path",
        "duplicate_of",
        "source",
        "fetched_at",
        "seconds",
        "index",
    }
    found = []
    for where in ({}, {"dir": tmp_path / "run"}):
        with session(**where) as opened:
            records = [each.record for each in opened.map(urls)]
        found.append(
            [
                {key: each[key] for key in each.keys() - differ}
                for each in records
            ]
        )
    assert found[0] == found[1]
    assert found[0][2]["attempts"] == 0, "it was not asked"
