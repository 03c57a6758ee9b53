"""The command `plan`: which hosts a run would ask, what they permit, and how long it takes."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from contextlib import ExitStack

import orjson

from scraper.cli.arguments import (
    build_parser,
    check_one_of,
    read_configuration,
    retry_kinds,
)
from scraper.cli.bench.lists import open_lists
from scraper.cli.plan import intake
from scraper.cli.plan.asking import Asker
from scraper.cli.plan.bound import Course
from scraper.cli.plan.hosts import Judge
from scraper.cli.plan.intake import OpenList
from scraper.cli.plan.plan import Largest, Plan
from scraper.cli.plan.rows import OriginRows
from scraper.cli.plan.words import dict_of, text_of
from scraper.cli.signals import Interrupted, Signals
from scraper.cli.terminal import answer, say
from scraper.config import Config, with_keys
from scraper.engine import guard_of, requests_at_once, wanted_share
from scraper.errors import UsageError
from scraper.machine import descriptors, streams
from scraper.machine.clock import steady_clock
from scraper.opening import teach
from scraper.passes import RunRequest, checked_kinds
from scraper.run_folder.ages import ages_of_run
from scraper.runner import check_settings
from scraper.sources.source import Source
from scraper.storage.faults import local_errors
from scraper.storage.readers.copying import errors_of_copy
from scraper.text import counted

HOSTS = 20
NEWS_SECONDS = 10.0  # from one word on how far it is to the next
_OF_RUNS = ("adopt", "every")
# What is made of bodies is no part of it, so that no worker is counted with.
_NOTHING_MADE = {"save_only": True}


def main(arguments: Sequence[str]) -> int:
    """The flags of a run hold here too: they say what is due. Returns the exit code."""
    options = _build_parser().parse_args(arguments)
    config, _ = read_configuration(options)
    for name in _OF_RUNS:
        if name in options:
            raise UsageError(
                f"--{name} is about runs, and plan saves nothing: leave it out"
            )
    if options.hosts < 1:
        raise UsageError(
            f"--hosts {options.hosts} is invalid: expected 1 or more"
        )
    check_settings(config)
    with ExitStack() as resources, Signals():
        try:
            plan, threads_are_back = _plan(
                options,
                config,
                resources,
            )
        except KeyboardInterrupt as interrupted:
            say("stopped: interrupted, and nothing was saved")
            if isinstance(interrupted, Interrupted):
                return interrupted.exit_code
            return 130
    if "json" in options:
        encoded = orjson.dumps(dict_of(plan), option=orjson.OPT_INDENT_2)
        answer(encoded.decode())
    else:
        answer(text_of(plan, config))
    if not threads_are_back:  # nothing can end them: leave at once
        streams.flush_output()
        os._exit(plan.exit_code)
    return plan.exit_code


def _build_parser() -> argparse.ArgumentParser:
    parser = build_parser()
    parser.prog, parser.usage = (
        "scraper plan",
        "python -m scraper plan [options] urls.txt ...",
    )
    parser.add_argument(
        "--json",
        action="store_true",
        help="the plan as JSON",
    )
    parser.add_argument(
        "--hosts",
        type=int,
        default=HOSTS,
        metavar="N",
        help=f"the N hosts with the most URLs by name, the others in sum ({HOSTS})",
    )
    return parser


def _plan(
    options: argparse.Namespace,
    config: Config,
    resources: ExitStack,
) -> tuple[Plan, bool]:
    """The plan, and whether all threads are back."""
    retry = retry_kinds(options)
    check_one_of(options)
    refresh = "refresh" in options
    news = _News(is_quiet=config.output.quiet or "json" in options)
    config, sources = open_lists(
        options,
        config,
        resources,
        config.run.dir,
        news.say,
    )
    ages = ages_of_run(
        config,
        None,
        asks_otherwise=refresh or retry is not None,
    )
    request = RunRequest(
        sources,
        config,
        checked_kinds(retry),
        refresh or ages is not None,
        add_list="add_list" in options,
        ages=ages,
    )
    opened = intake.open_lists(
        request,
        has_folder="demo" not in options,
        resources=resources,
    )
    for note in filter(None, (each.note for each in sources)):
        news.say(note)
    return _ask(
        opened,
        sources,
        config,
        options.hosts,
        news,
    )


class _News:
    """Says now and then how far it is."""

    def __init__(self, *, is_quiet: bool) -> None:
        self._is_quiet = is_quiet
        self._now = steady_clock()
        self._said_at = self._now()

    def say(self, text: str) -> None:
        """What the user should know of the lists."""
        if not self._is_quiet:
            say(text)

    def begin(
        self,
        urls: int,
        hosts: int,
        config: Config,
    ) -> None:
        """What is about to be done."""
        asked = "each is asked for its robots.txt, and for nothing else"
        if config.hosts.robots == "off":
            asked = "none is asked for anything (--robots off)"
        if not self._is_quiet and hosts:
            urls_and_hosts = (
                f"{counted(urls, 'URL')} of {counted(hosts, 'host')}"
            )
            say(f"{urls_and_hosts}: {asked}; nothing is saved")

    def note(
        self,
        done: int,
        hosts: int,
    ) -> None:
        """So many hosts are done."""
        now = self._now()
        if not self._is_quiet and now - self._said_at >= NEWS_SECONDS:
            self._said_at = now
            say(f"{done:,} of {counted(hosts, 'host')}")


def _ask(
    opened: OpenList,
    sources: Sequence[Source],
    config: Config,
    most: int,
    news: _News,
) -> tuple[Plan, bool]:
    config = with_keys(config, _NOTHING_MADE)
    descriptors.raise_limit()
    share = descriptors.fit_share(wanted_share(config))
    rows = OriginRows(opened.ledger, opened.ahead)
    guard = guard_of(config)
    teach(
        guard,
        opened.ledger,
        sources,
    )
    judge = Judge(
        config,
        opened.ledger,
        opened.ahead,
    )
    at_once = requests_at_once(share) - share.most_quiet
    plan = Plan(
        opened.taken,
        Course(at_once),
        Largest(most),
        Largest(most),
    )
    news.begin(
        opened.taken.due,
        len(rows),
        config,
    )
    now = steady_clock()
    with (
        local_errors(),
        errors_of_copy(opened.known, opened.ledger.path),
        Asker(
            config,
            rows,
            guard,
            opened.ledger.path.parent,
        ) as asker,
    ):
        for done, host in enumerate(asker.found(), 1):
            plan.add(judge.judge(host, now()))
            news.note(done, len(rows))
    return plan, asker.threads_are_back
