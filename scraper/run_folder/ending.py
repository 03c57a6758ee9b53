"""How a run leaves its folder: what is gone, the totals, what summary.json says."""

from __future__ import annotations

import sqlite3

import orjson

import scraper
from scraper.errors import LocalFault
from scraper.notices.notices import Notices
from scraper.opening import OpenRun
from scraper.outcomes.fills import Fills
from scraper.reports.fields import Drop, find_drops
from scraper.reports.summary import Report, Tally
from scraper.run_folder.naming import names_of
from scraper.storage.faults import fault_of
from scraper.storage.ledger import Ledger


def end_list(opened: OpenRun, report: Report) -> LocalFault | None:
    """All has been asked: report what is gone. It is committed with the end of the pass.

    Returns the fault of this machine that has kept it from being reported.
    """
    current, changes = opened.current, opened.journal.changes
    if current.previous is None or not (current.is_open or current.refresh):
        return None
    ledger, log = opened.folder.ledger, opened.folder.outputs.changes
    try:
        opened.intake.drop_unlisted()
        report.missing = changes.count_missing(report.changes["new"])
        if report.missing.urls and not report.missing.is_much:
            current.ensure_open()
            report.changes["gone"] += changes.report_gone()
            durable = opened.request.config.run.durable
            ledger.set_position(log.name, log.flush(durable=durable))
    except LocalFault as fault:
        ledger.rollback()
        return fault
    except sqlite3.Error as error:
        ledger.rollback()
        return fault_of(error, ledger.path)
    return None


def save_end(
    report: Report,
    opened: OpenRun,
    now: float,
    notices: Notices | None,
    *,
    in_order: bool,
) -> None:
    """Keep in the ledger and in summary.json how the run has ended. Raises what these raise."""
    ledger, current, complete = (
        opened.folder.ledger,
        opened.current,
        report.stopped is None,
    )
    if opened.pipeline.list_has_ended:
        opened.intake.drop_unlisted()
    report.totals = _totals(opened)
    report.dropped = _dropped(report, ledger)
    report.unasked_hosts = _hosts_to_wait_for(
        report,
        opened,
        now,
    )
    if current.is_open:
        counts = orjson.dumps(report.as_dict())
        ledger.passes.save_counts(
            current.number,
            counts,
            report.exit_code,
            ended=now if complete else None,
        )
    opened.frontier.keep_hosts()
    ledger.hosts.keep_classes(opened.guard.learned())
    opened.pipeline.network.save_places()
    if in_order and not opened.journal.uncommitted:
        # nothing of ours stands behind a position
        ledger.set_meta("ended", "1")
    if complete:
        ledger.set_meta("boot", None)  # from now on files may be moved away
    if notices is not None:
        notices.note_end(report, now)
    ledger.commit()
    _write_summary(report, opened)


def _totals(opened: OpenRun) -> Tally:
    """How the folder's URLs ended last; a script's own, if they came from a script."""
    of_a_script = bool(opened.request.sources) and not opened.intake.lasting
    return Tally.of(
        opened.folder.ledger.ends(opened.intake.seen if of_a_script else None)
    )


def _dropped(report: Report, ledger: Ledger) -> list[Drop]:
    """Fields that were full in an earlier pass, and are not in this one."""
    if not report.fills.recipes:
        return []
    earlier = [
        (each.number, Fills.of_dict(each.counts.get("recipes", {})))
        for each in ledger.passes.newest_first()
        if each.number < report.number
    ]
    return list(find_drops(report.fills, earlier))


def _hosts_to_wait_for(
    report: Report,
    opened: OpenRun,
    now: float,
) -> int:
    """How many hosts something waits for, if nothing is due but what may not be asked yet."""
    not_before = report.totals.not_before if report.totals else None
    if not report.nothing_due or (not_before or 0.0) <= now:
        return 0
    return opened.folder.ledger.passes.unasked_hosts()


def _write_summary(report: Report, opened: OpenRun) -> None:
    named = names_of(opened.request.sources)
    opened.folder.summary.write(
        {
            "version": scraper.__version__,
            "inputs": named
            or list(opened.folder.ledger.sources.names.values()),
            "exit_code": report.exit_code,
            "totals": report.totals.as_dict() if report.totals else None,
            **report.as_dict(),
        }
    )
