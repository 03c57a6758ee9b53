"""`python -m benchmarks`: the command line of the measurements."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path
from types import FrameType

from benchmarks import (
    edits,
    export,
    facts,
    fetch,
    follow,
    frontier,
    futures,
    fuzz,
    hosts,
    job,
    lookups,
    million,
    nights,
    pace,
    parse,
    pictures,
    process,
    recipes,
    refresh,
    resize,
    silent,
    start,
    tables,
)
from benchmarks.environments import PROJECT, default_cache
from benchmarks.played.limits import LIMITS


def main() -> None:
    """Run one measurement."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Side-by-side measurements on loopback. Only ratios of one run carry over to "
        "another machine or day.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _fetch(commands)
    _job(commands)
    _parse(commands)
    _facts(commands)
    _edits(commands)
    _recipes(commands)
    _pictures(commands)
    _process(commands)
    _resize(commands)
    _refresh(commands)
    _nights(commands)
    _start(commands)
    _million(commands)
    _silent(commands)
    _frontier(commands)
    _hosts(commands)
    _pace(commands)
    _lookups(commands)
    _futures(commands)
    _export(commands)
    _tables(commands)
    _follow(commands)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _ended)
    given.measure(given)


def _ended(number: int, frame: FrameType | None) -> None:
    """Leave by the usual way, so that server, runs and temporary folders do not stay behind."""
    raise SystemExit(128 + number)


_Commands = argparse._SubParsersAction


def _command(commands: _Commands[argparse.ArgumentParser], name: str, says: str,
             ) -> argparse.ArgumentParser:  # fmt: skip
    return commands.add_parser(
        name, help=says, description=says, allow_abbrev=False
    )


def _corpus(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--corpus",
        type=Path,
        default=PROJECT.parent / "shared" / "corpus",
        help="folder with pages/ and photos/; if absent, both are generated",
    )


def _cache(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cache",
        type=Path,
        default=default_cache(),
        help="where the peers' environments are kept (%(default)s)",
    )


def _race(parser: argparse.ArgumentParser) -> None:
    _corpus(parser)
    parser.add_argument("--flags", default="", help="run ours with these flags too: "
                        "--flags='--durable -j 8'")  # fmt: skip
    _turns(parser)


def _turns(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rounds", type=_whole, default=5, help="turns of each (%(default)s)"
    )
    _cache(parser)
    parser.add_argument("--only", default="", metavar="NAMES", help="only these, such as "
                        "ours,scrapy")  # fmt: skip
    _against(parser)


def _against(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--against",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="another checkout of this project, run in the same turns; `--against .` beside it "
        "shows the noise",
    )


def _fetch(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "fetch", "bodies saved, beside a plain script and Scrapy"
    )
    parser.add_argument(
        "--urls", type=_whole, default=10_000, help="(%(default)s)"
    )
    _race(parser)
    parser.set_defaults(measure=fetch.measure)


def _job(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "job", "the whole job, beside Scrapy or img2dataset"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--pages", action="store_true", help="six facts of each page"
    )
    what.add_argument(
        "--images", action="store_true", help="longest side 512, JPEG q85"
    )
    parser.add_argument(
        "--facts",
        choices=("basic", "full"),
        help="of ours with --pages; --against knows them too (the checkout's default)",
    )
    parser.add_argument(
        "--urls",
        type=_whole,
        help=f"(pages {job.PAGES}, images {job.PICTURES})",
    )
    _race(parser)
    parser.set_defaults(measure=job.measure)


def _parse(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "parse", "a page's facts, beside six of them by parsel"
    )
    parser.add_argument(
        "--urls", type=_whole, default=132, help="pages (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=20, help="of each (%(default)s)"
    )
    parser.add_argument("--fuzz", type=_whole, metavar="N",
                        help="parse so many pages that are spoiled at random instead")  # fmt: skip
    parser.add_argument(
        "--seed", type=_whole, default=1, help="of --fuzz (%(default)s)"
    )
    _corpus(parser)
    _cache(parser)
    _against(parser)
    parser.set_defaults(
        measure=lambda given: (fuzz if given.fuzz else parse).measure(given)
    )


def _pictures(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "pictures", "spoiled pictures through the process stage"
    )
    parser.add_argument(
        "--fuzz", type=_whole, default=10_000, help="how many (%(default)s)"
    )
    parser.add_argument("--seed", type=_whole, default=1, help="(%(default)s)")
    parser.set_defaults(measure=pictures.measure)


