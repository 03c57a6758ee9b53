"""`python -m scraper status`: how a run stands, read from its ledger while it goes on."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import orjson

from scraper.cli.history.measured import metrics_of, write_text
from scraper.cli.history.staleness import Watched, watch_folder
from scraper.cli.terminal import answer
from scraper.config.values import seconds_of
from scraper.errors import UsageError
from scraper.frontier.outage import waiting_text
from scraper.frontier.waits import learned_text, standing_of, trouble_of
from scraper.model import HostState
from scraper.redaction import redacted
from scraper.reports.summary import Report, Tally
from scraper.storage.lock import holder_of
from scraper.storage.readers.reading import Unreadable
from scraper.storage.readers.status import HostLeftAlone, RunStatus, read_status
from scraper.text import counted, iso, printable, printable_json

_LEDGER = Path(".scraper", "ledger.sqlite")
_SUMMARY = "summary.json"
MAX_HOSTS = 10  # that are left alone, each with a line
STALE = 3  # the exit code


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Print how the run of a folder (or of a list) stands."""
    parser = parser_class(
        prog="scraper status",
        description="How a run stands; reading does not disturb it.",
    )
    add_folder(parser, json="as one JSON object")
    parser.add_argument(
        "--stale",
        metavar="30m|6h|7d",
        help="which URLs had no good answer within this time; if any, the exit code is 3",
    )
    parser.add_argument(
        "--all",
        action="store_true",
        help="of these all, not the worst ten",
    )
    parser.add_argument(
        "--metrics",
        metavar="FILE|-",
        help="only write how it stands, as Prometheus reads it; -: to standard output",
    )
    options = parser.parse_args(arguments)
    if options.metrics and options.json:
        raise UsageError("--metrics or --json: give one of them")
    folder = find_folder(options.folder)
    watched = _watch(folder, options)
    if options.metrics:
        _give_metrics(folder, options.metrics)
    else:
        _say(folder, watched, as_json=options.json)
    return STALE if watched is not None and watched.is_stale else 0


def _give_metrics(folder: Path, file: str) -> None:
    seen = read_status(folder / _LEDGER)
    process = holder_of(folder)
    text = metrics_of(
        folder,
        folder / _LEDGER,
        _report_of(seen, process),
        None if process else seen.ended,
    )
    if file == "-":
        answer(text.rstrip("\n"))
    else:
        write_text(Path(file), text)


def _say(folder: Path, watched: Watched | None, *, as_json: bool) -> None:
    try:
        seen = read_status(folder / _LEDGER)
    except Unreadable as error:
        facts, text = _of_summary(folder, error)
    else:
        process = holder_of(folder)
        facts, text = _as_dict(seen, process), _text(folder, seen, process)
    if watched is not None:
        facts = {**facts, "stale": watched.as_dict()}
        text = f"{text}\n{watched.text()}"
    if as_json:
        text = printable_json(
            orjson.dumps(facts, option=orjson.OPT_INDENT_2)
        ).decode()
    answer(text)


def _watch(folder: Path, options: argparse.Namespace) -> Watched | None:
    """What is stale, if that is asked."""
    if options.stale is None:
        if options.all:
            raise UsageError("--all belongs to --stale, such as --stale 2d")
        return None
    seconds = seconds_of("--stale", options.stale)
    return watch_folder(
        folder / _LEDGER,
        seconds,
        options.all,
    )


def add_folder(parser: argparse.ArgumentParser, *, json: str) -> None:
    """The arguments of a command that says something of a run folder."""
    parser.add_argument(
        "folder", help="run folder, or the list that it belongs to"
    )
    parser.add_argument("--json", action="store_true", help=json)


def find_folder(given: str) -> Path:
    """The run folder that is meant. Raises UsageError if there is none."""
    for folder in (Path(given), Path("downloads") / Path(given).stem):
        if _holds_a_run(folder):
            return folder
    raise UsageError(
        f"no run in {given}: name a run folder, or a list that was scraped from here"
    )


def _holds_a_run(folder: Path) -> bool:
    denied = None
    for name in (_LEDGER, _SUMMARY):
        try:
            os.stat(folder / name)
            return True
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            denied = error
    if denied is None:
        return False
    shut = folder / ".scraper" if os.access(folder, os.X_OK) else folder
    raise UsageError(f"cannot read {shut}: {denied.strerror}")


def _of_summary(
    folder: Path,
    why: Unreadable,
) -> tuple[dict[str, object], str]:
    """What the last run has left for everybody to read, where its ledger may not be read."""
    path = folder / _SUMMARY
    try:
        summary = orjson.loads(path.read_bytes())
        number, stopped = int(summary["pass"]), summary["stopped"]
        totals = Tally()
        report = Report(number=number, totals=totals)
        report.resume(summary)
        totals.resume(summary.get("totals") or summary)
    except OSError:
        raise why from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise UsageError(f"{path} is no summary of a run") from None
    state = "complete" if stopped is None else f"stopped: {stopped}"
    lines = [
        f"{printable(str(folder))}{os.sep}  pass {number}  {state}, when its last run ended",
        report.text(),
        f"from {_SUMMARY}, because: {why}",
    ]
    facts = {
        "from": _SUMMARY,
        "running": None,
        "process": None,
        "pass": number,
        "counts": summary,
    }
    return facts, "\n".join(lines)


