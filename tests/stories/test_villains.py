"""Whole runs among whose pages some harm the worker: each is one outcome, the others are good."""

from __future__ import annotations

import sys
import time
from collections import Counter
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, page
from tests.conftest import Scrape

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="memory limit and /proc: Linux"
)

BUDGET_SECONDS = 2.0  # a busy machine leaves little of a core to a worker
GOOD = 200
EACH = 2
# What each of them ends as; None: it is good itself, the others come to harm.
VILLAINS = {
    "dies": "process_died",
    "sums": "process_timeout",
    "hoards": "process_memory",
    "raises_two": "function_failed",
    "kills_others": None,
}


def _paths() -> list[str]:
    """The good ones, and between them, evenly, the villains."""
    paths = [f"/good/{number}" for number in range(GOOD)]
    villains = [
        f"/{name}/{number}" for number in range(EACH) for name in VILLAINS
    ]
    for place, path in enumerate(villains):
        paths.insert((place + 1) * GOOD // len(villains), path)
    return paths


def test_villains_cost_one_outcome_each_among_200_good_pages(
    tmp_path: Path,
) -> None:
    paths = _paths()
    with FaultyServer(
        {path: page(f"<title>{path}</title>") for path in paths}
    ) as server:
        config = scraper.configure(
            dir=str(tmp_path / "run"),
            html="tests.villains:act",
            threads=8,
            per_host=8,
            processes=2,
            robots="off",
            process_time_seconds=BUDGET_SECONDS,
            process_memory_bytes=128 * 2**20,
        )
        began = time.monotonic()
        with scraper.stream(
            [server.url(path) for path in paths], config
        ) as run:
            outcomes = list(run)
        seconds = time.monotonic() - began

        by_path = {
            outcome.url.removeprefix(server.url("")): outcome
            for outcome in outcomes
        }
        asked = Counter(seen.path for seen in server.seen)

    assert len(outcomes) == len(by_path) == len(paths)
    kinds = {
        path: each.failure.kind if each.failure else None
        for path, each in by_path.items()
    }
    assert kinds == {path: VILLAINS.get(path.split("/")[1]) for path in paths}
    good = [each for path, each in by_path.items() if path.startswith("/good/")]
    assert len(good) == GOOD
    assert all(
        each.state == "done" and each.record["data"] == {"url": each.url}
        for each in good
    )
    assert asked == Counter(paths)  # each was fetched, and once
    # The budgets of all villains one after the other, as if no two workers ever worked at once;
    # as much again for a loaded machine to start processes in.
    assert seconds < 2 * BUDGET_SECONDS * EACH * len(VILLAINS)
    assert run.report.exit_code == 3


def test_villains_alone_end_the_command_line_with_exit_4(
    tmp_path: Path, scrape: Scrape
) -> None:
    paths = [f"/{name}/0" for name in ("dies", "raises_two")]
    with FaultyServer({path: page("<p>Bad.") for path in paths}) as server:
        names = scrape.list_of(*map(server.url, paths))
        done = scrape.inside(
            names, "--html", "tests.villains:act", "-p", "1", "--no-progress"
        )
    assert done.code == 4, done.stderr
    kinds = sorted(each["error_kind"] for each in done.records)
    assert kinds == ["function_failed", "process_died"]
