"""When nothing happens for a while, a run says what it waits for."""

from __future__ import annotations

from pathlib import Path

import pytest

import scraper
from scraper import pipeline
from scraper.faulty import FaultyServer, silent


def test_a_run_in_which_nothing_happens_says_what_it_waits_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "STALL_SECONDS", 0.2)
    monkeypatch.setattr(pipeline, "TICK_SECONDS", 0.05)
    with FaultyServer({"/slow": silent()}) as server:
        config = scraper.configure(
            dir=str(tmp_path / "run"), robots="off", timeout="700ms", retries=0, save_only=True
        )
        report = scraper.run([server.url("/slow")], config)

    log = (tmp_path / "run" / "run.log").read_text()
    assert f"waiting for {server.url('/slow')} (a request, given up in" in log
    assert report.failures == {"timeout_read": 1}
