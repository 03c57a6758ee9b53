"""The arguments of the command line: flags out of the keys, lists, and what a wrong word meant."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import scraper
from scraper.cli.terminal import say
from scraper.config import (
    KEYS,
    Config,
    InputSettings,
    Key,
    Origins,
    fate_of_flag,
    file_or_profile,
    load,
)
from scraper.errors import KINDS, UsageError
from scraper.text import did_you_mean

if TYPE_CHECKING:
    from scraper.desk.fetched_lists import FetchedLists
    from scraper.sources.source import Source

COMMANDS = (
    "run",
    "process",
    "reprocess",
    "status",
    "explain",
    "verify",
    "prune",
    "duplicates",
    "changes",
    "show",
    "export",
    "bench",
    "plan",
)  # a list of such a name is ./status
_GROUPS = {
    "run": "how much at once, and where",
    "input": "lists that are tables",
    "fetch": "requests",
    "hosts": "hosts",
    "page": "pages",
    "follow": "links that are followed",
    "traps": "links without end",
    "image": "pictures",
    "file": "anything else",
    "worker": "worker processes",
    "changes": "what has changed since the last time",
    "output": "logging and output",
}
_ASKING_AGAIN = ("retry", "refresh", "max_age")
_EPILOG = (
    "durations: 500ms 30s 5m 6h 7d - sizes: 64k 2M 1G - every flag can stand in scraper.toml or "
    "the environment (SCRAPER_THREADS=8); --show-config prints all keys - "
    "python -m scraper process PICTURES/: files of this machine, no network - "
    "python -m scraper reprocess FOLDER: process again what is stored there - "
    "python -m scraper status FOLDER: how a run stands - "
    "python -m scraper verify FOLDER: whether its files are what its records say - "
    "python -m scraper prune FOLDER: without the files of what is long gone - "
    "python -m scraper duplicates FOLDER: what is there twice, or looks alike - "
    "python -m scraper changes FOLDER: what has changed - "
    "python -m scraper show FOLDER URL: the story of one URL - "
    "python -m scraper explain URL: the decisions for one URL - "
    "python -m scraper export FOLDER -o FILE: tables of what there is - "
    "python -m scraper bench urls.txt: one by one and concurrently, and what bounds it - "
    "python -m scraper plan urls.txt: what a run would have before it, and how long it takes"
)


class Parser(argparse.ArgumentParser):
    """Reports a mistake in one line, with the nearest right word."""

    def error(self, message: str) -> NoReturn:
        from scraper.redaction import redacted_arguments

        wrong = message.rpartition(": ")[2].split()[:1]
        hint = ""
        if wrong and "unrecognized" in message:
            word = wrong[0].partition("=")[0]
            if fate := fate_of_flag(word):
                raise UsageError(f"{word} {fate}")
            hint = did_you_mean(word, self.flags(), "; --help lists all flags")
        raise UsageError(redacted_arguments(message) + hint)

    def flags(self) -> list[str]:
        return [
            flag for action in self._actions for flag in action.option_strings
        ]


def build_parser() -> Parser:
    """The parser of a run, with a flag for each key that has one."""
    parser = Parser(
        prog="scraper",
        usage="python -m scraper [options] urls.txt ...",
        description="Fetch pages and images concurrently; get clean records and processed "
        "pictures. The same command again continues what was left unfinished.",
        epilog=_EPILOG,
        formatter_class=lambda prog: argparse.HelpFormatter(
            prog, max_help_position=28
        ),
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    _add_general(parser.add_argument_group("what"))
    groups = {
        name: parser.add_argument_group(title)
        for name, title in _GROUPS.items()
    }
    for key in KEYS.values():
        if key.info.flag:
            _add_key(groups[key.section], key)
    _add_variant(groups["image"])
    return parser


def _add_variant(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--variant",
        action="append",
        metavar="NAME=WORDS",
        help="one of several results of each picture, such as thumb=128x128,cover,gray,webp; what "
        "its words leave open is as for all; may be repeated",
    )


def _add_general(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "inputs",
        nargs="*",
        default=[],
        metavar="urls.txt",
        help="files of URLs, one a line; '-' for standard input; or URLs; "
        "none: go on with what the folder of --dir knows",
    )
    group.add_argument(
        "--list-url",
        action="append",
        metavar="URL",
        help="a list that is fetched, by each run again; may be repeated",
    )
    group.add_argument(
        "--sitemap",
        action="append",
        metavar="HOST",
        help="what the sitemaps of a host name, which its robots.txt says; may be repeated",
    )
    group.add_argument(
        "--retry",
        nargs="?",
        const="",
        metavar="KIND,...",
        help="ask failed URLs again: all, or those kinds, such as timeout,http_503",
    )
    group.add_argument(
        "--refresh",
        "-N",
        action="store_true",
        help="ask all URLs again; what has not changed is not transferred",
    )
    group.add_argument(
        "--every",
        metavar="T",
        help="keep running: ask all again, or what --max-age says, each time so much has passed",
    )
    group.add_argument(
        "--add-list",
        action="store_true",
        help="let these lists join a folder that belongs to others",
    )
    group.add_argument(
        "--adopt",
        action="store_true",
        help="take over the records of a folder whose ledger (.scraper) is gone",
    )
    group.add_argument(
        "--demo",
        nargs="?",
        const="posters",
        metavar="SITE",
        help="scrape an embedded demo site: posters, shop, catalogue, inks, news, timetable, "
        "gallery, programme, events, api (posters)",
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        help="configuration, or a profile: polite, images; else ./scraper.toml",
    )
    group.add_argument(
        "--show-config", action="store_true", help="print it with its origins"
    )
    group.add_argument(
        "--version", action="version", version=f"scraper {scraper.__version__}"
    )


def _add_key(group: argparse._ArgumentGroup, key: Key) -> None:
    names = [key.info.short, key.flag] if key.info.short else [key.flag]
    text = key.info.help
    if key.default not in ("", (), True, False):
        text += f" ({_describe_default(key)})"
    text = text.replace("%", "%%")
    if key.type is bool:
        text = f"off: {text}" if key.default is True else text
        group.add_argument(
            *names,
            dest=key.name,
            action="store_const",
            const=not key.default,
            help=text,
        )
    elif key.is_repeated:
        group.add_argument(
            *names,
            dest=key.name,
            action="append",
            help=text,
            metavar=key.info.metavar,
        )
    else:
        choices = "|".join(filter(None, key.info.choices))
        metavar = key.info.metavar or choices or "VALUE"
        group.add_argument(*names, dest=key.name, help=text, metavar=metavar)
    for name in key.other_flags:
        group.add_argument(name, dest=key.name, help=argparse.SUPPRESS)
    if key.off_flag:
        group.add_argument(
            key.off_flag,
            dest=key.name,
            action="store_const",
            const=key.info.off,
            help=f"the same as {key.flag} {key.info.off}",
        )


def _describe_default(key: Key) -> str:
    if key.unit == "bytes":
        return (
            f"{key.default / 2**30:g}G"
            if key.default >= 2**30
            else f"{key.default / 2**20:g}M"
        )
    if key.unit == "seconds":
        return f"{key.default:g}s"
    return ",".join(key.default) if key.is_list else f"{key.default}"


# -- what was given -------------------------------------------------------------------------------


def read_configuration(
    arguments: argparse.Namespace, known: Mapping[str, Any] | None = None
) -> tuple[Config, Origins]:
    """The configuration of a command; it is said if that of its folder is used."""
    config, origins = configuration_of(arguments, known)
    found = "config" not in arguments and os.path.lexists("scraper.toml")
    if found and not config.output.quiet:
        say("using scraper.toml of this folder")
    return config, origins


def configuration_of(
    arguments: argparse.Namespace, known: Mapping[str, Any] | None = None
) -> tuple[Config, Origins]:
    """Its flags over the environment over a TOML file, and that over what a folder is known to be
    made with."""
    flags = {
        name: _join_repeated(KEYS[name], value)
        for name, value in vars(arguments).items()
        if name in KEYS
    }
    if "variant" in arguments:
        flags["variant"] = arguments.variant
    toml = file_or_profile(arguments.config) if "config" in arguments else None
    found = toml is None and os.path.lexists("scraper.toml")
    if found:
        toml = Path("scraper.toml")
    return load(flags, known=known, toml=toml, is_found=found)


def _join_repeated(key: Key, value: Any) -> Any:
    """A list flag may be repeated; its value may also be a list with commas, but a header not."""
    if not key.is_repeated or not key.info.splits:
        return value
    parts = (part.strip() for each in value for part in each.split(","))
    return [part for part in parts if part]


def retry_kinds(arguments: argparse.Namespace) -> list[str] | None:
    """The kinds of --retry; a word that is no kind was meant as the list."""
    if "retry" not in arguments:
        return None
    kinds = [
        kind.strip() for kind in arguments.retry.split(",") if kind.strip()
    ]
    if len(kinds) == 1 and not arguments.inputs and _may_be_a_list(kinds[0]):
        arguments.inputs = kinds
        return []
    return kinds


def check_one_of(arguments: argparse.Namespace) -> None:
    """Each of these flags says by itself what is asked again."""
    given = [name for name in _ASKING_AGAIN if name in arguments]
    if len(given) > 1:
        first, second = (f"--{each.replace('_', '-')}" for each in given[:2])
        raise UsageError(
            f"{first} and {second} exclude each other: --retry asks again what failed, --refresh"
            " everything, --max-age what is older"
        )


def _may_be_a_list(word: str) -> bool:
    """No kind of failure has such a name."""
    return word not in KINDS and (
        not word.replace("_", "").isalnum() or Path(word).is_file()
    )


def open_sources(
    inputs: Sequence[str], folder: str, how: InputSettings
) -> list[Source]:
    """The lists that are named; none of them means to go on with what the folder knows."""
    from scraper.sources.source import file_sources, given_source

    if not inputs and not folder:
        raise UsageError(
            "no list of URLs is given: python -m scraper urls.txt (or --help)"
        )
    if not inputs:
        return []
    if inputs[0] in COMMANDS and not Path(inputs[0]).exists():
        raise UsageError(
            f"{inputs[0]} is a command and comes first: python -m scraper {inputs[0]} ..."
        )
    if inputs[0].isalpha() and not Path(inputs[0]).exists():
        raise UsageError(
            f"no such command or file: {inputs[0]}{_probably_meant(inputs[0])}"
        )
    urls = [each for each in inputs if "://" in each]
    names = [each for each in inputs if "://" not in each]
    files = [each for name in names for each in file_sources(name, how)]
    return [*files, given_source(urls)] if urls else files


def open_named(
    arguments: argparse.Namespace,
    folder: str,
    how: InputSettings,
    lists: FetchedLists,
) -> list[Source]:
    """All that the command line names: lists of this machine, lists that are fetched, sitemaps."""
    fetched: list[str] = getattr(arguments, "list_url", [])
    hosts: list[str] = getattr(arguments, "sitemap", [])
    own: list[Source] = []
    if arguments.inputs or not (fetched or hosts):
        own = open_sources(arguments.inputs, folder, how)
    # all of them are looked at before the first is asked for
    urls = [lists.check(each) for each in dict.fromkeys(fetched)]
    robots = [lists.check_host(each) for each in dict.fromkeys(hosts)]
    return [
        *chain.from_iterable(map(lists.with_named, own)),
        *chain.from_iterable(map(lists.fetch, urls)),
        *chain.from_iterable(map(lists.find, robots)),
    ]


def _probably_meant(word: str) -> str:
    """The end of a message about a word that is neither a command nor a file."""
    flag = f"--{word.lower()}"
    if flag in build_parser().flags():
        return f"; did you mean {flag}?"
    files = [path.name for path in Path().iterdir() if path.is_file()]
    return did_you_mean(word, [*COMMANDS, *files])
