"""A site whose every page is known, followed from its front page: how fast, and what each asks.

Pages a second are those of a calm site. What is missed, asked beyond what is permitted, and asked
twice is read from the log of a site that misbehaves, beside the truth of its model.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import contenders, found, table
from benchmarks.environments import clean
from benchmarks.measure import Cost, Tree
from benchmarks.race import Contender
from benchmarks.scratch import Scratch
from benchmarks.sites.apart import Apart, apart
from benchmarks.sites.model import Place
from benchmarks.sites.truth import Options, Truth

PARTS = ("site", "found")
DEPTH = 99
FLAGS = ("--depth", str(DEPTH), "--scope", "host", "--no-page-images")
LIMIT_SECONDS = 1_800.0
HEADERS = (
    "",
    "pages/s",
    "wall s",
    "CPU-ms/page",
    "PSS MB",
    "ours / it",
    "missed",
    "beyond",
    "forbidden",
    "twice",
)


class Asked(NamedTuple):
    """What one run asked, beside what it should have asked."""

    pages: int
    missed: frozenset[Place]
    beyond: frozenset[Place]  # in no way permitted
    forbidden: frozenset[Place]  # by robots.txt
    twice: int  # requests for what was had already, a hop of a redirect or not


class Ran(NamedTuple):
    """One run."""

    cost: Cost
    asked: Asked


def measure(given: argparse.Namespace) -> None:
    """The parts that are wanted."""
    if "site" in given.parts:
        _measure_site(given)
    if "found" in given.parts:
        found.measure(given)
    print(table.repeat())


def _measure_site(given: argparse.Namespace) -> None:
    """Follow it in turns with all who take part, and print the table."""
    field = list(_field(given))
    ran: dict[str, list[Ran]] = {each.name: [] for each in field}
    print(table.machine("our own servers, a calm one and one that misbehaves"))
    with Scratch() as scratch:
        for number in range(given.rounds):
            for each in reversed(field) if number % 2 else field:
                runs = ran[each.name]
                runs.append(_run(each, given, scratch, is_calm=True))
        audits = {
            each.name: _run(each, given, scratch, is_calm=False)
            for each in field
        }
    print()
    table.show(HEADERS, [_row(name, ran, audits) for name in ran])
    for name, audit in audits.items():
        _tell(name, audit.asked)


# -- who takes part -------------------------------------------------------------------------------


def _field(given: argparse.Namespace) -> Iterator[Contender]:
    flags = [*contenders.COMMON, *FLAGS]
    ours = Contender(
        "ours",
        lambda urls, out: contenders.command(urls, out, flags),
        contenders.records_done,
        clean(),
    )
    scrapy = contenders.peer(
        "scrapy",
        "scrapy_follow.py",
        "scrapy",
        contenders.lines_of("pages.jsonl"),
        cache=given.cache,
        only=given.only,
    )
    for each in (ours, scrapy, _wget("wget2"), _wget("wget")):
        if each is not None and contenders.wanted(each.name, given.only):
            yield each


def _wget(name: str) -> Contender | None:
    """It saves bodies, and takes no facts; None, with a line, if it is not installed."""
    program = shutil.which(name)
    if program is None:
        table.say(f"{name} is left out, it is not installed")
        return None
    threads = ["--max-threads=32"] if name == "wget2" else []

    def command(urls: Path, out: Path) -> Sequence[str]:
        return [
            program,
            "--quiet",
            "--recursive",
            f"--level={DEPTH}",
            "--tries=2",
            *threads,
            f"--directory-prefix={out}",
            f"--input-file={urls}",
        ]

    return Contender(name, command, contenders.count_files, clean())


# -- a run ----------------------------------------------------------------------------------------


def _run(
    contender: Contender,
    given: argparse.Namespace,
    scratch: Scratch,
    *,
    is_calm: bool,
) -> Ran:
    out = scratch.fresh()
    urls = out.with_suffix(".txt")
    with apart(given.pages, given.seed, is_calm=is_calm) as served:
        urls.write_text(f"{served.home}\n")
        with Tree(
            contender.command(urls, out),
            cwd=contender.cwd,
            env=contender.env,
            log=out.with_suffix(".log"),
        ) as tree:
            cost = tree.wait(LIMIT_SECONDS)
    asked = _judged(served, is_calm=is_calm)
    scratch.done_with(out)
    kind = "calm" if is_calm else "misbehaving"
    table.say(
        f"{contender.name}, {kind}: {asked.pages:,} pages in {cost.wall:.1f} s, "
        f"{len(asked.missed)} missed, exit {cost.exit}"
    )
    return Ran(cost, asked)


def _judged(served: Apart, *, is_calm: bool) -> Asked:
    site = served.site
    truth = Truth(
        site, [site.entries["home"]], Options(depth=DEPTH, scope="host")
    )
    wanted = truth.requests.keys()
    asked = served.asked
    flaky = {
        place
        for place, page in site.pages.items()
        if page.trouble in ("500", "cut") and not is_calm
    }
    return Asked(
        pages=len(asked.keys() & wanted),
        missed=frozenset(wanted - asked.keys()),
        beyond=frozenset(asked.keys() - wanted),
        forbidden=frozenset(filter(site.is_forbidden, asked)),
        twice=sum(
            max(0, count - 1 - (place in flaky))
            for place, count in asked.items()
        ),
    )


# -- the table ------------------------------------------------------------------------------------


def _row(
    name: str, ran: dict[str, list[Ran]], audits: dict[str, Ran]
) -> list[str]:
    runs = ran[name]
    first = ran.get("ours", runs)
    speeds = [each.asked.pages / each.cost.wall for each in runs]
    ours = [each.asked.pages / each.cost.wall for each in first]
    peaks = [
        each.cost.pss_bytes for each in runs if each.cost.pss_bytes is not None
    ]
    cpu = [1000 * each.cost.cpu / max(1, each.asked.pages) for each in runs]
    asked = audits[name].asked
    return [
        name,
        table.median(speeds),
        table.median([each.cost.wall for each in runs], 1),
        table.median(cpu, 2),
        table.megabytes(median(peaks) if peaks else None),
        table.ratio(
            [a / max(b, 1e-9) for a, b in zip(ours, speeds, strict=True)]
        ),
        str(len(asked.missed)),
        str(len(asked.beyond)),
        str(len(asked.forbidden)),
        str(asked.twice),
    ]


def _tell(name: str, asked: Asked) -> None:
    """Examples of what went wrong."""
    for what, places in (
        ("missed", asked.missed),
        ("beyond", asked.beyond),
    ):
        if places:
            some = sorted(place.path for place in places)[
                :: max(1, len(places) // 4)
            ]
            print(f"{name} {what}: {', '.join(some[:5])}")
