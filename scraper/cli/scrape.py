"""The command line: arguments, signals, progress, exit code. Nothing heavy is imported at the top:
`--help` and a wrong flag answer at once, and workers start while the engine is still loading."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

import scraper
from scraper import config as configuration
from scraper.cli.progress import Progress, answer, say, show_warnings
from scraper.errors import KINDS, LocalFault, ScraperError, UsageError
from scraper.hints import did_you_mean
from scraper.machine import descriptors, streams
from scraper.redaction import redacted, redacted_arguments, redacted_line, redacted_message
from scraper.reports.summary import SOME_FAILED, Report
from scraper.text import printable

if TYPE_CHECKING:
    from scraper.model import Outcome
    from scraper.runner import Run
    from scraper.sources.source import Source

_REASONS = ("failed:", "skipped:")  # lines of a summary that errors.jsonl says more about
COMMANDS = ("run", "status", "explain")  # a list of such a name is ./status
_TITLES = {
    "run": "how much at once, and where",
    "fetch": "requests",
    "hosts": "hosts",
    "page": "pages",
    "image": "pictures",
    "worker": "worker processes",
    "output": "what is said",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (README, "Exit codes")."""
    streams.open_missing()
    streams.outlive_readers()
    try:
        try:
            return _command(list(sys.argv[1:] if argv is None else argv))
        finally:
            streams.flush_output()
    except ScraperError as error:
        _complain(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def _command(arguments: list[str]) -> int:
    command = arguments.pop(0) if arguments[:1] and arguments[0] in COMMANDS else "run"
    if command == "status":
        from scraper.cli import status

        return status.main(arguments, _Parser)
    if command == "explain":
        return _explain(arguments)
    return _run(_parser().parse_args(arguments))


def _complain(error: ScraperError) -> None:
    """One line about what ended the run."""
    word = "stopped" if isinstance(error, LocalFault) else "error"
    say(printable(redacted_message(f"{word}: {error}")))


# -- arguments ------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """One line for a mistake, with the nearest right word."""

    def error(self, message: str) -> NoReturn:
        wrong = message.rpartition(": ")[2].split()[:1]
        hint = ""
        if wrong and "unrecognized" in message:
            word = wrong[0].partition("=")[0]
            if new := configuration.new_flag_of(word):
                raise UsageError(f"{word} is called {new} now")
            hint = did_you_mean(word, _flags(self), "; --help lists all flags")
        raise UsageError(redacted_arguments(message) + hint)


def _flags(parser: argparse.ArgumentParser) -> list[str]:
    return [flag for action in parser._actions for flag in action.option_strings]


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="scraper",
        usage="python -m scraper [options] urls.txt ...",
        description="Fetch pages and images concurrently; get clean records and processed "
        "pictures. The same command again continues what was left unfinished.",
        epilog="durations: 500ms 30s 5m 6h 7d - sizes: 64k 2M 1G - every flag can stand in "
        "scraper.toml or the environment (SCRAPER_THREADS=8); --show-config prints all keys"
        " - python -m scraper status FOLDER: how a run stands - python -m scraper explain URL: "
        "the decisions for one URL",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=28),
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    general = parser.add_argument_group("what")
    general.add_argument(
        "inputs", nargs="*", default=[], metavar="urls.txt",
        help="files of URLs, one a line; '-' for standard input; or URLs; "
        "none: go on with what the folder of --dir knows",
    )  # fmt: skip
    general.add_argument(
        "--retry", nargs="?", const="", metavar="KIND,...",
        help="ask failed URLs again: all, or those kinds, such as timeout_read,http_503",
    )  # fmt: skip
    general.add_argument(
        "--refresh", "-N", action="store_true",
        help="ask all URLs again; what has not changed is not transferred",
    )  # fmt: skip
    general.add_argument(
        "--add-list", action="store_true",
        help="let these lists join a folder that belongs to others",
    )  # fmt: skip
    general.add_argument(
        "--adopt", action="store_true",
        help="take over the records of a folder whose ledger (.scraper) is gone",
    )  # fmt: skip
    general.add_argument("--demo", action="store_true", help="scrape the embedded demo site")
    general.add_argument(
        "--config", metavar="FILE",
        help="configuration, or a profile: polite, images; else ./scraper.toml",
    )  # fmt: skip
    general.add_argument("--show-config", action="store_true", help="print it with its origins")
    general.add_argument("--version", action="version", version=f"scraper {scraper.__version__}")
    groups = {name: parser.add_argument_group(title) for name, title in _TITLES.items()}
    for key in configuration.KEYS.values():
        if key.info.flag:
            _add(groups[key.section], key)
    return parser