def _as_dict(seen: RunStatus, process: str | None) -> dict[str, object]:
    return {
        "from": "ledger",
        "running": process is not None,
        "process": process,
        "pass": seen.number,
        "started": seen.started,
        "ended": seen.ended,
        "pending": seen.pending,
        "retrying": seen.retrying,
        "hosts": seen.hosts,
        "paused_hosts": [
            {"host": name, "seconds": s} for name, s in seen.paused
        ],
        "waiting_hosts": [_host_as_dict(each) for each in seen.left_alone],
        "learned": [_learned_as_dict(each) for each in seen.learned],
        "no_network": _as_times(_no_network(seen, process)),
        "totals": Tally.of(seen.ends).as_dict(),
        "counts": _counts(seen, process),
    }


def _host_as_dict(each: HostLeftAlone) -> dict[str, object]:
    """Why a host is left alone. Times are ISO 8601, null where there is none."""
    host = each.state
    trouble, is_given_up = trouble_of(host), host.given_up is not None
    return {
        "host": host.name,
        "rule": trouble.rule if trouble else "pause",
        "last_failure": host.failed_with,
        "since": _moment(host.troubled_since),
        "next_probe": None if is_given_up else _moment(host.pause_until),
        "gives_up_at": None if is_given_up else _moment(host.gives_up_at),
        "given_up": host.given_up,
        "not_before": _moment(each.not_before),
        "urls": each.urls,
        "unasked": each.unasked,
        "text": _standing_text(each),
    }


def _learned_as_dict(host: HostState) -> dict[str, object]:
    """What its refusals have taught: requests a second, null where that is nothing."""
    return {
        "host": host.name,
        "rate": host.learned_rate or None,
        "refused_above": host.refused_rate or None,
        "refused_at": _moment(host.rate_refused_at),
        "quota": host.quota or None,
        "pause": host.recovery if host.quota else None,
        "text": _learned_text(host),
    }


def _learned_text(host: HostState) -> str:
    return printable(f"{host.name}: {learned_text(host, time.time())}")


def _moment(at: float | None) -> str | None:
    return iso(at) if at else None


def _standing_text(each: HostLeftAlone) -> str:
    text = standing_of(
        each.state,
        each.urls,
        each.unasked,
        each.not_before,
    )
    return printable(redacted(text))


def _no_network(
    seen: RunStatus, process: str | None
) -> tuple[float, float | None] | None:
    """Of a run that goes on: since when it has none, and when it is tried next."""
    return seen.no_network if process is not None else None


def _as_times(
    outage: tuple[float, float | None] | None,
) -> dict[str, float | None] | None:
    if outage is None:
        return None
    return {"since": outage[0], "next_try": outage[1]}


def _counts(seen: RunStatus, process: str | None) -> dict[str, object]:
    """The counts of the last commit; of a run that goes on, the time since then too."""
    counts = dict(seen.counts)
    at = counts.pop("at", None)
    if process is not None and at is not None:
        counts["seconds"] += max(time.time() - at, 0.0)
    return counts


def _report_of(seen: RunStatus, process: str | None) -> Report:
    report = Report(number=seen.number, totals=Tally.of(seen.ends))
    report.resume(_counts(seen, process))
    return report


def _text(
    folder: Path,
    seen: RunStatus,
    process: str | None,
) -> str:
    report = _report_of(seen, process)
    if process is not None:
        state = f"running (process {process})"
    elif not seen.number:
        state = "nothing was asked yet"
    elif seen.ended is not None:
        state = "complete"
    else:
        state = "interrupted; the same command continues"
    lines = [
        f"{printable(str(folder))}{os.sep}  {_pass_of(seen)}{state}",
        report.text(),
        f"{seen.pending:,} pending on {counted(seen.hosts, 'host')}, "
        f"{seen.retrying:,} to be retried",
    ]
    outage = _no_network(seen, process)
    if outage is not None:
        lines.append(f"waiting: {waiting_text(*outage)}")
    shown = seen.left_alone[:MAX_HOSTS]
    lines += [f"waiting: {_standing_text(each)}" for each in shown]
    if len(seen.left_alone) > MAX_HOSTS:
        more = counted(len(seen.left_alone) - MAX_HOSTS, "more host")
        lines.append(f"waiting: {more}")
    lines += [
        f"learned: {_learned_text(each)}" for each in seen.learned[:MAX_HOSTS]
    ]
    return "\n".join(lines)


def _pass_of(seen: RunStatus) -> str:
    """A folder in which no URL was due yet has no pass."""
    return f"pass {seen.number}  " if seen.number else ""
