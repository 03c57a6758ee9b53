"""Hosts that refuse, die, lie or come back, played on a virtual clock: is every promise kept?

The program is the real one, from its list to its records; fetching, threads and time are played
(`benchmarks/played/`). What counts is the log of the played hosts, never what the program believes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks import table
from benchmarks.played.scenarios import PLANS
from benchmarks.played.verdict import Verdict, judge, judge_and_keep

HEADERS = ("play", "lost", "unasked", "left", "gaps", "probes", "requests", "bound", "time s",
           "bound s", "records", "as told")  # fmt: skip
PACE_HEADERS = (
    "play",
    "share least",
    "median",
    "refused most",
    "time/permitted",
    "most",
)
SHOWN = 3  # faults of a play that are written out


def measure(given: argparse.Namespace) -> None:
    """Play all scenarios with all seeds, and print a row for each; leave with 1 if one is red."""
    names = [name for name in PLANS if given.only in name]
    if given.trace:
        for name in names:
            verdict, story = judge_and_keep(
                PLANS[name], given.first, given.urls
            )
            print(story, *verdict.faults, sep="\n")
        return
    rows: list[list[str]] = []
    paces: list[list[str]] = []
    faults: list[str] = []
    for name in names:
        began = time.perf_counter()
        verdicts = [
            judge(PLANS[name], seed, given.urls)
            for seed in range(given.first, given.first + given.seeds)
        ]
        seconds = (time.perf_counter() - began) / given.seeds
        rows.append(row_of(name, verdicts))
        faults += _faults(name, verdicts)
        paces += pace_rows_of(name, verdicts)
        table.say(f"{name}: {seconds:.1f} s for a seed")
    table.show(HEADERS, rows)
    print(
        f"{given.seeds} seeds each, {given.urls} URLs; lost, gaps, probes: must be 0; requests and "
        "time: the pass that came nearest to its bound, by the played clock"
    )
    if paces:
        table.show(PACE_HEADERS, paces)
        print(
            "share: of what the host permits, after the first minute; time: until the last answer"
        )
    print(table.repeat())
    if faults:
        print(*faults, sep="\n")
        raise SystemExit(1)


def row_of(name: str, verdicts: Sequence[Verdict]) -> list[str]:
    """A line of the table."""
    spent = [each for verdict in verdicts for each in verdict.spent]
    asked = max(
        spent, key=lambda each: _share(each.requests, each.bound.requests)
    )
    longest = max(
        spent, key=lambda each: _share(each.seconds, each.bound.seconds)
    )
    broken = [each.promise for verdict in verdicts for each in verdict.broken]
    complaints = [each for verdict in verdicts for each in verdict.complaints]
    of_records = [each for each in complaints if each.startswith("records")]
    return [
        name,
        str(sum(len(each.lost) for each in verdicts)),
        _range([each.unasked for each in verdicts]),
        _range([each.left for each in verdicts]),
        str(broken.count("gap")),
        str(broken.count("probe")),
        str(asked.requests),
        str(asked.bound.requests),
        f"{longest.seconds:.0f}",
        f"{longest.bound.seconds:.0f}",
        f"{len(of_records)} wrong" if of_records else "= lines",
        f"{len(complaints) - len(of_records)} not" if len(complaints) > len(of_records) else "yes",
    ]  # fmt: skip


def pace_rows_of(name: str, verdicts: Sequence[Verdict]) -> Iterator[list[str]]:
    """A line of the second table, if the play has a host that permits so much and no more."""
    paces = [each.pace for each in verdicts if each.pace is not None]
    if not paces:
        return
    shares = sorted(each.share or 1.0 for each in paces)
    refused = [each.refused / (each.refused + each.answered) for each in paces]
    times = sorted(each.seconds / each.permitted for each in paces)
    yield [
        name,
        f"{shares[0]:.0%}",
        f"{median(shares):.0%}",
        f"{max(refused):.1%}",
        f"{median(times):.2f}",
        f"{times[-1]:.2f}",
    ]


def _share(figure: float, bound: float) -> float:
    return figure / bound if bound else figure


def _range(values: Sequence[int]) -> str:
    least, most = min(values), max(values)
    return str(most) if least == most else f"{least}-{most}"


def _faults(name: str, verdicts: Sequence[Verdict]) -> list[str]:
    found = [
        f"{name}, seed {verdict.seed}: {fault}"
        for verdict in verdicts
        for fault in verdict.faults
    ]
    more = len(found) - SHOWN
    return [*found[:SHOWN], *([f"{name}: {more} more"] if more > 0 else [])]