def _add(group: argparse._ArgumentGroup, key: configuration.Key) -> None:
    names = [key.info.short, key.flag] if key.info.short else [key.flag]
    default = "" if key.default in ("", (), True, False) else f" ({_shown(key)})"
    says = key.info.help.replace("%", "%%") + default
    if key.type is bool:
        text = f"off: {says}" if key.default is True else says
        group.add_argument(*names, dest=key.name, action="store_const", const=not key.default,
                           help=text)  # fmt: skip
    elif key.is_list:
        group.add_argument(*names, dest=key.name, action="append", help=says,
                           metavar=key.info.metavar)  # fmt: skip
    else:
        metavar = key.info.metavar or "|".join(filter(None, key.info.choices)) or "VALUE"
        group.add_argument(*names, dest=key.name, help=says, metavar=metavar)


def _shown(key: configuration.Key) -> str:
    if key.unit == "bytes":
        return f"{key.default / 2**30:g}G" if key.default >= 2**30 else f"{key.default / 2**20:g}M"
    return f"{key.default:g}s" if key.unit == "seconds" else f"{key.default}"


def _configured(
    arguments: argparse.Namespace,
) -> tuple[configuration.Config, configuration.Origins]:
    flags = {
        name: _joined(configuration.KEYS[name], value)
        for name, value in vars(arguments).items()
        if name in configuration.KEYS
    }
    toml = configuration.file_or_profile(arguments.config) if "config" in arguments else None
    found = toml is None and os.path.lexists("scraper.toml")
    config, origins = configuration.load(flags, toml=Path("scraper.toml") if found else toml)
    if found and not config.output.quiet:
        say("using scraper.toml of this folder")
    return config, origins


def _joined(key: configuration.Key, value: Any) -> Any:
    """A list flag may be repeated; hosts may also be separated by commas, headers may not."""
    if not key.is_list:
        return value
    if key.name == "header":
        return value
    return [part.strip() for each in value for part in each.split(",") if part.strip()]


def _explain(arguments: Sequence[str]) -> int:
    """The flags of a run hold here too: they are what is explained."""
    from scraper.cli.explain import explain

    parser = _parser()
    parser.prog, parser.usage = "scraper explain", "python -m scraper explain [options] URL"
    parser.add_argument("--json", action="store_true", help="the explanation as JSON")
    options = parser.parse_args(arguments)
    if len(options.inputs) != 1:
        raise UsageError("explain takes one URL: python -m scraper explain https://example.com/")
    config, _ = _configured(options)
    told = explain(options.inputs[0], config)
    answer(told.as_json() if "json" in options else told.text())
    return 0


def _retry(arguments: argparse.Namespace) -> list[str] | None:
    """The kinds of --retry; a word that is none of them was meant as the list."""
    if "retry" not in arguments:
        return None
    kinds = [kind.strip() for kind in arguments.retry.split(",") if kind.strip()]
    if len(kinds) == 1 and not arguments.inputs and _may_be_a_list(kinds[0]):
        arguments.inputs = kinds
        return []
    return kinds


def _may_be_a_list(word: str) -> bool:
    """No kind of failure has such a name."""
    return word not in KINDS and (not word.replace("_", "").isalnum() or Path(word).is_file())