def _process(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "process", "pictures of this machine, beside a bare pool"
    )
    parser.add_argument(
        "--pictures", type=_whole, default=2_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=6, help="turns of each (%(default)s)"
    )
    _corpus(parser)
    _cache(parser)
    parser.set_defaults(measure=process.measure)


def _facts(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "facts", "what each fact of a page takes")
    parser.add_argument(
        "--urls", type=_whole, default=132, help="pages (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=5, help="of each (%(default)s)"
    )
    _corpus(parser)
    parser.set_defaults(measure=facts.measure)


def _edits(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "edits", "what twelve kinds of edit change in a page"
    )
    parser.add_argument(
        "--urls", type=_whole, default=132, help="pages (%(default)s)"
    )
    parser.add_argument("--seed", type=_whole, default=1, help="(%(default)s)")
    _corpus(parser)
    parser.set_defaults(measure=edits.measure)


def _recipes(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "recipes", "fields and items of pages, beside parsel"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=20, help="of each (%(default)s)"
    )
    _corpus(parser)
    _cache(parser)
    _against(parser)
    parser.set_defaults(measure=recipes.measure)


def _resize(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "resize", "pictures made smaller, beside img2dataset's way"
    )
    parser.add_argument(
        "--urls", type=_whole, default=90, help="cuttings (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=5, help="of each (%(default)s)"
    )
    _corpus(parser)
    _cache(parser)
    _against(parser)
    parser.set_defaults(measure=resize.measure)


def _refresh(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "refresh", "a list of which nothing has changed"
    )
    parser.add_argument(
        "--urls", type=_whole, default=10_000, help="(%(default)s)"
    )
    _race(parser)
    parser.set_defaults(measure=refresh.measure)


def _nights(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "nights",
        "a folder after a year of passes: size, start, memory, a 304",
    )
    parser.add_argument(
        "--urls", type=_whole, default=10_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--nights", type=_whole, default=365, help="(%(default)s)"
    )
    parser.add_argument(
        "--minutes",
        type=_whole,
        default=240,
        help="after which no night is begun (%(default)s)",
    )
    parser.add_argument(
        "--rounds", type=_whole, default=3, help="of the end (%(default)s)"
    )
    parser.add_argument("--disk", type=Path, metavar="DIR", help="work below this folder, not in "
                        "memory")  # fmt: skip
    parser.set_defaults(measure=nights.measure)


def _start(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "start", "--help, the first request, a run of one URL"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=10, help="(%(default)s)"
    )
    _against(parser)
    parser.set_defaults(measure=start.measure)


def _million(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "million", "memory, ledger and first request of a long list"
    )
    parser.add_argument(
        "--urls", type=_whole, default=1_000_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--names", type=_whole, default=1_000, help="hosts (%(default)s)"
    )
    parser.add_argument("--disk", type=Path, metavar="DIR", help="run below this folder, not in "
                        "memory")  # fmt: skip
    parser.add_argument("--load-only", action="store_true",
                        help="one request a host, then nothing: how fast is the list read, how "
                        "large is a pending URL")  # fmt: skip
    parser.set_defaults(measure=million.measure)


def _silent(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "silent", "ten silent hosts beside ten good ones"
    )
    parser.add_argument(
        "--urls", type=_whole, default=100, help="of each host (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=5, help="pairs (%(default)s)"
    )
    parser.add_argument("--latency", type=float, default=0.05, metavar="S",
                        help="before each good answer (%(default)s)")  # fmt: skip
    parser.set_defaults(measure=silent.measure)


def _frontier(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "frontier", "what a decision costs, without any network"
    )
    parser.add_argument(
        "--urls", type=_whole, default=1_000_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--names", type=_whole, default=100_000, help="hosts (%(default)s)"
    )
    parser.set_defaults(measure=frontier.measure)


def _hosts(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "hosts",
        "hosts that refuse, die or lie, played on a virtual clock: is every promise kept?",
    )
    parser.add_argument(
        "--urls", type=_whole, default=300, help="of a list (%(default)s)"
    )
    parser.add_argument(
        "--seeds", type=_whole, default=20, help="plays of each (%(default)s)"
    )
    parser.add_argument(
        "--first", type=_whole, default=1, help="seed (%(default)s)"
    )
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="plays with these words"
    )
    parser.add_argument(
        "--trace",
        action="store_true",
        help="print the log of the first seed instead",
    )
    parser.set_defaults(measure=hosts.measure)


