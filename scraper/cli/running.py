"""A run of the command line, from its lists to its exit code.

This module imports the engine; when it is imported, the fork server has been started.
"""

from __future__ import annotations

import argparse
import gc
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scraper.api import local_config, local_makers, local_source
from scraper.cli.arguments import check_one_of, open_named, retry_kinds
from scraper.cli.progress import Progress, show_warnings
from scraper.cli.signals import Signals
from scraper.cli.summary import (
    outcome_text,
    say_beginning,
    summary_line,
    summary_text,
)
from scraper.cli.terminal import complain, say
from scraper.config import Config, Origins, with_keys
from scraper.desk.fetched_lists import FetchedLists
from scraper.engine import Makers
from scraper.errors import LocalFault, ScraperError, UsageError
from scraper.machine import streams
from scraper.reports.summary import SOME_FAILED
from scraper.run_folder.naming import names_of
from scraper.run_folder.recipes import check_recipes
from scraper.runner import Run
from scraper.sources.source import Source
from scraper.text import printable

if TYPE_CHECKING:
    from scraper.run_folder.stored_bodies import Selection


def run_lists(
    arguments: argparse.Namespace,
    config: Config,
    origins: Origins,
    signals: Signals,
) -> int:
    """Run what the command line names; returns the exit code."""
    import scraper.http.fetcher  # noqa: F401  files are read without it

    gc.freeze()  # what is imported by now stays to the end
    gc.enable()
    check_recipes(config, origins.get("recipe", ""))
    if "demo" in arguments:
        if arguments.inputs or {"list_url", "sitemap"} & vars(arguments).keys():
            raise UsageError(
                "--demo brings its own list: leave out yours, or leave out --demo"
            )
        return _demo(arguments.demo, config, origins, signals)
    retry = retry_kinds(arguments)
    check_one_of(arguments)
    with FetchedLists(config, say=_sayer(config)) as lists:
        sources = open_named(
            arguments,
            config.run.dir,
            config.input,
            lists,
        )
        return _scrape(
            sources,
            config,
            signals,
            retry,
            refresh="refresh" in arguments,
            add_list="add_list" in arguments,
            adopt="adopt" in arguments,
        )


def _sayer(config: Config) -> Callable[[str], None]:
    """What says what is fetched before the run begins."""
    if config.output.quiet:
        return lambda _: None
    return lambda text: say(printable(text))


def run_files(
    arguments: argparse.Namespace,
    config: Config,
    origins: Origins,
    signals: Signals,
) -> int:
    """Run the process stage over files of this machine; returns the exit code."""
    gc.freeze()
    gc.enable()
    check_recipes(config, origins.get("recipe", ""))
    for name in ("demo", "list_url", "sitemap", "adopt"):
        if name in arguments:
            flag = "--" + name.replace("_", "-")
            raise UsageError(
                f"{flag} is about URLs, and process reads files of this machine"
            )
    sources = []
    if arguments.inputs or not config.run.dir:
        sources = [local_source(arguments.inputs)]
    return _scrape(
        sources,
        local_config(config),
        signals,
        retry_kinds(arguments),
        refresh="refresh" in arguments,
        add_list="add_list" in arguments,
        makers=local_makers(),
    )


def run_stored(
    arguments: argparse.Namespace,
    config: Config,
    origins: Origins,
    signals: Signals,
) -> int:
    """Run the process stage over the bodies that a folder has stored; returns the exit code."""
    from scraper.run_folder.options import check_functions_given
    from scraper.run_folder.reprocessing import stored_config, stored_makers

    gc.freeze()
    gc.enable()
    check_recipes(config, origins.get("recipe", ""))
    selection: Selection = arguments.selection
    check_functions_given(arguments.made_with, origins, selection.kinds)
    return _scrape(
        [],
        stored_config(config, arguments.folder),
        signals,
        reprocess=selection,
        makers=stored_makers(),
    )


RUNS = {"run": run_lists, "process": run_files, "reprocess": run_stored}


def _demo(
    name: str,
    config: Config,
    origins: Origins,
    signals: Signals,
) -> int:
    from scraper import demo
    from scraper.sources.source import given_source

    demo.check_name(name)
    with demo.serve(name) as site:
        defaults = _defaults_of_demo(name, origins)
        if "dir" in defaults:
            # the site has another port each time
            _remove_demo(Path(defaults["dir"]))
        confined = {**defaults, "allow_hosts": ("127.0.0.1", "localhost")}
        sources = [given_source(site.urls, "demo")]
        # The posters have failures on purpose: a demo that shows them has not failed.
        expected = SOME_FAILED if name == demo.POSTERS else 0
        confined_config = with_keys(config, confined)
        code = _scrape(sources, confined_config, signals, expected=expected)
        if site.note and code == 0 and not config.output.quiet:
            say(f"\n{site.note}")
    return code


def _defaults_of_demo(name: str, origins: Origins) -> dict[str, str]:
    """What holds for a demo where nothing else is said."""
    values = {"dir": f"downloads/demo-{name}"}
    if name == "posters":
        values = {"html": "scraper.demo:product", "dir": "downloads/demo-site"}
    return {key: value for key, value in values.items() if key not in origins}


def _remove_demo(folder: Path) -> None:
    """Remove the result of an earlier demo, and no other folder."""
    import shutil

    from scraper.storage.readers.status import owners_of

    if owners_of(folder / ".scraper" / "ledger.sqlite") == ["demo"]:
        shutil.rmtree(folder)


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
    reprocess: Selection | None = None,
    makers: Makers | None = None,
) -> int:
    """Run to the end and say how it ended. The exit code `expected` counts as 0."""
    show_warnings(config.output)
    for note in filter(None, (each.note for each in sources)):
        if not config.output.quiet:
            say(note)
    run = Run(
        sources,
        config,
        retry,
        refresh=refresh,
        add_list=add_list,
        adopt=adopt,
        reprocess=reprocess,
        makers=makers,
    )
    progress = Progress(run, config.output)
    error = _run_to_the_end(run, progress, signals)
    if error is not None:
        complain(error)
        return _leave(error.exit_code, run)
    quiet, report = config.output.quiet, run.report
    if (
        sources
        and run.complete
        and not report.lines
        and (report.nothing_due or not quiet)
    ):
        say(f"no URL in {', '.join(names_of(sources))}")
    code = report.exit_code
    if signals.signal is not None and not run.complete:
        code = 128 + signals.signal
    if code == expected:
        code = 0
    if quiet and code:
        say(summary_line(run))
    return _leave(code, run)


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
