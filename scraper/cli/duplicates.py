"""`python -m scraper duplicates`: which files of a folder are there twice, or look alike."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from scraper.cli.status import add_folder, find_folder
from scraper.cli.terminal import answer, say
from scraper.errors import UsageError
from scraper.reports.summary import size_text
from scraper.run_folder.duplicates import (
    DISTANCE,
    MOST_DISTANCE,
    Duplicates,
    File,
    Group,
    find_duplicates,
)
from scraper.text import counted, printable, printable_json


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Print each group, the best file first, then how many there are."""
    options = _build_parser(parser_class).parse_args(arguments)
    if options.distance not in range(MOST_DISTANCE + 1):
        raise UsageError(
            f"--distance {options.distance}: a whole number from 0 to {MOST_DISTANCE}"
        )
    folder = find_folder(options.folder)
    found = find_duplicates(folder, options.distance)
    for group in found.groups:
        answer(_as_json(group) if options.json else _text_of(group))
    if not options.json:
        answer(_summary(folder, found))
    if found.hashed < found.pictures:
        say(_note_of_missing(found))
    return 0


def _build_parser(
    parser_class: type[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = parser_class(
        prog="scraper duplicates",
        description="Files of a run folder that have the same bytes, and pictures that look alike "
        "where a run with --phash has recorded what they look like; nothing is written.",
    )
    add_folder(parser, json="each group as a JSON object on a line")
    parser.add_argument(
        "--distance",
        type=int,
        default=DISTANCE,
        metavar="BITS",
        help="bits of 64 in which two that look alike may differ (%(default)s)",
    )
    return parser


def _as_json(group: Group) -> str:
    files = [
        {
            **file._asdict(),
            "phash": None if file.phash is None else f"{file.phash:016x}",
            "distance": group.distance_of(file),
        }
        for file in group.files
    ]
    return printable_json(orjson.dumps({"files": files})).decode()


def _text_of(group: Group) -> str:
    lines = [f"{len(group.files):,} files"]
    lines += [_line_of(group, file) for file in group.files]
    return "\n".join([*lines, ""])


def _line_of(group: Group, file: File) -> str:
    size = f"{file.width} x {file.height}" if file.width else ""
    words = (
        f"  {_likeness(group, file):7}",
        f"{size:>13}",
        f"{file.bytes:>12,} bytes",
        file.path,
        file.url,
    )
    return printable("  ".join(words))


def _likeness(group: Group, file: File) -> str:
    if file is group.files[0]:
        return "best"
    return (
        "equal" if group.is_equal(file) else f"near {group.distance_of(file)}"
    )


def _summary(folder: Path, found: Duplicates) -> str:
    others = [file for group in found.groups for file in group.files[1:]]
    size = size_text(sum(file.bytes for file in others))
    return printable(
        f"{folder}: {counted(found.files, 'file')}, {counted(len(found.groups), 'group')}; "
        f"{counted(len(others), 'file')} beside the best ones, {size}"
    )


def _note_of_missing(found: Duplicates) -> str:
    """Of which pictures it is not known what they look like."""
    missing = found.pictures - found.hashed
    if not found.hashed:
        return (
            "only equal bytes were compared: no record has a phash; "
            "run with --phash --refresh to find what looks alike"
        )
    return (
        f"{missing:,} of {counted(found.pictures, 'picture')} have no phash: of these only equal "
        "bytes were compared"
    )