def _pace(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "pace",
        "a host that permits so much and no more, on a real server",
    )
    parser.add_argument(
        "--limit",
        choices=LIMITS,
        default="10/s, burst 10",
        help="(%(default)s)",
    )
    parser.add_argument(
        "--urls", type=_whole, default=500, help="(%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=_whole, default=5, help="runs of each (%(default)s)"
    )
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="ours, scrapy"
    )
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), help="(%(default)s)"
    )
    parser.set_defaults(measure=pace.measure)


def _lookups(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "lookups", "names of new hosts, and a resolver with a limit"
    )
    parser.add_argument(
        "--hosts", type=_whole, default=20_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--threads", type=_whole, default=32, help="of the run (%(default)s)"
    )
    parser.add_argument("--latency", type=float, default=0.05, metavar="S",
                        help="of each look-up (%(default)s)")  # fmt: skip
    parser.add_argument("--limit", type=_whole, default=100,
                        help="of the second resolver, a second (%(default)s)")  # fmt: skip
    parser.add_argument("--seconds", type=_whole, default=30,
                        help="that its list needs at least (%(default)s)")  # fmt: skip
    parser.set_defaults(measure=lookups.measure)


def _futures(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands, "futures", "a session's futures, beside requests-futures"
    )
    parser.add_argument(
        "--urls", type=_whole, default=10_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=futures.PARTS,
        default=futures.PARTS,
        help="what is measured (all)",
    )
    parser.add_argument(
        "--stress",
        action="store_true",
        help="cancel, abort and close at random instead",
    )
    parser.add_argument(
        "--seeds", type=_whole, default=20, help="of --stress (%(default)s)"
    )
    parser.add_argument(
        "--sessions",
        type=_whole,
        help="open and close so many instead: is anything left?",
    )
    _turns(parser)
    parser.set_defaults(measure=futures.measure)


def _export(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(commands, "export", "tables of a generated run folder")
    parser.add_argument(
        "--records", type=_whole, default=200_000, help="(%(default)s)"
    )
    parser.add_argument(
        "--bytes", type=_whole, default=800, help="of each (%(default)s)"
    )
    parser.add_argument(
        "--formats",
        default=",".join(export.FORMATS),
        metavar="NAMES",
        help="(%(default)s)",
    )
    parser.add_argument("--disk", type=Path, metavar="DIR", help="work below this folder, not in "
                        "memory")  # fmt: skip
    parser.set_defaults(measure=export.measure)


def _tables(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "tables",
        "rows of a long CSV, beside a plain list, and a pipe",
    )
    parser.add_argument(
        "--rows", type=_whole, default=5_000_000, help="(%(default)s)"
    )
    parser.add_argument("--gigabytes", type=float, default=2.0, metavar="GB",
                        help="through the pipe, and a tenth of it (%(default)s)")  # fmt: skip
    parser.add_argument("--disk", type=Path, metavar="DIR", help="work below this folder, not in "
                        "memory")  # fmt: skip
    parser.set_defaults(measure=tables.measure)


def _follow(commands: _Commands[argparse.ArgumentParser]) -> None:
    parser = _command(
        commands,
        "follow",
        "a site from its front page, beside Scrapy and wget2: speed, and what each misses",
    )
    parser.add_argument(
        "--pages", type=_whole, default=5_000, help="(%(default)s)"
    )
    parser.add_argument("--seed", type=_whole, default=1, help="(%(default)s)")
    parser.add_argument(
        "--found",
        type=_whole,
        default=1_000_000,
        help="links of the second part (%(default)s)",
    )
    parser.add_argument(
        "--parts",
        nargs="+",
        choices=follow.PARTS,
        default=list(follow.PARTS),
        help="what is measured (all)",
    )
    parser.add_argument(
        "--rounds", type=_whole, default=5, help="turns of each (%(default)s)"
    )
    parser.add_argument(
        "--only", default="", metavar="NAMES", help="ours, scrapy, wget2, wget"
    )
    _cache(parser)
    parser.set_defaults(measure=follow.measure)


def _whole(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a whole number from 1 on"
        )
    return int(text)


if __name__ == "__main__":
    main()
