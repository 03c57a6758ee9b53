"""When nothing happens for a while, a run says what it waits for."""

from __future__ import annotations

from pathlib import Path

import scraper
from scraper.engine import Makers
from scraper.faulty import FaultyServer, silent
from scraper.supervision import Intervals
from tests.stories.runs import run_with


def test_a_run_in_which_nothing_happens_says_what_it_waits_for(
    tmp_path: Path,
) -> None:
    makers = Makers(intervals=Intervals(tick=0.05, stall=0.2))
    with FaultyServer({"/slow": silent()}) as server:
        config = scraper.configure(
            dir=str(tmp_path / "run"),
            robots="off",
            timeout="700ms",
            retries=0,
            save_only=True,
        )
        report = run_with(makers, [server.url("/slow")], config)

    log = (tmp_path / "run" / "run.log").read_text()
    assert f"waiting for {server.url('/slow')} (a request, given up in" in log
    assert report.failures == {"host_down": 1}
