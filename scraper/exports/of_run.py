"""The exports that a run is asked for with `-o`: checked before it begins, made at its end."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from scraper.config.settings import OutputSettings, files_of
from scraper.exports.columns import (
    check_fields,
    check_own_fields,
    missing_columns,
)
from scraper.exports.export import (
    Choice,
    Exported,
    check_choice,
    export_file,
    lists_of,
)
from scraper.exports.files import check_formats, check_places
from scraper.sources.source import Source
from scraper.storage.sources import Sources


class RunExports:
    """Raises UsageError, before anything is read, if something asked for cannot be made."""

    def __init__(self, output: OutputSettings) -> None:
        self._files = files_of(output)
        self._choice = Choice(
            output.fields,
            output.only,
            output.order,
            csv_raw=output.csv_raw,
            rows=output.rows,
        )
        self.made: list[Exported] = []
        check_formats(self._files)
        check_choice(self._choice)
        check_fields(output.fields)

    def check_places(
        self,
        folder: Path,
        identities: Iterable[str],
    ) -> None:
        """Raises UsageError if a file cannot be put there, or would replace one of the lists."""
        lists = [*identities, *lists_of(folder)]
        check_places(self._files, folder, lists)

    def check_columns(
        self,
        lists: Iterable[Source],
        known: Sources,
    ) -> None:
        """Raises UsageError if a column is asked for that none of the lists has, as far as that
        can be known before they are read."""
        if any(each.pipe or each.is_sparse for each in lists):
            return
        names = known.all_columns
        missing = missing_columns(self._choice.fields, names)
        # rows of earlier runs may have more columns than their first ones
        names += filter(known.has_values_in, missing)
        check_own_fields(self._choice.fields, names)

    def make(self, folder: Path) -> None:
        """Make all of them. Raises UsageError, LocalFault."""
        for name in self._files:
            self.made.append(export_file(folder, Path(name), self._choice))

    @property
    def missing(self) -> list[str]:
        """The files that were not made."""
        return self._files[len(self.made) :]

    def command(self, folder: Path) -> str:
        """What makes those that are missing."""
        words = ["python", "-m", "scraper", "export", str(folder)]
        for name in self.missing:
            words += ["-o", name]
        if self._choice.fields:
            words += ["--fields", ",".join(self._choice.fields)]
        if self._choice.only:
            words += ["--only", self._choice.only]
        if self._choice.order != Choice().order:
            words += ["--order", self._choice.order]
        if self._choice.rows != Choice().rows:
            words += ["--rows", self._choice.rows]
        if self._choice.csv_raw:
            words.append("--csv-raw")
        return shlex.join(words)
