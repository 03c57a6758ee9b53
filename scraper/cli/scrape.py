"""The command `python -m scraper`: what it runs, and its exit code.

Nothing heavy is imported at the top: `--help` and a wrong flag answer at once, and workers start
while the engine is still loading.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.cli.arguments import (
    COMMANDS,
    Parser,
    build_parser,
    open_sources,
    read_configuration,
    retry_kinds,
)
from scraper.cli.progress import Progress, answer, say, show_warnings
from scraper.cli.signals import Interrupted, Signals
from scraper.cli.summary import (
    outcome_text,
    say_beginning,
    summary_line,
    summary_text,
)
from scraper.config import Config, Origins, as_toml, with_keys
from scraper.errors import LocalFault, ScraperError, UsageError
from scraper.machine import descriptors, streams
from scraper.redaction import redacted_message
from scraper.reports.summary import SOME_FAILED
from scraper.text import printable

if TYPE_CHECKING:
    from scraper.runner import Run
    from scraper.sources.source import Source


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
        _complain(error)
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
    if command == "status":
        from scraper.cli import status

        return status.main(arguments, Parser)
    if command == "explain":
        return _explain(arguments)
    return _run(build_parser().parse_args(arguments))


def _complain(error: ScraperError) -> None:
    """One line about what ended the run."""
    word = "stopped" if isinstance(error, LocalFault) else "error"
    say(printable(redacted_message(f"{word}: {error}")))


# -- commands -------------------------------------------------------------------------------------


def _explain(arguments: Sequence[str]) -> int:
    """The flags of a run hold here too: they are what is explained."""
    from scraper.cli.explain import explain

    parser = build_parser()
    parser.prog, parser.usage = (
        "scraper explain",
        "python -m scraper explain [options] URL",
    )
    parser.add_argument(
        "--json", action="store_true", help="the explanation as JSON"
    )
    options = parser.parse_args(arguments)
    if len(options.inputs) != 1:
        raise UsageError(
            "explain takes one URL: python -m scraper explain https://example.com/"
        )
    config, _ = read_configuration(options)
    explanation = explain(options.inputs[0], config)
    answer(explanation.as_json() if "json" in options else explanation.text())
    return 0


def _run(arguments: argparse.Namespace) -> int:
    config, origins = read_configuration(arguments)
    if "show_config" in arguments:
        answer(as_toml(config, origins))
        return 0
    from scraper.machine.main_module import refuse_second_run

    # Before signals are handled: a worker that imports a script ends here in silence.
    refuse_second_run()
    with Signals() as signals:
        return _run_interruptibly(arguments, config, origins, signals)


def _run_interruptibly(
    arguments: argparse.Namespace,
    config: Config,
    origins: Origins,
    signals: Signals,
) -> int:
    if "demo" in arguments:
        if arguments.inputs:
            raise UsageError(
                "--demo brings its own list: leave out yours, or leave out --demo"
            )
        return _demo(config, origins, signals)
    retry = retry_kinds(arguments)
    sources = open_sources(arguments.inputs, config.run.dir)
    return _scrape(
        sources,
        config,
        signals,
        retry,
        refresh="refresh" in arguments,
        add_list="add_list" in arguments,
        adopt="adopt" in arguments,
    )


def _demo(config: Config, origins: Origins, signals: Signals) -> int:
    from scraper import demo
    from scraper.sources.source import given_source

    with demo.serve() as site:
        values = {"html": "scraper.demo:product", "dir": "downloads/demo-site"}
        defaults = {
            name: value for name, value in values.items() if name not in origins
        }
        if "dir" in defaults:
            # the site has another port each time
            _remove_demo(Path(defaults["dir"]))
        confined = {**defaults, "allow_hosts": ("127.0.0.1", "localhost")}
        sources = [given_source(site.urls, "demo")]
        # The site has failures on purpose: a demo that shows them has not failed.
        confined_config = with_keys(config, confined)
        code = _scrape(sources, confined_config, signals, expected=SOME_FAILED)
        if not config.output.quiet:
            say(f"\n{site.note}")
    return code


def _remove_demo(folder: Path) -> None:
    """Remove the result of an earlier demo, and no other folder."""
    import shutil

    from scraper.storage.status import owners_of

    if owners_of(folder / ".scraper" / "ledger.sqlite") == ["demo"]:
        shutil.rmtree(folder)


# -- a run ----------------------------------------------------------------------------------------


def _scrape(
    sources: Sequence[Source],
    config: Config,
    signals: Signals,
    retry: Sequence[str] | None = None,
    *,
    refresh: bool = False,
    add_list: bool = False,
    adopt: bool = False,
    expected: int = 0,
) -> int:
    """Run to the end and say how it ended. The exit code `expected` counts as 0."""
    _prepare_workers(config)
    from scraper.runner import Run

    show_warnings(config.output)
    run = Run(
        sources, config, retry, refresh=refresh, add_list=add_list, adopt=adopt
    )
    progress = Progress(run, config.output)
    error = _run_to_the_end(run, progress, signals)
    if error is not None:
        _complain(error)
        return _leave(error.exit_code, run)
    quiet, report = config.output.quiet, run.report
    if (
        sources
        and run.complete
        and not report.lines
        and (report.nothing_due or not quiet)
    ):
        say(f"no URL in {', '.join(each.name for each in sources)}")
    code = report.exit_code
    if signals.signal is not None and not run.complete:
        code = 128 + signals.signal
    if code == expected:
        code = 0
    if quiet and code:
        say(summary_line(run))
    return _leave(code, run)


def _prepare_workers(config: Config) -> None:
    descriptors.raise_limit()
    if config.run.save_only:
        return
    from scraper.workers.fork_server import prepare

    descriptors.check_minimum()
    prepare()  # workers import their parsers while we import ours


def _run_to_the_end(
    run: Run, progress: Progress, signals: Signals
) -> ScraperError | None:
    """Consume the outcomes and print the summary; the error that the summary does not say."""
    output = run.config.output
    error: ScraperError | None = None
    try:
        with run:
            signals.attach(run, progress)
            if not output.quiet:
                say_beginning(run)
            with progress:
                for outcome in run:
                    if output.verbose:
                        say(outcome_text(outcome))
    except LocalFault as fault:
        if run.report.stopped is None:  # else the summary says it
            error = fault
    except ScraperError as raised:
        error = raised
    finally:
        signals.restore()
        # If nothing was requested, the error is all that there is to say.
        has_news = (
            run.report.requests
            if error
            else run.report.total or run.report.stopped
        )
        if has_news and not output.quiet:
            say(summary_text(run))
    return error


def _leave(code: int, run: Run) -> int:
    """The exit code; a thread that nothing can end would keep the interpreter, so leave at once."""
    if not run.threads_are_back:
        streams.flush_output()
        os._exit(code)
    return code
