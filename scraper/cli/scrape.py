"""The command `python -m scraper`: what it runs, and its exit code.

Nothing heavy is imported at the top: `--help` and a wrong flag answer at once, and workers start
while the engine is still loading.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from scraper.cli.arguments import (
    COMMANDS,
    Parser,
    build_parser,
    read_configuration,
)
from scraper.cli.signals import Interrupted, Signals
from scraper.cli.terminal import answer, complain, say
from scraper.config import Config, as_toml
from scraper.errors import ScraperError
from scraper.machine import descriptors, streams

# Those that say something of a run folder.
_OF_FOLDERS = {
    "status": "scraper.cli.status",
    "verify": "scraper.cli.verify",
    "prune": "scraper.cli.upkeep.prune",
    "duplicates": "scraper.cli.duplicates",
    "changes": "scraper.cli.history.changes",
    "show": "scraper.cli.history.show",
    "export": "scraper.cli.export",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (README, "Exit codes")."""
    streams.open_missing()
    streams.outlive_readers()
    try:
        try:
            return _run_command(list(sys.argv[1:] if argv is None else argv))
        finally:
            streams.flush_output()
    except ScraperError as error:
        complain(error)
        return error.exit_code
    except Interrupted as interrupted:
        say(f"stopped: {interrupted}; the same command continues")
        return interrupted.exit_code
    except KeyboardInterrupt:
        return 130


def _run_command(arguments: list[str]) -> int:
    command = (
        arguments.pop(0)
        if arguments[:1] and arguments[0] in COMMANDS
        else "run"
    )
    if command in _OF_FOLDERS:
        module = import_module(_OF_FOLDERS[command])
        code: int = module.main(arguments, Parser)
        return code
    if command == "reprocess":
        from scraper.cli import reprocess

        return _run(reprocess.parse(arguments), command, ())
    if command == "explain":
        from scraper.cli import explaining

        return explaining.main(arguments)
    if command == "bench":
        from scraper.cli.bench import command as bench

        return bench.main(arguments)
    if command == "plan":
        from scraper.cli.plan import command as plan

        return plan.main(arguments)
    return _run(build_parser().parse_args(arguments), command, arguments)


# -- commands -------------------------------------------------------------------------------------


def _run(
    arguments: argparse.Namespace, command: str, words: Sequence[str]
) -> int:
    known = arguments.known if "known" in arguments else None
    config, origins = read_configuration(arguments, known)
    if "show_config" in arguments:
        answer(as_toml(config, origins))
        return 0
    if "every" in arguments:
        from scraper.schedule.every import keep_running

        return keep_running(arguments, [command, *words], config)
    from scraper.machine.main_module import refuse_second_run

    # Before signals are handled: a worker that imports a script ends here in silence.
    refuse_second_run()
    with Signals() as signals:
        _prepare_workers(config)
        from scraper.cli.running import RUNS

        return RUNS[command](arguments, config, origins, signals)


def _prepare_workers(config: Config) -> None:
    descriptors.raise_limit()
    if config.run.save_only:
        return
    from scraper.machine.heap import share_one_arena
    from scraper.workers.fork_server import prepare

    descriptors.check_minimum()
    prepare()  # workers import their parsers while we import ours
    share_one_arena()