# What other programs have as a command.
_WITHOUT_COMMAND = {
    "export": "the records are in the run folder, as lines of JSON in records.jsonl; in a script "
    "scraper.records(folder) gives the last one of each URL",
}


def _meant_by(word: str) -> str:
    """The end of a message about a word that is neither a command nor a file."""
    if word.lower() in _WITHOUT_COMMAND:
        return f"; {_WITHOUT_COMMAND[word.lower()]}"
    flag = f"--{word.lower()}"
    if flag in _flags(_parser()):
        return f"; did you mean {flag}?"
    files = [path.name for path in Path().iterdir() if path.is_file()]
    return did_you_mean(word, [*COMMANDS, *files])


def _sources(inputs: Sequence[str], folder: str) -> list[Source]:
    """The lists that are named; none of them means to go on with what the folder knows."""
    from scraper.sources.source import file_source, given_source

    if not inputs and not folder:
        raise UsageError("no list of URLs is given: python -m scraper urls.txt (or --help)")
    if not inputs:
        return []
    if inputs[0].isalpha() and not Path(inputs[0]).exists():
        raise UsageError(f"no such command or file: {inputs[0]}{_meant_by(inputs[0])}")
    urls = [each for each in inputs if "://" in each]
    files = [file_source(each) for each in inputs if "://" not in each]
    return [*files, given_source(urls)] if urls else files


# -- running --------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace) -> int:
    config, origins = _configured(arguments)
    if "show_config" in arguments:
        answer(configuration.as_toml(config, origins))
        return 0
    if "demo" in arguments:
        if arguments.inputs:
            raise UsageError("--demo brings its own list: leave out yours, or leave out --demo")
        return _demo(config, origins)
    retry = _retry(arguments)
    sources = _sources(arguments.inputs, config.run.dir)
    return _scrape(
        sources,
        config,
        retry,
        refresh="refresh" in arguments,
        add_list="add_list" in arguments,
        adopt="adopt" in arguments,
    )


def _demo(config: configuration.Config, origins: configuration.Origins) -> int:
    from scraper import demo
    from scraper.sources.source import given_source

    with demo.serve() as site:
        values = {"html": "scraper.demo:product", "dir": "downloads/demo-site"}
        wanted = {name: value for name, value in values.items() if name not in origins}
        if "dir" in wanted:
            _forget(Path(wanted["dir"]))  # the site has another port each time
        confined = {**wanted, "allow_hosts": ("127.0.0.1", "localhost")}
        confined_config = configuration.with_keys(config, confined)
        # The site has failures on purpose: a demo that shows them has not failed.
        code = _scrape([given_source(site.urls, "demo")], confined_config, expected=SOME_FAILED)
        if not config.output.quiet:
            say(f"\n{site.note}")
    return code


def _forget(folder: Path) -> None:
    """Remove the result of an earlier demo, and nothing that is none."""
    import shutil

    from scraper.storage.status import owners_of

    if owners_of(folder / ".scraper" / "ledger.sqlite") == ["demo"]:
        shutil.rmtree(folder)


def _scrape(
    sources: Sequence[Source],
    config: configuration.Config,
    retry: Sequence[str] | None = None,
    *,
    refresh: bool = False,
    add_list: bool = False,
    adopt: bool = False,
    expected: int = 0,
) -> int:
    """Run to the end and say what came of it. The exit code `expected` counts as 0."""
    descriptors.raise_limit()
    if not config.run.save_only:
        from scraper.workers.fork_server import prepare

        descriptors.check_minimum()
        prepare()  # workers import their parsers while we import ours
    from scraper.runner import Run

    quiet = config.output.quiet
    show_warnings(config.output)
    run = Run(sources, config, retry, refresh=refresh, add_list=add_list, adopt=adopt)
    progress = Progress(run, config.output)
    interrupted = _Signals(run, progress)
    error: ScraperError | None = None
    try:
        with run:
            interrupted.install()
            if not quiet:
                _say_what_is_begun(run)
            with progress:
                for outcome in run:
                    if config.output.verbose:
                        say(_told(outcome))
    except LocalFault as fault:
        if run.report.stopped is None:  # else the summary says it
            error = fault
    except ScraperError as raised:
        error = raised
    finally:
        interrupted.restore()
        # If nothing was asked, the error is all that there is to say.
        told = run.report.requests if error else run.report.total or run.report.stopped
        if told and not quiet:
            say(_summary(run))
    if error is not None:
        _complain(error)
        return _leave(error.exit_code, run)
    if sources and run.complete and not run.report.lines and (run.report.nothing_due or not quiet):
        say(f"no URL in {', '.join(each.name for each in sources)}")
    code = run.report.exit_code
    if interrupted.signal is not None and not run.complete:
        code = 128 + interrupted.signal
    code = 0 if code == expected else code
    if quiet and code:
        say(_summary_in_a_line(run))
    return _leave(code, run)


