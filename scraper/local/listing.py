"""Which files the words of a user mean: folders with all that is in them, files, globs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from glob import glob, has_magic

from scraper.errors import UsageError

LEDGERS = ".scraper"  # a folder in which one lies is a run folder


def check_words(words: Sequence[str]) -> None:
    """Raises UsageError if one means nothing that is there."""
    if not words:
        raise UsageError(
            "no files are given: python -m scraper process PICTURES/ "
            "(a folder, files, or globs such as 'photos/**/*.jpg')"
        )
    for word in words:
        if "://" in word:
            raise UsageError(
                f"{word} is a URL, and process reads files of this machine: leave out `process`"
            )
        if not os.path.lexists(word) and not (has_magic(word) and glob(word)):
            raise UsageError(f"no such file or folder: {word}")


def paths_meant(words: Sequence[str]) -> Iterator[str]:
    """The path of each file, as it is written, sorted within each word.

    Hidden files are left out, and so are run folders; links are not followed, but named: reading
    one says why it is not.
    """
    for word in words:
        is_there = os.path.lexists(word)
        for path in [word] if is_there else sorted(glob(word, recursive=True)):
            if os.path.isdir(path):
                yield from _below(path)
            else:
                yield path


def _below(folder: str) -> Iterator[str]:
    if os.path.lexists(os.path.join(folder, LEDGERS)):
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(
                (each.name, each.is_dir(follow_symlinks=False))
                for each in found
                if not each.name.startswith(".")
            )
    except OSError:
        yield folder  # reading it says why
        return
    for name, is_folder in entries:
        path = os.path.join(folder, name)
        if is_folder:
            yield from _below(path)
        else:
            yield path
