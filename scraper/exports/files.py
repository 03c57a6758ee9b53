"""Which files may be asked for with `-o`: their formats, and what is never replaced."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from scraper.errors import UsageError
from scraper.exports.parquet import require_pyarrow
from scraper.text import did_you_mean

FORMATS = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".sqlite")
TEXT = ".txt"  # of remaining.txt and failed.txt alone: a URL a line
# Names that stand for rows of the lists: all without a good outcome, those that failed.
REMAINING, FAILED = "remaining", "failed"
_FILE = "file:"  # what the identity of a list begins with that is a file
# What a run keeps in its folder; below these there is nothing but its own files.
_OF_RUN = frozenset(
    {
        "records.jsonl",
        "errors.jsonl",
        "items.jsonl",
        "summary.json",
        "run.log",
    }
)
_FOLDERS_OF_RUN = frozenset(
    {".scraper", "pages", "images", "files", "processed"}
)


def format_of(path: Path) -> str:
    """The format that a name asks for: its extension."""
    return path.suffix.lower()


def is_of_own_rows(path: Path) -> bool:
    """Does the name ask for rows of the lists, as the next list?"""
    return path.stem.lower() in (REMAINING, FAILED)


def check_formats(files: Iterable[str]) -> None:
    """Raises UsageError if one of these names is of no format, or lacks its library."""
    for name in files:
        path = Path(name)
        format = format_of(path)
        if name == "-":
            raise UsageError(
                "-o -: standard output gets the records of a run while it goes on; name a file, "
                "such as items.jsonl"
            )
        if format == TEXT and not is_of_own_rows(path):
            raise UsageError(
                f"-o {name}: a list is called remaining.txt or failed.txt; records come as "
                f"{' '.join(FORMATS)}"
            )
        if format not in (*FORMATS, TEXT):
            hint = did_you_mean(format, FORMATS) if format else ""
            raise UsageError(
                f"-o {name}: the extension says the format, one of {' '.join(FORMATS)}{hint}"
            )
        if format == ".sqlite" and is_of_own_rows(path):
            raise UsageError(
                f"-o {name}: {path.stem} is the next list, and no list is a database; "
                f"{path.stem}.csv is one"
            )
        if format == ".parquet":
            require_pyarrow()


def check_places(
    files: Sequence[str],
    folder: Path,
    identities: Iterable[str],
) -> None:
    """Raises UsageError if one of these files cannot be made, or something of the user's or of a
    run's own would be lost. `identities` are those of its lists; `folder` may be yet to be made."""
    known: dict[str, str] = {}
    real_lists = {
        os.path.realpath(each.removeprefix(_FILE))
        for each in identities
        if each.startswith(_FILE)
    }
    for name in files:
        real = os.path.realpath(name)
        if real in known:
            raise UsageError(f"-o {known[real]} and -o {name} are one file")
        known[real] = name
        if real in real_lists:
            raise UsageError(
                f"-o {name} is the list: another name, or it would be replaced"
            )
        _check_place(name, Path(real), Path(os.path.realpath(folder)))


def _check_place(
    name: str,
    real: Path,
    folder: Path,
) -> None:
    place = real.parent
    if os.path.lexists(real) and not real.is_file():
        raise UsageError(f"-o {name} is there and no file: choose another name")
    if _is_of_run(real, folder):
        raise UsageError(
            f"-o {name} is a file of the run itself: choose another name"
        )
    if not place.is_dir() and place != folder:
        raise UsageError(f"-o {name}: there is no folder {place}")
    if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
        raise UsageError(f"-o {name}: {place} cannot be written to")


def _is_of_run(
    real: Path,
    folder: Path,
) -> bool:
    """Does a run, this one or another, have files of its own there?"""
    runs = [each for each in real.parents if (each / ".scraper").is_dir()]
    if folder in real.parents:
        runs.append(folder)
    places = [real.relative_to(run).parts for run in runs]
    return any(
        first in _FOLDERS_OF_RUN or (not rest and first in _OF_RUN)
        for first, *rest in places
    )
