"""What bounded a concurrent run, and what to change, in plain words."""

from __future__ import annotations

from scraper.cli.bench.bound import Bound
from scraper.config import Config
from scraper.engine import most_threads_of, wanted_share
from scraper.text import counted

MARGIN_SECONDS = 0.1  # that our own work takes between two requests


def bound_text(bound: Bound, config: Config) -> str:
    """The cause, with its figure."""
    share = f"{bound.share:.0%} of the time"
    match bound.cause:
        case "politeness":
            why = _why_alone(bound, config)
            return f"politeness: for {share} {bound.host} was left alone, {why}"
        case "network" if bound.has_queue:
            return (
                f"the network: for {share} URLs of {bound.host} waited for its answers, each of "
                f"which takes {_milliseconds(bound)}, with at most {bound.at_once} under way"
            )
        case "network":
            return (
                f"the network: for {share} the run waited for answers of {bound.host}, which takes "
                f"{_milliseconds(bound)} for one"
            )
        case "threads":
            threads = most_threads_of(config, wanted_share(config))
            return (
                f"the number of threads: for {share} all {threads} were at work"
            )
        case "workers":
            workers = counted(wanted_share(config).processes, "worker")
            return f"the processor: for {share} all answers were there, in the hands of {workers}"
        case "cpu":
            return f"the processor: this process has used {bound.share:.0%} of a core"


def advice_of(bound: Bound, config: Config) -> str:
    """What would make it faster."""
    match bound.cause:
        case "politeness" if bound.refusals:
            return (
                "ask it less at once (--per-host), so that it need not refuse"
            )
        case "politeness" if _delay_is_ours(bound, config):
            return "a shorter --delay, if the host permits it"
        case "politeness":
            return "nothing, it is the host's wish; other hosts go on meanwhile, if a list has them"
        case "network" if bound.has_queue:
            return _advice_of_queue(bound, config)
        case "network":
            return (
                "nothing here: in a longer list other URLs are asked meanwhile"
            )
        case "threads":
            threads = most_threads_of(config, wanted_share(config))
            return f"--threads {2 * threads}"
        case "workers":
            return "more cores, less to do for each URL, or --save-only"
        case "cpu":
            return "a faster core, or parts of the list on several machines"


def _advice_of_queue(bound: Bound, config: Config) -> str:
    most = config.hosts.per_host
    if bound.at_once >= most:
        return f"--per-host {2 * most}, if the host permits it"
    return (
        f"a longer list: a host that stays as quick is asked more at once, up to {most} "
        "(--per-host)"
    )


def _delay_is_ours(bound: Bound, config: Config) -> bool:
    """Is the host asked as often as --delay permits?"""
    hosts = config.hosts
    longest = hosts.delay_seconds * (1 + hosts.jitter) + bound.answer_seconds
    return bound.interval_seconds <= longest + MARGIN_SECONDS


def _milliseconds(bound: Bound) -> str:
    return f"{bound.answer_seconds * 1000:,.0f} ms"


def _why_alone(bound: Bound, config: Config) -> str:
    if bound.refusals:
        return f"which has refused {counted(bound.refusals, 'time')}"
    if _delay_is_ours(bound, config):
        return f"because of --delay {config.hosts.delay_seconds:g}s"
    return (
        f"and asked once in {bound.interval_seconds:.1f} s: its Crawl-delay (robots.txt), or the "
        "rate that it permits"
    )
