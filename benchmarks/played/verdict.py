"""One play from one seed, and what the log and the records say of it."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from benchmarks.played.bounds import Bound, bound_of
from benchmarks.played.folder import Folder, Ran
from benchmarks.played.machine import NEVER
from benchmarks.played.promises import (
    Broken,
    broken_promises,
    early_requests,
)
from benchmarks.played.scenarios import Plan, Play
from benchmarks.played.world import START, World

# Of a host that permits so much and no more: what must be reached of that,
# and of the requests what it may refuse, or in an hour.
LEAST_SHARE = 0.8
MOST_REFUSED = 0.05
MOST_AN_HOUR = 6
FIRST_SECONDS = 60.0  # in which that is learned


class Spent(Struct, frozen=True):
    """What a pass took, beside its bound."""

    requests: int
    seconds: float
    bound: Bound


class Pace(Struct, frozen=True):
    """How a host was asked that permits so much and no more, in the first pass."""

    share: float | None  # of what it permits, after the first minute
    refused: int
    answered: int
    seconds: float  # until the last answer
    permitted: float  # seconds that its answers need

    @property
    def faults(self) -> Iterator[str]:
        """What must not be."""
        if self.share is not None and self.share < LEAST_SHARE:
            yield f"pace: {self.share:.0%} of what is permitted"
        asked = self.refused + self.answered
        most = max(MOST_REFUSED * asked, MOST_AN_HOUR * self.seconds / 3_600)
        if self.refused > most:
            yield f"pace: {self.refused} of {asked} refused"


class Verdict(Struct, frozen=True):
    """What came of a play."""

    seed: int
    lost: list[str]  # URLs that ended for good though their host heals
    unasked: int  # URLs after the first pass
    left: int  # URLs unasked or pending after the last
    broken: list[Broken]
    spent: list[Spent]  # pass by pass
    complaints: list[str]
    pace: Pace | None = None

    @property
    def faults(self) -> Iterator[str]:
        """Everything that must not be, in words."""
        for url in self.lost:
            yield f"lost: {url}"
        yield from map(str, self.broken)
        for number, spent in enumerate(self.spent, 1):
            if spent.requests > spent.bound.requests:
                yield f"requests: {spent.requests} of {spent.bound.requests} in pass {number}"
            if spent.seconds > spent.bound.seconds:
                yield f"time: {spent.seconds:.0f} of {spent.bound.seconds:.0f} s in pass {number}"
        yield from self.complaints
        if self.pace is not None:
            yield from self.pace.faults


def judge(plan: Plan, seed: int, urls: int) -> Verdict:
    """Play it: the first run, every second seed killed and resumed, and the runs that follow."""
    verdict, _ = judge_and_keep(plan, seed, urls)
    return verdict


def judge_and_keep(plan: Plan, seed: int, urls: int) -> tuple[Verdict, str]:
    """The verdict, and the story of it, for whoever wants to know why."""
    draw = random.Random(seed)
    play = plan(draw, urls)
    world = World(play.hosts, draw, play.outages)
    with tempfile.TemporaryDirectory(dir=_memory()) as there:
        folder = Folder(Path(there) / "run", world, play.urls, **play.options)
        unasked = _run_all(folder, play, draw)
        verdict = Verdict(
            seed=seed,
            lost=list(_lost(folder)),
            unasked=unasked,
            left=_count_unasked(folder) + folder.count_pending(),
            broken=[
                *broken_promises(world.log, folder.runs),
                *early_requests(folder),
            ],
            spent=[_spent(folder, runs) for runs in _passes(folder.runs)],
            complaints=list(_complaints(folder, play)),
            pace=None if play.permits is None else _pace(folder, play.permits),
        )
        return verdict, "\n".join(_story(folder))


def _memory() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _run_all(folder: Folder, play: Play, draw: random.Random) -> int:
    """Run it as often as the play says. Returns how many URLs the first pass has left unasked."""
    skews = iter(play.skews)
    if draw.random() < 0.5:
        kill_after = draw.choice((draw.uniform(0.05, 5), draw.uniform(5, 100)))
    else:
        kill_after = NEVER
    if folder.run(skew=next(skews, 0.0), kill_after=kill_after).killed:
        folder.wait(draw.choice((0.0, draw.uniform(0.0, 120.0))))
        folder.run(skew=next(skews, 0.0))
    unasked = _count_unasked(folder)
    for seconds in play.later:
        folder.wait(seconds)
        folder.run(skew=next(skews, 0.0))
    return unasked


def _count_unasked(folder: Folder) -> int:
    records = folder.last_records().values()
    return sum(each.get("not_before") is not None for each in records)


def _lost(folder: Folder) -> Iterator[str]:
    for url, record in folder.last_records().items():
        if record["state"] == "done" or record.get("not_before") is not None:
            continue
        parts = urlsplit(url)
        host = folder.world.hosts[parts.hostname or ""]
        if host.heals(int(parts.path[1:])):
            yield f"{url} as {record['error_kind']} {record['status'] or ''}"


def _passes(runs: Sequence[Ran]) -> Iterator[list[Ran]]:
    """The runs, a killed one with the one that resumes it."""
    group: list[Ran] = []
    for run in runs:
        group.append(run)
        if not run.killed:
            yield group
            group = []


def _spent(folder: Folder, runs: Sequence[Ran]) -> Spent:
    numbers = {each.number for each in runs}
    return Spent(
        sum(each.run in numbers for each in folder.world.log),
        sum(each.ended - each.began for each in runs),
        bound_of(folder, runs),
    )


def _pace(folder: Folder, permits: float) -> Pace:
    runs = next(_passes(folder.runs))
    numbers = {each.number for each in runs}
    ended = [
        (each.ended, each.answer.status == 200)
        for each in folder.world.log
        if each.run in numbers and each.ended is not None
    ]
    good = [at for at, is_good in ended if is_good]
    last, counts_from = max(good), runs[0].began + FIRST_SECONDS
    ends = [*(each.ended for each in runs[:-1]), last]
    counted = sum(
        max(end - max(run.began, counts_from), 0.0)
        for run, end in zip(runs, ends, strict=True)
    )
    share = None
    if counted > FIRST_SECONDS:
        share = sum(at > counts_from for at in good) / (permits * counted)
    return Pace(
        share,
        len(ended) - len(good),
        len(good),
        sum(end - run.began for run, end in zip(runs, ends, strict=True)),
        len(good) / permits,
    )


def _complaints(folder: Folder, play: Play) -> Iterator[str]:
    records = folder.records()
    counted = Counter((each["pass"], each["key"]) for each in records)
    twice = [key for key, count in counted.items() if count > 1]
    if twice:
        yield f"records: {len(twice)} twice in a pass"
    pending = folder.count_pending()
    known = {each["canonical_url"] for each in records}
    if len(known | set(folder.urls)) != len(folder.urls):
        yield "records: of URLs that no line names"
    if len(known) + (pending if play.resumable else 0) < len(folder.urls):
        yield f"records: {len(known)} of {len(folder.urls)} lines, {pending} pending"
    for run in folder.runs:
        if run.is_endless:
            yield f"run {run.number} does not end"
    if play.expect is not None:
        yield from play.expect(folder)


def _story(folder: Folder) -> Iterator[str]:
    """The log, and how each run ended."""
    for run in folder.runs:
        yield f"run {run.number} from {run.began - START:.2f} s"
        for each in folder.world.log:
            if each.run != run.number:
                continue
            ended = "" if each.ended is None else f"{each.ended - START:10.2f}"
            answer = each.answer
            said = answer.failure or str(answer.status)
            if answer.retry_after is not None:
                said += f" Retry-After: {answer.retry_after}"
            yield (
                f"{each.began - START:10.2f}{ended:>11}  {each.host}{each.path}"
                f"  {said}{'' if each.arrived else ' (no network)'}"
            )
        how = "killed" if run.killed else f"exit {run.exit_code}"
        yield f"{how} after {run.ended - run.began:.2f} s; {run.stopped or 'complete'}"
    ends = Counter(
        (each["pass"], each["state"], each["error_kind"])
        for each in folder.records()
    )
    for (number, state, kind), count in ends.items():
        yield f"pass {number}: {count} {state} {kind or ''}"
