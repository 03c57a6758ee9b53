"""The command `bench`: the same URLs one by one and concurrently, in a table of three lines."""

from __future__ import annotations

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import orjson

from scraper.cli.arguments import build_parser, read_configuration
from scraper.cli.bench.lists import open_lists
from scraper.cli.bench.race import Race, Runner
from scraper.cli.bench.words import advice_of, bound_text
from scraper.cli.signals import Interrupted, Signals
from scraper.cli.terminal import answer, say
from scraper.config import Config
from scraper.errors import ScraperError, UsageError
from scraper.machine import descriptors
from scraper.outcomes.outcome import Outcome
from scraper.reports.summary import NOTHING_DONE
from scraper.sources.source import Source
from scraper.sources.text import parse_line
from scraper.text import counted
from scraper.urls import Url

URLS = 200
_OF_RUNS = ("retry", "refresh", "add_list", "adopt", "every")


def main(arguments: Sequence[str]) -> int:
    """The flags of a run hold here too, but for those of its folder. Returns the exit code."""
    options = _build_parser().parse_args(arguments)
    config, _ = read_configuration(options)
    for name in _OF_RUNS:
        if name in options:
            flag = "--" + name.replace("_", "-")
            raise UsageError(
                f"{flag} is about runs, and bench measures once and keeps nothing: leave it out"
            )
    with ExitStack() as resources, Signals():
        config, sources = open_lists(options, config, resources)
        urls = _first_urls(sources, options.urls)
        _check_number(urls, sources)
        return _bench(urls, config, as_json="json" in options)


def _build_parser() -> argparse.ArgumentParser:
    parser = build_parser()
    parser.prog, parser.usage = (
        "scraper bench",
        "python -m scraper bench [options] urls.txt ...",
    )
    parser.add_argument(
        "--json", action="store_true", help="the numbers as JSON"
    )
    parser.add_argument(
        "--urls",
        type=int,
        default=URLS,
        metavar="N",
        help=f"only the first N of the list, each of which is asked twice ({URLS})",
    )
    return parser


# -- the list -------------------------------------------------------------------------------------


def _first_urls(sources: Sequence[Source], most: int) -> list[Url]:
    """The first URLs that are different; a line that is none is left out."""
    if most < 2:
        raise UsageError(f"--urls {most} is invalid: expected 2 or more")
    return list(itertools.islice(_different_urls(sources), most))


def _different_urls(sources: Sequence[Source]) -> Iterator[Url]:
    seen: set[str] = set()
    for source in sources:
        for number, raw in enumerate(source.lines(), 1):
            line = parse_line(raw, 0, number)
            if line is None or line.refusal is not None:
                continue
            if line.url.href not in seen:
                seen.add(line.url.href)
                yield line.url


def _check_number(urls: Sequence[Url], sources: Sequence[Source]) -> None:
    names = ", ".join(each.name for each in sources)
    if not urls:
        raise UsageError(f"no URL in {names}")
    if len(urls) == 1:
        raise UsageError(
            f"one URL alone cannot be asked concurrently: {names} needs two or more"
        )


# -- the race -------------------------------------------------------------------------------------


def _bench(urls: Sequence[Url], config: Config, *, as_json: bool) -> int:
    quiet = config.output.quiet or as_json
    if not quiet:
        say(
            f"{counted(len(urls), 'URL')}, each asked twice: concurrently, then one by one; "
            "nothing is kept"
        )
    descriptors.raise_limit()
    runner = Runner(urls, config, lambda text: None if quiet else say(text))
    try:
        race = runner.run()
    except KeyboardInterrupt as interrupted:
        say(
            "stopped: interrupted, and nothing was measured or kept; --urls 20 asks fewer URLs"
        )
        if isinstance(interrupted, Interrupted):
            return interrupted.exit_code
        return 130
    if race is None:
        why = _reasons_of(runner.unanswered)
        raise NothingMeasured(
            f"fewer than two of {counted(len(urls), 'URL')} were answered: {why}"
        )
    if as_json:
        answer(
            orjson.dumps(
                _as_dict(race, config), option=orjson.OPT_INDENT_2
            ).decode()
        )
    else:
        answer(_table_of(race, config))
    return 0


class NothingMeasured(ScraperError):
    """The hosts have not answered, so there is nothing to compare."""

    exit_code = NOTHING_DONE


def _table_of(race: Race, config: Config) -> str:
    lines = [
        _row_of("one by one", race.urls, race.alone_seconds),
        _row_of("concurrently", race.urls, race.together_seconds),
        f"{'speed-up':<14}{race.speed_up:>9.1f} x",
        "",
        f"bounded by {bound_text(race.bound, config)}",
        f"to change that: {advice_of(race.bound, config)}",
    ]
    if race.unanswered:
        why = _reasons_of(race.unanswered)
        number = counted(len(race.unanswered), "URL")
        lines.append(f"not measured, for want of an answer: {number} ({why})")
    return "\n".join(lines)


def _reasons_of(unanswered: Sequence[Outcome]) -> str:
    labels = Counter(
        each.failure.label for each in unanswered if each.failure is not None
    )
    return " · ".join(
        f"{number:,} {label}" for label, number in labels.most_common()
    )


def _row_of(way: str, urls: int, seconds: float) -> str:
    return f"{way:<14}{seconds:>9.2f} s{urls / seconds:>11.1f} URLs/s"


def _as_dict(race: Race, config: Config) -> dict[str, Any]:
    bound = race.bound
    return {
        "urls": race.urls,
        "hosts": race.hosts,
        "one_by_one_seconds": round(race.alone_seconds, 3),
        "concurrent_seconds": round(race.together_seconds, 3),
        "speed_up": round(race.speed_up, 2),
        "bounded_by": {
            "cause": bound.cause,
            "share": round(bound.share, 3),
            "host": bound.host,
            "text": bound_text(bound, config),
            "advice": advice_of(bound, config),
        },
        "not_measured": [
            {"url": each.task.shown_url, "reason": each.reason}
            for each in race.unanswered
        ],
    }