def _leave(code: int, run: Run) -> int:
    """The exit code; if a thread that nothing can end would keep the interpreter, the end."""
    if not run.threads_are_back:
        streams.flush_output()
        os._exit(code)
    return code


def _say_what_is_begun(run: Run) -> None:
    if run.adopted:
        say(f"took over {run.adopted:,} records of {printable(str(run.folder))}")
    if run.resumed:
        say(f"continuing pass {run.number} of {printable(str(run.folder))}")
    if run.reopened:
        say(f"the machine went down under the last run: asking {run.reopened:,} again")


def _told(outcome: Outcome) -> str:
    url = (redacted_line if outcome.task.refusal else redacted)(outcome.url)
    failure = outcome.failure
    because = f" ({failure.label}: {redacted(failure.message)})" if failure else ""
    return printable(f"{outcome.state} {url}{because}")


def _summary(run: Run) -> str:
    report, folder = run.report, Path(printable(str(run.folder)))
    lines = report.text().splitlines()
    if report.nothing_due:
        lines.insert(0, f"nothing left to do: pass {report.number} of {folder} is complete")
    first = next((i for i, line in enumerate(lines) if line.startswith(_REASONS)), None)
    if first is not None:
        lines[first] += f"        see {folder / 'errors.jsonl'}"
    files = f"records: {folder / 'records.jsonl'}"
    if (run.folder / "processed").exists():
        files += f"      pictures: {folder / 'processed'}{os.sep}"
    lines.append(files)
    if report.stopped is not None:
        lines.append(_stopped(report))
    return "\n".join(lines)


def _summary_in_a_line(run: Run) -> str:
    """What a quiet run says that did not end well: cron sends it by mail."""
    parts = run.report.text().splitlines()
    if any(part.startswith(_REASONS) for part in parts):
        parts.append(f"see {run.folder / 'errors.jsonl'}")
    if run.report.stopped is not None:
        parts.append(_stopped(run.report))
    return printable(f"{run.folder}: {'; '.join(parts)}")


def _stopped(report: Report) -> str:
    stopped = printable(str(report.stopped))
    # A damaged ledger stays so: what to do about it is said already.
    return f"stopped: {stopped}{'' if '--adopt' in stopped else '; the same command continues'}"


class _Signals:
    """The first signal lets what is under way finish, the second leaves at once."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run = run
        self._progress = progress
        self._before: dict[int, Any] = {}
        self.signal: int | None = None

    def install(self) -> None:
        names = ("SIGINT", "SIGTERM", "SIGHUP")
        if threading.current_thread() is not threading.main_thread():
            return
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup has asked for that
                self._before[number] = signal.signal(number, self._caught)

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            os._exit(128 + number)  # everything committed is safe; the rest is asked again
        self.signal = number
        self._run.stop(f"interrupted ({signal.Signals(number).name})")
        if self._run.config.output.quiet:
            return
        grace = self._run.config.run.grace_seconds
        self._progress.say_soon(
            f"stopping: what is under way may take {grace:g} s (again: leave now)"
        )
