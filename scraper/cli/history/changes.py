"""`python -m scraper changes`: what has changed in the last pass, or since then."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from scraper.cli.status import add_folder, find_folder
from scraper.cli.terminal import answer_printable, shows_colours
from scraper.config.values import seconds_of
from scraper.outcomes.changes import label_of_line
from scraper.reports.changes import counts_text
from scraper.reports.diffs import (
    Line,
    Piece,
    diff_texts,
    diff_values,
    shorten,
)
from scraper.reports.history import (
    Wanted,
    changes_in,
    last_pass_in,
    record_at,
)
from scraper.text import counted, iso, printable

MAX_SHOWN_LINES = 40  # of a text, and of each list
_STYLES = {"removed": "31", "added": "32"}
_MARKS = {"removed": ("[-", "-]"), "added": ("{+", "+}")}
_COLOURS = {
    "new": "32",
    "changed": "33",
    "moved": "33",
    "back": "32",
    "gone": "31",
    "unknown": "35",
    "noise": "2",
}


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Print the counts, then each change with what differs."""
    options = _build_parser(parser_class).parse_args(arguments)
    folder = find_folder(options.folder)
    wanted, span = _choose(options, folder)
    if options.json:
        for line, _ in changes_in(folder, wanted):
            answer_printable(line.decode())
        return 0
    counts = Counter(
        label_of_line(each) for _, each in changes_in(folder, wanted)
    )
    what = counts_text(counts) or "nothing has changed"
    answer_printable(printable(f"{folder}  {span}: {what}"))
    in_colours = shows_colours()
    for _, each in changes_in(folder, wanted):
        for text in _lines_of(each, folder, in_colours):
            answer_printable(text)
    return 0


def _build_parser(
    parser_class: type[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = parser_class(
        prog="scraper changes",
        description="What has changed in the last pass that found any change; nothing is written.",
    )
    add_folder(parser, json="the lines of changes.jsonl")
    when = parser.add_mutually_exclusive_group()
    when.add_argument("--pass", dest="number", type=int, metavar="N",
                      help="what pass N has found")  # fmt: skip
    when.add_argument("--since", metavar="T",
                      help="what was found since so long ago, such as 7d")  # fmt: skip
    return parser


def _choose(options: argparse.Namespace, folder: Path) -> tuple[Wanted, str]:
    """Which lines are meant, and in words."""
    if options.since is not None:
        moment = iso(time.time() - seconds_of("--since", options.since))
        return (lambda _, at: at >= moment), f"since {moment[:16]} UTC"
    number = options.number
    if number is None:
        number = last_pass_in(folder)
    return (lambda of, _: of == number), f"pass {number}"


# -- one line of the file ----------------------------------------------------------------------


def _lines_of(
    change: Mapping[str, Any], folder: Path, in_colours: bool
) -> Iterator[str]:
    label = label_of_line(change)
    word = _in_colour(f"{change['change']:8}", _COLOURS[label], in_colours)
    reason = f"  ({change['reason']})" if change["reason"] else ""
    if label == "noise":
        reason = "  (other bytes alone)"
    yield f"{word} {printable(change['url'])}{printable(reason)}"
    for name, line in _differences(change, folder):
        shown = "".join(_show(piece, in_colours) for piece in line)
        yield f"    {printable(name)}: {shown}" if name else f"    {shown}"


def _differences(
    change: Mapping[str, Any], folder: Path
) -> Iterator[tuple[str, Line]]:
    """What differs, by name, a line each; the lines of one text have its name once."""
    what: Mapping[str, Any] = change["what"]
    for name in ("address", "status", "title"):
        if name in what:
            yield name, diff_values(what[name]["before"], what[name]["after"])
    yield from _fields(what.get("fields"))
    if "picture" in what:
        yield "picture", diff_values(None, "other pixels")
    if "text" in what:
        yield from _limit(_text(change, folder))
    yield from _links(what.get("links"))
    if what.keys() == {"bytes"} and not change["noise"]:
        yield "bytes", diff_values(None, "others")


def _fields(fields: Mapping[str, Any] | None) -> Iterator[tuple[str, Line]]:
    if fields is None:
        return
    for each in fields["values"][:MAX_SHOWN_LINES]:
        of = f" of {shorten(str(each['item']))}" if each["item"] else ""
        yield (
            f"{each['field']}{of}",
            diff_values(each["before"], each["after"]),
        )
    yield from _more(fields["total"] - MAX_SHOWN_LINES, "value")


def _text(
    change: Mapping[str, Any], folder: Path
) -> Iterator[tuple[str, Line]]:
    """The visible text, of which the records have both states."""
    key = change["id"].partition("-")[0]
    before = record_at(folder, change["before_offset"], key).get("text")
    after = record_at(folder, change["offset"], key).get("text")
    if before is None or after is None:
        yield "text", diff_values(None, "another one")
        return
    yield from zip(_once("text"), diff_texts(before, after), strict=False)


def _once(name: str) -> Iterator[str]:
    yield name
    while True:
        yield ""


def _links(links: Mapping[str, Any] | None) -> Iterator[tuple[str, Line]]:
    if links is None:
        return
    for name in ("added", "removed"):
        for url in links[name][:MAX_SHOWN_LINES]:
            pair = (None, url) if name == "added" else (url, None)
            yield "link", diff_values(*pair)
        yield from _more(links[f"{name}_total"] - MAX_SHOWN_LINES, "link")


def _limit(
    lines: Iterator[tuple[str, Line]],
) -> Iterator[tuple[str, Line]]:
    left_out = 0
    for number, each in enumerate(lines):
        if number < MAX_SHOWN_LINES:
            yield each
        else:
            left_out += 1
    yield from _more(left_out, "line")


def _more(count: int, what: str) -> Iterator[tuple[str, Line]]:
    if count > 0:
        yield "", [Piece("same", f"and {counted(count, f'more {what}')}")]


def _show(piece: Piece, in_colours: bool) -> str:
    text = printable(piece.text)
    if piece.style == "same":
        return text
    if in_colours:
        return _in_colour(text, _STYLES[piece.style], in_colours)
    begin, end = _MARKS[piece.style]
    return f"{begin}{text}{end}"


def _in_colour(text: str, colour: str, in_colours: bool) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if in_colours else text
