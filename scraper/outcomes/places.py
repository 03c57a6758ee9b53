"""Where what the URLs have brought is kept: a run folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from scraper.errors import UsageError
from scraper.machine.files import Folder, open_folder, opening
from scraper.outcomes.outcome import Outcome
from scraper.urls import FILE_BEGINNING, file_path_of


class InFolder(Struct, frozen=True):
    """A run folder, by its absolute path: it need not be held by a run any more."""

    folder: Path

    def body_of(self, outcome: Outcome) -> bytes:
        """The file that the record names as `path`."""
        path = _paths_of(outcome)[0]
        self._check_place(outcome)
        with self._open() as folder, opening(path):
            try:
                with folder.open_reader(path) as file:
                    return file.read()
            except FileNotFoundError:
                raise self._missing(path) from None

    def files_of(self, outcome: Outcome) -> tuple[Path, ...]:
        """The file of the body, then the pictures that were made of it."""
        paths = _paths_of(outcome)
        self._check_place(outcome)
        with self._open() as folder:
            for path in paths:
                if not folder.has_file(path):
                    raise self._missing(path)
        return tuple(self.folder / path for path in paths)

    def _check_place(self, outcome: Outcome) -> None:
        """Only the body of a local file lies elsewhere, and nothing that was made of it."""
        first, *others = _paths_in(outcome.record)
        url = outcome.record.get("canonical_url") or ""
        for path in others if url.startswith("file:") else (first, *others):
            if os.path.isabs(path):
                raise self._missing(path)

    def _open(self) -> Folder:
        with opening(f"folder {self.folder}"):
            try:
                return open_folder(self.folder)
            except FileNotFoundError:
                raise UsageError(
                    f"the run folder {self.folder} is gone; a temporary one goes with its run, one "
                    "that the configuration names stays: scraper.configure(dir=...)"
                ) from None

    def _missing(self, path: str) -> UsageError:
        return UsageError(
            f"{self.folder / path} is gone: a later pass has stored another body, or "
            "another program removed it"
        )


def _paths_of(outcome: Outcome) -> tuple[str, ...]:
    """Those that the record names; a local file by its address, for a record is text, and the name
    of a file may be none."""
    first, *others = _paths_in(outcome.record)
    if outcome.url.startswith(FILE_BEGINNING):
        first = file_path_of(outcome.url)
    return (first, *others)


def _paths_in(record: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        record["path"],
        *(each["path"] for each in record.get("processed", ())),
    )
