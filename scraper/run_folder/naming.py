"""The run folder if none is named: called after its list, after its URLs, or temporary."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from scraper.errors import LocalFault, UsageError, disk_failure
from scraper.machine.temporary import TemporaryFolder
from scraper.model import Line
from scraper.sources.packed import stem_of
from scraper.sources.source import FETCHED, LOCAL, SCRIPT, SITEMAPS, Source
from scraper.storage.file_names import host_folder, last_part_of
from scraper.urls import digest, parts_of

DOWNLOADS = Path("downloads")
TEMPORARY = "scraper-stream-"  # what the names of temporary folders begin with


def folder_named_after(source: Source) -> Path | None:
    """The folder of a run whose first list this is; None if nothing lasting names it.

    Two different lists on standard input or the command line never share one. Of a pipe only the
    first URL is waited for.
    """
    if source.identity == SCRIPT:
        return None
    origin = _name_of_origin(source)
    if origin:
        return DOWNLOADS / origin
    stem = stem_of(Path(source.name)).stem or "list"
    if source.identity.startswith("file:") and not source.live:
        return DOWNLOADS / stem
    urls = naming_urls(source)
    name = "pipe" if stem.isdecimal() else stem  # /dev/fd/63 says nothing
    if not source.live and urls and urls[0].url.host:
        name = host_folder(urls[0].url.host)
    return DOWNLOADS / f"{name}-{ten_digits_of(urls)}"


def _name_of_origin(source: Source) -> str:
    """What a fetched list is called where it is from, the host of sitemaps, or the first of the
    files of this machine; "" of any other list."""
    if source.identity.startswith(FETCHED):
        name = last_part_of(parts_of(source.identity.removeprefix(FETCHED)))
        return stem_of(Path(name)).stem
    if source.identity.startswith(SITEMAPS):
        origin = source.identity.removeprefix(SITEMAPS)
        return host_folder(parts_of(f"{origin}/").host)
    if source.identity.startswith(LOCAL):
        return Path(os.path.abspath(source.name)).name or "files"
    return ""


def names_of(sources: Iterable[Source]) -> list[str]:
    """What lists are called, without those that one of them names."""
    return [each.name for each in sources if not each.is_part]


def naming_urls(source: Source) -> list[Line]:
    """The URLs by which a list without a file is known: all of them, of a pipe the first."""
    return list(
        itertools.islice(source.tasks_ahead(), 1 if source.live else None)
    )


def ten_digits_of(urls: Iterable[Line]) -> str:
    """Ten digits by which these URLs differ from all others."""
    return digest("\n".join(each.url.href for each in urls)).hex()[:10]


def temporary_folder(prefix: str = TEMPORARY) -> TemporaryFolder:
    """A folder that is removed by its owner. Raises UsageError if there is no place for it."""
    try:
        return TemporaryFolder(prefix)
    except OSError as error:
        if disk_failure(error).kind != "disk_error":
            raise LocalFault(disk_failure(error)) from error
        reason = error.strerror or error
        raise UsageError(
            f"no temporary folder can be made ({reason}): set TMPDIR, or name a folder (dir=)"
        ) from error


def choose_folder(
    named: str,
    sources: Sequence[Source],
    resources: ExitStack,
    *,
    adopt: bool,
) -> Path:
    """The run folder: the one that is named, one called after the list, or a temporary one."""
    if not sources:
        folder = Path(named)
        file = "records.jsonl" if adopt else ".scraper/ledger.sqlite"
        if not named or not (folder / file).exists():
            raise UsageError(no_run_message(folder))
        return folder
    if named:
        return Path(named)
    own = folder_named_after(sources[0])
    if own is not None:
        return own
    temporary = temporary_folder()
    resources.callback(temporary.remove)
    return temporary.path


def no_run_message(folder: Path) -> str:
    return (
        f"no list of URLs is given, and {folder} holds no run to go on with: "
        "name a list (python -m scraper urls.txt), or the folder of an earlier run"
    )
