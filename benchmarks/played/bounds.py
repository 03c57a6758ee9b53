"""How much the program may ask at most, and for how long: the figures beside those of the log."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from benchmarks.played.folder import THREADS, Folder, Ran
from benchmarks.played.promises import is_silent, refuses
from benchmarks.played.world import Request
from scraper.config import Config
from scraper.frontier.lanes import new_host_threads
from scraper.frontier.rate import MIN_RATE
from scraper.frontier.trouble import MAX_PAUSE_JITTER

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
NEW_PATIENCE = 60.0  # for a host that has never answered well
STRETCHED_PATIENCE = 3_600.0  # while other hosts have work
SILENT_PAUSES = (2.0, 8.0, 32.0, 120.0, 120.0)
ROBOTS_REQUESTS = 3
OUTAGE_GRACE = 90.0  # longest probe pause, and one time-out
COMMIT_SECONDS = 2.0
LONGEST_INTERVAL = 1 / MIN_RATE  # at a learned rate


class Bound(Struct, frozen=True):
    """At most so many requests, in at most so many seconds."""

    requests: int
    seconds: float


def probes_within(patience: float) -> int:
    """Probes of a host that refuses all of them, until so many seconds are over.

    >>> probes_within(60), probes_within(900), probes_within(3_600)
    (4, 8, 17)
    """
    count, at, pause = 0, 0.0, FIRST_PAUSE
    while at < patience:
        at = min(at + pause, patience)
        pause = min(2 * pause, LONGEST_PAUSE)
        count += 1
    return count


def bound_of(folder: Folder, runs: Sequence[Ran]) -> Bound:
    """The bound of one pass: of one run, or of those that a kill has parted.

    A request ends in one of three ways. An answer or a failure of the URL's own ends the URL or
    costs it a try: at most URLs x tries of them. Silence costs a try too. A refusal costs none,
    but its lane pauses: between two good answers lie at most as many pauses as fit into the
    patience in force, one probe after each, beside the requests that were under way when the
    first refusal came. A good answer ends or advances a URL, so there are no more such spells of
    trouble than good answers, and one.

    A lane takes no longer than its requests one after another, of a host that refuses with the
    longest interval between them, and for each spell its patience, or the five pauses of a silent
    host. Together they take no longer than the longest lane, and
    all requests spread over the threads (of hosts that have not answered, those for new ones).
    An outage holds all of them until it is over or `offline_wait` is.

    The durations of requests and the number of spells come from the log: what the hosts did. With
    the deadline of a request for the one, and the number of URLs for the other, the bound needs
    no log; it is then larger than anybody will wait for.
    """
    numbers = {each.number for each in runs}
    log = [each for each in folder.world.log if each.run in numbers]
    lanes: dict[str, list[Request]] = {}
    for request in log:
        lanes.setdefault(request.host, []).append(request)
    urls: dict[str, int] = {}
    for url in folder.urls:
        host = url.split("/")[2]
        urls[host] = urls.get(host, 0) + 1
    others_end = _ends(log, folder.runs[-1].ended)
    bounds = [
        _lane_bound(
            urls.get(host, 0),
            asked,
            folder.config,
            _has_answered(folder, host),
            _has_refused(folder, host),
            max((others_end[other] for other in others_end if other != host),
                default=0.0) - asked[0].began,
            kills=len(runs) - 1,
        )
        for host, asked in lanes.items()
    ]  # fmt: skip
    work = sum(map(_seconds, log)) / new_host_threads(THREADS)
    lost = sum(not (each.arrived and each.returned) for each in log)
    longest = max((each.seconds for each in bounds), default=0.0)
    outage = folder.config.hosts.offline_wait_seconds + OUTAGE_GRACE
    return Bound(
        sum(each.requests for each in bounds) + lost,
        longest + work + COMMIT_SECONDS * len(runs) + (outage if lost else 0.0),
    )


def _lane_bound(
    urls: int,
    asked: Sequence[Request],
    config: Config,
    has_answered: bool,
    has_refused: bool,
    others_work: float,
    *,
    kills: int,
) -> Bound:
    spells, in_trouble = 1 + kills, False
    for request in asked:
        bad = refuses(request) or is_silent(request)
        spells += in_trouble and not bad
        in_trouble = bad
    patience = config.hosts.patience_seconds if has_answered else NEW_PATIENCE
    patience = max(patience, min(stretched(others_work), STRETCHED_PATIENCE))
    at_once = config.hosts.per_host * (1 + kills)
    spell_requests = spell_seconds = 0.0
    if any(map(refuses, asked)):
        spell_requests += at_once + probes_within(patience)
        spell_seconds += patience
    if any(map(is_silent, asked)):
        spell_requests += at_once + len(SILENT_PAUSES)
        spell_seconds += sum(SILENT_PAUSES)
    paced = len(asked) if has_refused and has_answered else 0
    tries = config.fetch.retries + 1
    waits = sum(
        config.fetch.retry_wait_seconds * 2.0**n
        for n in range(config.fetch.retries)
    )
    return Bound(
        urls * tries + ROBOTS_REQUESTS + int(spells * spell_requests),
        sum(map(_seconds, asked))
        + paced * LONGEST_INTERVAL
        + spells * spell_seconds
        + waits,
    )


def stretched(others_work: float) -> float:
    """When the last probe comes at the latest that was set while others had work: one pause after
    that, which is no longer than all pauses before it and the first, but for its jitter."""
    pause = min(others_work + FIRST_PAUSE, LONGEST_PAUSE)
    return others_work + pause * (1 + MAX_PAUSE_JITTER)


def _has_answered(folder: Folder, host: str) -> bool:
    return any(
        each.host == host and not (refuses(each) or is_silent(each))
        for each in folder.world.log
    )


def _has_refused(folder: Folder, host: str) -> bool:
    """In any pass: the rate that this teaches is kept."""
    return any(each.host == host and refuses(each) for each in folder.world.log)


def _ends(log: Sequence[Request], end: float) -> dict[str, float]:
    """When each host was last heard of."""
    return {each.host: each.ended or end for each in log}


def _seconds(request: Request) -> float:
    return 0.0 if request.ended is None else request.ended - request.began
