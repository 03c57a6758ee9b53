"""Links that pages name by the million: what one costs that is known, and whether memory is flat.

What a known link costs is the CPU of a run that follows the links of its pages, all of which stand
in its list, less that of a run over the same list that follows none. The new ones are never asked:
the run ends when the pages that name them have been.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from statistics import median

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Cost, Tree
from benchmarks.scratch import Scratch
from benchmarks.server import serving

LINKS = 1_000  # of each page
FOLLOWING = ("--depth", "1", "--scope", "host")
FLAGS = ("--no-page-images",)
SHARES = (100, 10, 1)  # of what is found: a hundredth, a tenth, all
US = 1e6


def measure(given: argparse.Namespace) -> None:
    """Both, and a table of each."""
    pages = max(1, given.found // LINKS)
    with Scratch() as scratch:
        served = scratch.folder / "served"
        served.mkdir()
        with serving(served) as site:
            table.say(f"{pages:,} pages of {LINKS:,} links each, {site.name}")
            urls = _write_known(served, site.url, pages)
            _show_known(urls, pages * LINKS, given.rounds, scratch)
            rows = [
                _new(served, site.url, max(1, pages // share), scratch)
                for share in SHARES
            ]
    print()
    table.show(["found, new", "peak PSS MB", "wall s", "CPU us a link"], rows)


def _page(title: str, links: list[str]) -> str:
    items = "".join(f"<li><a href='{each}'>on</a>" for each in links)
    return f"<!doctype html><title>{title}</title><ul>{items}</ul>"


def _list_of(names: list[str], url: str, path: Path) -> Path:
    path.write_text("".join(f"{url}/{name}\n" for name in names))
    return path


# -- known ----------------------------------------------------------------------------------------


def _write_known(served: Path, url: str, pages: int) -> Path:
    """Pages that lead to one another."""
    draw = random.Random(1)
    names = [f"known-{number}.html" for number in range(pages)]
    for name in names:
        links = draw.choices(names, k=LINKS)
        (served / name).write_text(_page(name, links))
    return _list_of(names, url, served.parent / "known.txt")


def _show_known(urls: Path, links: int, rounds: int, scratch: Scratch) -> None:
    """By pairs, so that both of a pair meet the same machine."""
    costs = []
    for number in range(rounds):
        plain = _run(urls, scratch)
        following = _run(urls, scratch, *FOLLOWING)
        costs.append((following.cpu - plain.cpu) / links * US)
        table.say(
            f"round {number + 1}/{rounds}: {plain.cpu:.1f} s of CPU without, "
            f"{following.cpu:.1f} s with {links:,} known links"
        )
    print(
        f"a known link: {median(costs):.1f} us of CPU "
        f"({min(costs):.1f}-{max(costs):.1f})"
    )


# -- new ------------------------------------------------------------------------------------------


def _new(served: Path, url: str, pages: int, scratch: Scratch) -> list[str]:
    """Pages each of which leads to its own."""
    names = [f"new-{pages}-{number}.html" for number in range(pages)]
    for name in names:
        links = [f"leaf/{name}-{number}.html" for number in range(LINKS)]
        (served / name).write_text(_page(name, links))
    urls = _list_of(names, url, served.parent / f"new-{pages}.txt")
    limit = ("--max-urls", str(pages))
    cost = _run(urls, scratch, *FOLLOWING, *limit)
    found = pages * LINKS
    return [
        f"{found:,}",
        table.megabytes(cost.pss_bytes),
        f"{cost.wall:.1f}",
        f"{cost.cpu / found * US:.1f}",
    ]


def _run(urls: Path, scratch: Scratch, *flags: str) -> Cost:
    out = scratch.fresh()
    command = contenders.ours(urls, out, [*FLAGS, *flags])
    log = out.with_suffix(".log")
    with Tree(command, cwd=PROJECT, env=clean(), log=log) as tree:
        cost = tree.wait()
    done = contenders.records_done(out)
    table.say(f"{done:,} records, exit {cost.exit}, {cost.wall:.1f} s")
    scratch.done_with(out)
    return cost
