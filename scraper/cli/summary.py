"""What a run says of itself: how it began, each URL with --verbose, how it ended."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scraper.cli.terminal import say
from scraper.frontier.waits import nothing_yet_text
from scraper.redaction import redacted, redacted_line
from scraper.reports.summary import Report
from scraper.text import clock_text, counted, printable

if TYPE_CHECKING:
    from scraper.exports.export import Exported
    from scraper.outcomes.outcome import Outcome
    from scraper.runner import Run

# lines of a summary that errors.jsonl says more about
_REASONS = (
    "failed:",
    "skipped:",
)
# How often fields were filled is no news; that one is empty is.
_RATES = "recipe "


def say_beginning(run: Run) -> None:
    """What the folder holds already."""
    if run.adopted:
        say(
            f"took over {run.adopted:,} records of {printable(str(run.folder))}"
        )
    if run.resumed:
        say(f"continuing pass {run.number} of {printable(str(run.folder))}")
    if run.reopened:
        say(
            f"the machine went down under the last run: asking {run.reopened:,} again"
        )


def outcome_text(outcome: Outcome) -> str:
    redact = redacted_line if outcome.task.refusal else redacted
    failure = outcome.failure
    because = (
        f" ({failure.label}: {redacted(failure.message)})" if failure else ""
    )
    return printable(f"{outcome.state} {redact(outcome.url)}{because}")


def summary_text(run: Run) -> str:
    report, folder = run.report, Path(printable(str(run.folder)))
    lines = report.text().splitlines()
    if report.nothing_due:
        lines.insert(0, _nothing_due_text(report, folder))
    first = next(
        (i for i, line in enumerate(lines) if line.startswith(_REASONS)), None
    )
    if first is not None:
        lines[first] += f"        see {folder / 'errors.jsonl'}"
    files = f"records: {folder / 'records.jsonl'}"
    if (run.folder / "processed").exists():
        files += f"      pictures: {folder / 'processed'}{os.sep}"
    lines += [*_advice_lines(run), files]
    lines += _export_lines(run)
    if report.stopped is not None:
        lines.append(_stopped_text(report))
    return "\n".join(lines)


def _export_lines(run: Run) -> list[str]:
    if run.exports is None:
        return []
    lines = [printable(_export_line(each, run)) for each in run.exports.made]
    return [*lines, *_missing_lines(run)]


def _export_line(made: Exported, run: Run) -> str:
    """How many rows a table has, and what may surprise in it."""
    said = f"{made.name}: {counted(made.rows, 'row')}"
    if made.empty:
        said += f", {made.empty:,} without any of these fields"
        said += " (--no-page-images leaves out pictures, --only good failures)"
    totals = run.report.totals or run.report
    recipes = run.exports.recipes_in_cells(made.name) if run.exports else []
    items = sum(map(totals.items_of, recipes))
    if items:
        what = counted(items, "item")
        said += f"; --rows items makes a row of each of {what}"
    return said


def _advice_lines(run: Run) -> list[str]:
    """What helps where URLs were left out, chains of pages go on, or a selector finds nothing."""
    report = run.report
    return [
        *_lastmod_lines(report),
        *_chain_lines(report),
        *_selector_lines(run),
    ]


def _lastmod_lines(report: Report) -> list[str]:
    if not report.unmodified:
        return []
    urls = counted(report.unmodified, "listed URL")
    return [
        f"not asked: {urls}, unmodified since by lastmod; --no-lastmod asks all the same"
    ]


def _chain_lines(report: Report) -> list[str]:
    if report.unfollowed_url is None:
        return []
    url = printable(redacted(report.unfollowed_url))
    return [
        f"next pages are left, such as {url}: "
        "a greater --follow-limit with --refresh asks them"
    ]


def _selector_lines(run: Run) -> list[str]:
    report = run.report
    url = report.unfilled_url
    if url is None or not (report.totals or report).finds_nothing:
        return []
    page = shlex.quote(redacted(url))
    if [each.name for each in run.sources] == ["demo"]:
        path = urlsplit(url).path
        site = path.split("/")[1]  # each is in a folder of its name
        page = f"--demo {site} {path}"
    return [
        printable(
            f"python -m scraper explain {page} --find 'a text you see'"
            " suggests selectors"
        )
    ]


def _missing_lines(run: Run) -> list[str]:
    """What makes the tables that were not made."""
    if run.exports is None or not run.exports.missing:
        return []
    missing = ", ".join(run.exports.missing)
    command = run.exports.command(run.folder)
    return [printable(f"not made: {missing}; {command}")]


def summary_line(run: Run) -> str:
    """What a quiet run says that did not end well: cron sends it by mail."""
    lines = run.report.text().splitlines()
    parts = [line for line in lines if not line.startswith(_RATES)]
    if any(part.startswith(_REASONS) for part in parts):
        parts.append(f"see {run.folder / 'errors.jsonl'}")
    if run.report.stopped is not None:
        parts.append(_stopped_text(run.report))
    parts += [*_lastmod_lines(run.report), *_missing_lines(run)]
    return printable(f"{run.folder}: {'; '.join(parts)}")


def _nothing_due_text(report: Report, folder: Path) -> str:
    totals = report.totals or report
    if report.unasked_hosts and totals.not_before is not None:
        return nothing_yet_text(
            totals.unasked, report.unasked_hosts, totals.not_before
        )
    if report.unmodified:  # they would be the next ones by their age
        return f"nothing of {folder} is due"
    if report.next_due is not None:
        from_when = clock_text(report.next_due)
        return f"nothing of {folder} is old enough: the next URL is due from {from_when} on"
    return f"nothing left to do: pass {report.number} of {folder} is complete"


def _stopped_text(report: Report) -> str:
    stopped = printable(str(report.stopped))
    # A damaged ledger stays so: what to do about it is said already.
    return f"stopped: {stopped}{'' if '--adopt' in stopped else '; the same command continues'}"
