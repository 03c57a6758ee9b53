"""`status --stale` ends with 3 if a URL had no good answer for too long, and says which."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.faulty import FaultyServer, page, sequence, status
from scraper.storage import schema
from scraper.storage.ledger import Ledger
from scraper.storage.readers.staleness import goodness_of, read_staleness
from tests.conftest import PROJECT, Scrape

DAY = 86_400.0
NOW = 1_800_000_000.0


class Folder:
    """A run folder whose times a test sets."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.ledger = path / ".scraper" / "ledger.sqlite"

    def set(self, sql: str, *values: object) -> None:
        with closing(sqlite3.connect(self.ledger)) as db, db:
            db.execute(sql, values)

    def age_all(self, seconds: float) -> None:
        self.set(
            "UPDATE answer SET fetched_at = fetched_at - ?, good_at = good_at - ?",
            seconds,
            seconds,
        )


@pytest.fixture
def folder(scrape: Scrape, tmp_path: Path) -> Folder:
    """Three passes: one URL is good, one fails since it was good, one was never good."""
    site = {
        "/robots.txt": status(404),
        "/good": page("good"),
        "/broken": sequence(page("a"), page("a"), status(404)),
        "/never": status(404),
    }
    path = tmp_path / "run"
    with FaultyServer(site) as server:
        urls = scrape.list_of(
            *(server.url(each) for each in ("/good", "/broken", "/never"))
        )
        for flags in ((), ("--refresh",), ("--refresh",), ("--refresh",)):
            scrape.here(urls, *flags, dir=str(path))
    return Folder(path)


def test_the_last_good_answer_counts_and_not_the_one_with_the_facts(
    folder: Folder,
) -> None:
    """/broken was 200 in two passes: it is as old as the second of them."""
    with closing(sqlite3.connect(folder.ledger)) as db:
        (good_at,) = db.execute(
            "SELECT good_at FROM answer JOIN url USING (id) WHERE url LIKE '%/broken'"
        ).fetchone()
        begins = [at for (at,) in db.execute("SELECT started FROM pass")]
    assert begins[1] < good_at < begins[2]


def test_what_is_stale_is_said_with_its_age_by_url_host_and_job(
    folder: Folder, scrape: Scrape
) -> None:
    told = scrape.inside("status", str(folder.path), "--stale", "2d", dir=None)
    assert told.code == 3
    assert "stale: 1 of 3 URLs had no good answer within 48 h" in told.stdout
    assert "  never " in told.stdout
    assert "/never  failed: http_404" in told.stdout
    assert re.search(r"last good \d+ s ago  stale: 1 of 3 URLs", told.stdout)
    assert "job: last ended well never, last ended " in told.stdout
    folder.age_all(3 * DAY)
    told = scrape.inside("status", str(folder.path), "--stale", "2d", dir=None)
    assert told.code == 3
    assert "stale: 3 of 3 URLs" in told.stdout
    assert [line.split()[0] for line in told.stdout.splitlines()
            if "127.0.0.1" in line and line.startswith("  ")] == ["never", "72", "72"]  # fmt: skip


def test_a_folder_in_which_all_is_fresh_ends_with_0(
    folder: Folder, scrape: Scrape
) -> None:
    folder.set("UPDATE url SET seq_ahead = NULL WHERE url LIKE '%/never'")
    folder.set("UPDATE pass SET exit = 0")
    told = scrape.inside("status", str(folder.path), "--stale", "2d", dir=None)
    assert told.code == 0
    assert "not stale: each of 2 URLs had a good answer" in told.stdout
    assert re.search(r"job: last ended well \d+ s ago\n", told.stdout)


def test_all_of_it_as_json(folder: Folder, scrape: Scrape) -> None:
    folder.age_all(3 * DAY)
    words = ("status", str(folder.path), "--stale", "2d", "--json", "--all")
    told = scrape.inside(*words, dir=None)
    assert told.code == 3
    stale = json.loads(told.stdout)["stale"]
    assert (stale["urls"], stale["stale"]) == (3, 3)
    assert [each["age_seconds"] and each["age_seconds"] // DAY
            for each in stale["worst"]] == [None, 3, 3]  # fmt: skip
    assert [each["reason"] for each in stale["worst"]] == [
        "http_404",
        "http_404",
        None,
    ]
    (host,) = stale["hosts"]
    assert (host["urls"], host["stale"]) == (3, 3)
    assert stale["job"]["ended_well"] is None


def test_a_clock_set_back_leaves_answers_whose_age_nobody_knows(
    folder: Folder, scrape: Scrape
) -> None:
    folder.age_all(-3 * DAY)
    told = scrape.inside("status", str(folder.path), "--stale", "2d", dir=None)
    assert told.code == 3
    assert "stale: 3 of 3 URLs" in told.stdout
    assert "in the future" in told.stdout


