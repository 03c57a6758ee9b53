"""What `status --metrics` says: how a folder stands, as Prometheus reads it."""

from __future__ import annotations

import os
import time
from pathlib import Path

from scraper.exports.replacing import replacing
from scraper.reports.metrics import End, Freshness, metrics_text
from scraper.reports.summary import Report
from scraper.storage.readers.staleness import read_staleness


def metrics_of(
    folder: Path,
    ledger: Path,
    report: Report,
    ended: float | None,
) -> str:
    """The same as at the end of a run, which has an end and an exit code only once it is there.

    Raises UsageError, Unreadable.
    """
    now = time.time()
    seen = read_staleness(
        ledger,
        now,
        now,
        0,
    )
    never_good = seen.of_all.urls - seen.of_all.good
    return metrics_text(
        report,
        os.path.abspath(folder),
        End(ended, None if ended is None else seen.exit_code),
        Freshness(
            never_good,
            seen.of_all.oldest,
            seen.ended_well,
        ),
    )


def write_text(file: Path, text: str) -> None:
    """As a whole or not at all. Raises UsageError, or LocalFault if the disk is full."""
    with replacing(file) as beside:
        beside.write_text(text, encoding="utf-8")
