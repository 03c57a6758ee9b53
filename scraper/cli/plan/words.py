"""A plan as text, narrow enough for a terminal, and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from msgspec.structs import asdict

from scraper.cli.plan.hosts import HostAhead
from scraper.cli.plan.intake import Taken
from scraper.cli.plan.plan import Plan, Sums
from scraper.config import Config
from scraper.frontier.waits import rate_text
from scraper.run_folder.following import follows_links
from scraper.text import counted, duration, printable

MAX_CHARS = 100  # of a line
MAX_HOST_CHARS = 32
MAX_NOTE_CHARS = 35
MAX_KINDS = 6
MORE = 1.05  # by which one time must be longer than another one to be said beside it


def text_of(plan: Plan, config: Config) -> str:
    """The whole plan."""
    blocks = [
        [*_lines_of_lists(plan.taken)],
        [*_table_of(plan)],
        [*_lines_of_trouble(plan)],
        [*_lines_of_time(plan), *_notes_on(config, plan)],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


# -- what the lists hold ---------------------------------------------------------------------------


def _lines_of_lists(taken: Taken) -> Iterator[str]:
    if taken.lines:
        parts = [counted(taken.lines, "line"), counted(taken.urls, "URL")]
        if taken.repeated:
            parts.append(f"{taken.repeated:,} repeated")
        if refused := taken.refused.total():
            parts.append(f"{refused:,} no URL ({_kinds_text(taken.refused)})")
        yield " · ".join(parts)
    if taken.folder is not None:
        due = [
            f"{number:,} {word}"
            for number, word in (
                (taken.new, "new"),
                (taken.left, "left by an earlier run"),
                (taken.again, "asked again"),
            )
            if number
        ]
        why = f" ({', '.join(due)})" if due else ""
        known = f", {taken.known:,} not again" if taken.known else ""
        if taken.unmodified:
            known += f" ({taken.unmodified:,} by lastmod)"
        yield f"{taken.folder}: {counted(taken.due, 'URL')} due{why}{known}"


def _kinds_text(kinds: Counter[str]) -> str:
    shown = [f"{n:,} {kind}" for kind, n in kinds.most_common(MAX_KINDS)]
    left = len(kinds) - MAX_KINDS
    return ", ".join([*shown, *([counted(left, "more kind")] * (left > 0))])


# -- its hosts -------------------------------------------------------------------------------------


def _table_of(plan: Plan) -> Iterator[str]:
    hosts, others = plan.largest.hosts, plan.largest.others
    if not hosts:
        return
    width = max(len("host"), *(len(_short(e.host)) for e in hosts))
    width = max(width, len(_others_text(others)) if others.hosts else 0)
    yield f"{'host':<{width}}{'URLs':>10}{'to ask':>10}{'at least':>10}"
    for host in hosts:
        name = _short(host.host)
        time = duration(host.least) if host.least else "-"
        row = f"{name:<{width}}{host.urls:>10,}{host.asked:>10,}{time:>10}"
        yield f"{row}   {_note_on(host)}".rstrip()
    if others.hosts:
        asked = others.permitted + others.unknown
        yield f"{_others_text(others):<{width}}{others.urls:>10,}{asked:>10,}"


def _others_text(others: Sums) -> str:
    return f"and {counted(others.hosts, 'more host')}"


def _short(name: str) -> str:
    name = printable(name)
    if len(name) <= MAX_HOST_CHARS:
        return name
    half = (MAX_HOST_CHARS - 3) // 2
    return f"{name[:half]}...{name[-half:]}"


def _note_on(host: HostAhead) -> str:
    """What is worth saying of a host beside its figures."""
    notes = [each for each in (host.refused_kind, host.failing_kind) if each]
    if host.unknown:
        notes.append("left alone for now")
    if host.forbidden:
        notes.append(f"robots.txt forbids {host.forbidden:,}")
    if host.pace.is_learned:
        notes.append(f"{duration(host.pace.interval)} each, as learned")
    elif host.pace.delay:
        notes.append(f"{_seconds(host.pace.delay)} each")
    if host.robots_at and not notes:
        notes.append(f"robots.txt at {host.robots_at}")
    return printable(", ".join(notes))[:MAX_NOTE_CHARS]


# -- what is in the way, and how long it takes -----------------------------------------------------


def _lines_of_trouble(plan: Plan) -> Iterator[str]:
    sums = plan.sums
    if sums.failing:
        yield from _lines_of_unanswered(plan)
    if plan.nobody_answers:
        yield "no host has answered at all: is this machine online?"
    if sums.forbidden:
        yield f"robots.txt forbids {counted(sums.forbidden, 'URL')}"
    if sums.refused:
        urls = counted(sums.refused, "URL")
        yield f"not to be asked: {urls} ({_kinds_text(plan.refused)})"
    if sums.unknown:
        urls = counted(sums.unknown, "URL")
        yield f"not looked at, for their hosts want to be left alone now: {urls}"


def _lines_of_unanswered(plan: Plan) -> Iterator[str]:
    hosts, urls = len(plan.unanswered), counted(plan.sums.failing, "URL")
    kinds = _kinds_text(plan.failing)
    yield f"{counted(hosts, 'host')} without a good answer: {urls} ({kinds})"
    for each in plan.unanswered.hosts:
        urls = counted(each.failing, "URL")
        line = f"  {_short(each.host)}, {urls}: {each.failing_kind}: {each.why}"
        yield printable(line)[:MAX_CHARS]
    if left := plan.unanswered.others.hosts:
        yield f"  and {counted(left, 'more host')}"


def _lines_of_time(plan: Plan) -> Iterator[str]:
    if not plan.sums.permitted:
        if not plan.sums.unknown:
            yield "nothing would be asked"
        return
    course, slowest = plan.course, plan.slowest
    if slowest is not None:
        yield f"at least {duration(course.least)}: {_why_least(slowest)}"
    if course.likely > course.least * MORE:
        about = f"about {duration(course.likely)}"
        yield f"{about} if answers come as quickly as robots.txt did"
        yield f"  bounded by {_bound_text(plan)}"
    if not course.likely:
        yield "how long it takes is not known: no host was asked for anything"


def _why_least(host: HostAhead) -> str:
    urls, each = counted(host.permitted, "URL"), _seconds(host.pace.delay)
    by = "--delay" if host.delay_by == "delay" else "its Crawl-delay"
    return f"{urls} of {printable(host.host)} with {each} between them ({by})"


def _bound_text(plan: Plan) -> str:
    course, host = plan.course, plan.likely_slowest
    if course.is_bound_by_threads or host is None:
        return f"the {course.threads} requests that are made at once"
    name, urls = printable(host.host), counted(host.permitted, "URL")
    if host.pace.is_learned:
        rate = rate_text(1 / host.pace.interval)
        return f"{name}, which has let {rate} through: {urls}"
    if host.pace.delay:
        return f"{name}: {urls} with {_seconds(host.pace.delay)} between them"
    answer = f"{host.pace.answer * 1000:,.0f} ms"
    most = host.pace.at_once
    return f"{name}: {urls} of {answer} each, {most} at once (--per-host)"


def _notes_on(config: Config, plan: Plan) -> Iterator[str]:
    """What comes on top, or does not."""
    if not plan.sums.permitted + plan.sums.unknown:
        return
    if follows_links(config):
        yield "pages that links lead to come on top: how many shows only when they are asked"
    if config.page.page_images != "none":
        yield "pictures that the pages name come on top"
    for flag, limit in (
        ("--max-urls", config.run.max_urls),
        ("--max-time", config.run.max_time_seconds),
        ("--max-bytes", config.run.max_bytes),
    ):
        if limit:
            yield f"a run with {flag} may end before that"


def _seconds(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 120 else duration(seconds)


# -- as JSON ---------------------------------------------------------------------------------------


def dict_of(plan: Plan) -> dict[str, Any]:
    """The same figures under their names."""
    taken, course, others = plan.taken, plan.course, plan.largest.others
    return {
        "folder": None if taken.folder is None else str(taken.folder),
        "lines": taken.lines,
        "urls": taken.urls,
        "repeated": taken.repeated,
        "no_url": dict(taken.refused),
        "due": {
            "new": taken.new,
            "left": taken.left,
            "again": taken.again,
            "all": taken.due,
        },
        "known": taken.known,
        "unmodified": taken.unmodified,
        **asdict(plan.sums),
        "failing_kinds": dict(plan.failing),
        "refused_kinds": dict(plan.refused),
        "at_least_seconds": round(course.least, 3),
        "likely_seconds": round(course.likely, 3),
        "at_once": course.threads,
        "slowest": _name_of(plan.slowest),
        "likely_slowest": _name_of(plan.likely_slowest),
        "largest": [_dict_of_host(each) for each in plan.largest.hosts],
        "unanswered": [_dict_of_host(e) for e in plan.unanswered.hosts],
        "others": asdict(others),
    }


def _name_of(host: HostAhead | None) -> str | None:
    return None if host is None else host.host


def _dict_of_host(host: HostAhead) -> dict[str, Any]:
    facts = asdict(host)
    pace = facts.pop("pace")
    return {
        **{name: None if e == "" else e for name, e in facts.items()},
        "delay_seconds": pace.delay,
        "learned_seconds": round(pace.interval, 3),
        "answer_seconds": round(pace.answer, 3) or None,
        "at_least_seconds": round(host.least, 3),
        "likely_seconds": round(host.likely, 3),
    }
