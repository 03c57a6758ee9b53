"""`--metrics FILE`: how a run has ended, for a collector that reads files."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from scraper.errors import ScraperError
from scraper.exports.replacing import replacing
from scraper.opening import OpenRun
from scraper.reports.metrics import End, Freshness, metrics_text
from scraper.reports.summary import Report
from scraper.storage.faults import local_errors
from scraper.storage.readers.staleness import goodness_of, last_good_end

logger = logging.getLogger("scraper")


def write_metrics(opened: OpenRun, report: Report, now: float) -> None:
    """Replace the file, if one is wanted. What keeps it from that is said, and harms nothing."""
    file = opened.request.config.output.metrics
    if not file:
        return
    try:
        with local_errors(opened.folder.path):
            text = _text(opened, report, now)
            with replacing(Path(file)) as beside:
                beside.write_text(text, encoding="utf-8")
    except ScraperError as error:
        logger.error("metrics: %s could not be written: %s", file, error)


def _text(opened: OpenRun, report: Report, now: float) -> str:
    connection = opened.folder.ledger.connection
    goodness = goodness_of(connection, now)
    fresh = Freshness(
        goodness.urls - goodness.good,
        goodness.oldest,
        last_good_end(connection),
    )
    folder = os.path.abspath(opened.folder.path)
    return metrics_text(
        report,
        folder,
        End(now, report.exit_code),
        fresh,
    )