def test_passwords_in_urls_and_in_lines_that_are_none_are_not_shown(
    scrape: Scrape, tmp_path: Path
) -> None:
    urls = scrape.list_of(
        "http://me:s3cret@127.0.0.1:40009/a", "http://me:s3/cret@"
    )
    path = str(tmp_path / "run")
    scrape.here(urls, "--retries", "0", dir=path)
    told = scrape.inside("status", path, "--stale", "1d", "--json", dir=None)
    assert told.code == 3
    stale = json.loads(told.stdout)["stale"]
    assert stale["stale"] == 2
    assert "s3" not in json.dumps(stale)


def test_reading_leaves_the_folder_as_it_is(
    folder: Folder, scrape: Scrape
) -> None:
    before = folder.ledger.read_bytes()
    scrape.inside("status", str(folder.path), "--stale", "2d", dir=None)
    assert folder.ledger.read_bytes() == before
    assert [*folder.ledger.parent.glob("ledger*")] == [folder.ledger]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--stale", "two days"), "--stale='two days' is invalid: expected a duration"),
        (("--all",), "--all belongs to --stale"),
    ],
)  # fmt: skip
def test_what_is_asked_wrongly_is_said_in_a_line(
    words: tuple[str, ...], message: str, folder: Folder, scrape: Scrape
) -> None:
    told = scrape.inside("status", str(folder.path), *words, dir=None)
    assert told.code == 2
    assert message in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_a_ledger_that_did_not_keep_it_yet_is_not_guessed_at(
    tmp_path: Path, scrape: Scrape
) -> None:
    """A run leads it to ours: of what fails since it was good, when that pass began is known."""
    path = tmp_path / "run"
    shutil.copytree(PROJECT / "tests" / "folders" / "schema-13", path)
    told = scrape.inside("status", str(path), "--stale", "2d", dir=None)
    assert told.code == 2
    assert "earlier version of this program" in told.stderr
    ledger = Ledger(path / ".scraper" / "ledger.sqlite")
    ledger.commit()
    goodness = goodness_of(ledger.connection, NOW)
    (began,) = ledger.execute("SELECT started FROM pass WHERE number = 1")
    ledger.close()
    assert (goodness.urls, goodness.good) == (3, 2)
    assert goodness.oldest == began[0]


# -- the law ----------------------------------------------------------------------------------

TIMES = st.none() | st.floats(NOW - 9 * DAY, NOW + 9 * DAY)
ROWS = st.tuples(
    st.integers(1, 3),  # of which host
    st.sampled_from(["done", "unchanged", "failed", "skipped", None]),
    TIMES,
    st.booleans(),  # is it in a list?
)


@given(st.lists(ROWS, max_size=30), st.integers(1, 12))
def test_slices_come_to_what_one_look_at_all_rows_would(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, str | None, float | None, bool]],
    limit: int,
) -> None:
    path = tmp_path_factory.mktemp("law") / "ledger.sqlite"
    ledger = Ledger(path)
    for id, (host, outcome, good, is_listed) in enumerate(rows, 1):
        ledger.execute(
            "INSERT INTO url (id, url, host, outcome, pass, seq_ahead) VALUES (?, ?, ?, ?, 1, ?)",
            (id, f"http://{host}.test/{id}", host, outcome, 0 if is_listed else None),
        )  # fmt: skip
        failed = outcome in ("failed", "skipped")
        ledger.execute(
            "INSERT INTO answer (id, attempts, error_kind, fetched_at, good_at)"
            " VALUES (?, 1, ?, ?, ?)",
            (id, "aborted" if failed else None, None if failed else good, good),
        )
    ledger.commit()
    ledger.close()
    listed = [
        (id, host, good)
        for id, (host, outcome, good, is_listed) in enumerate(rows, 1)
        if is_listed and (outcome != "skipped" or good is not None)
    ]
    stale = [
        each
        for each in listed
        if each[2] is None or not NOW - 2 * DAY <= each[2] <= NOW + 60
    ]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(schema, "ROWS_A_SLICE", 4)
        seen = read_staleness(path, NOW, 2 * DAY, limit)
    assert (seen.of_all.urls, seen.of_all.stale) == (len(listed), len(stale))
    goods = [each[2] for each in listed if each[2] is not None]
    assert seen.of_all.oldest == min(goods, default=None)
    stale.sort(key=lambda each: (each[2] or 0.0, each[0]))
    assert [each.url for each in seen.worst] == [
        f"http://{host}.test/{id}" for id, host, _ in stale[:limit]
    ]
    by_host = {host: [good for _, of, good in listed if of == host]
               for host in {host for _, host, _ in stale}}  # fmt: skip
    assert {each.good_at for each in seen.hosts} <= {
        max((g for g in goods if g is not None), default=None)
        for goods in by_host.values()
    }
    assert sum(each.urls for each in seen.hosts) <= len(listed)
    if limit >= 3:
        assert sum(each.stale for each in seen.hosts) == len(stale)
        assert sum(each.urls for each in seen.hosts) == sum(
            map(len, by_host.values())
        )
