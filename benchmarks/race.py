"""Contenders in turns: A B C, C B A, ...; medians, and ratios drawn pair by pair.

A run that has not brought everything is a failed run: it is in no median.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import table
from benchmarks.environments import PROJECT
from benchmarks.measure import Cost, Tree
from benchmarks.scratch import Scratch

WARM_UP_URLS = 20


@dataclass(frozen=True, slots=True)
class Contender:
    """One program: its command for a list and an empty folder, and how many URLs came out of it.

    `before` is another command on the same folder, run first and not measured.
    """

    name: str
    command: Callable[[Path, Path], Sequence[str]]
    came_out: Callable[[Path], int]
    env: Mapping[str, str]
    cwd: Path = PROJECT
    before: Callable[[Path, Path], Sequence[str]] | None = None


@dataclass(slots=True)
class Row:
    """What one contender did, round by round; None stands for a failed run."""

    name: str
    costs: list[Cost | None] = field(default_factory=list)
    problem: str = ""

    def good(self) -> list[Cost]:
        return [cost for cost in self.costs if cost is not None]


def race(contenders: Sequence[Contender], make_list: Callable[[int], Path], urls: int,
         rounds: int, scratch: Scratch) -> list[Row]:  # fmt: skip
    """Run each contender once on a short list, which is not counted, and then in turns."""
    rows = {each.name: Row(each.name) for each in contenders}
    fit = []
    short = min(WARM_UP_URLS, urls)
    for each in contenders:
        _, problem = _run(each, make_list(short), short, scratch)
        if problem:
            rows[each.name].problem = problem
            table.say(f"warm-up: {each.name} failed: {problem}")
        else:
            fit.append(each)
    whole = make_list(urls)
    for number in range(1, rounds + 1):
        # There and back: what drifts on this machine favours nobody.
        for each in fit if number % 2 else reversed(fit):
            cost, problem = _run(each, whole, urls, scratch)
            row = rows[each.name]
            row.costs.append(cost)
            row.problem = problem or row.problem
            said = f"failed: {problem}" if cost is None else _line(cost, urls)
            table.say(f"round {number}/{rounds}: {each.name}: {said}")
    return list(rows.values())


def _run(contender: Contender, urls: Path, count: int,
         scratch: Scratch) -> tuple[Cost | None, str]:  # fmt: skip
    folder = scratch.fresh()
    log = folder.with_suffix(".log")
    if contender.before is not None:
        subprocess.run(
            contender.before(urls, folder),
            cwd=contender.cwd,
            env=dict(contender.env),
            check=False,
        )
    command = contender.command(urls, folder)
    with Tree(command, cwd=contender.cwd, env=contender.env, log=log) as tree:
        cost = tree.wait()
    came_out = contender.came_out(folder) if folder.exists() else 0
    scratch.done_with(folder)
    if came_out == count and cost.exit == 0:
        return cost, ""
    lines = log.read_text(errors="replace").strip().splitlines()
    last = f": {lines[-1][:200]}" if lines else ""
    return None, f"{came_out} of {count} came out, exit {cost.exit}{last}"


def _line(cost: Cost, urls: int) -> str:
    return f"{cost.wall:.2f} s, {urls / cost.wall:,.0f}/s"


def show(rows: Sequence[Row], urls: int, unit: str = "URL") -> None:
    """The table; the first row is the one that the others are compared with."""
    first = rows[0]
    headers = ["", f"{unit}s/s", "wall s", f"CPU-ms/{unit}", "PSS MB", "others", "rounds",
               f"{first.name} / it", "CPU of it"]  # fmt: skip
    print()
    table.show(headers, [_cells(row, first, urls) for row in rows])
    for row in rows:
        if row.problem:
            print(f"{row.name}: failed in {len(row.costs) - len(row.good())} of "
                  f"{len(row.costs)} rounds: {row.problem}")  # fmt: skip
    print(
        f"medians; '{first.name} / it': speed of {first.name} over the row's, pair by pair: "
        f"median (least-largest)\n'CPU of it': its CPU time over that of {first.name}, likewise\n"
        "PSS: peak of the process tree; others: cores that server and all else on the machine took"
    )


def _cells(row: Row, first: Row, urls: int) -> list[str]:
    costs = row.good()
    if not costs:
        return [row.name, "failed", *["-"] * 7]
    pairs = zip(first.costs, row.costs, strict=False)
    both = [(a, b) for a, b in pairs if a is not None and b is not None]
    peaks = [
        cost.pss_bytes / 1e6 for cost in costs if cost.pss_bytes is not None
    ]
    others = [cost.others for cost in costs if cost.others is not None]
    return [
        row.name,
        table.median([urls / cost.wall for cost in costs]),
        table.median([cost.wall for cost in costs], 2),
        table.median([1000 * cost.cpu / urls for cost in costs], 2),
        table.median(peaks),
        table.median(others, 2),
        f"{len(costs)}/{len(row.costs)}",
        table.ratio([b.wall / a.wall for a, b in both]),
        table.ratio([b.cpu / a.cpu for a, b in both]),
    ]
