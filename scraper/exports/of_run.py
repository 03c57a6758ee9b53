"""The exports that a run is asked for with `-o`: checked before it begins, made at its end."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

from scraper.config import Config
from scraper.config.settings import files_of
from scraper.config.templates import parse_template
from scraper.errors import UsageError
from scraper.exports.columns import (
    ITEMS,
    KindsOfFolder,
    check_fields,
    missing_columns,
)
from scraper.exports.export import (
    Choice,
    Exported,
    check_choice,
    export_file,
    is_ledger_there,
    lists_of,
)
from scraper.exports.fields import FIELDS, Kind
from scraper.exports.files import check_formats, check_places, is_of_own_rows
from scraper.run_folder.recipes import Recipe, recipes_of
from scraper.sinks.own_line import OF_FAILED, REASON, SETTING
from scraper.sources.source import Source
from scraper.storage.sources import Sources


def _known_fields(recipes: Sequence[Recipe]) -> KindsOfFolder:
    """The fields that they give: columns, whether or not a page has some."""
    fields: dict[str, Kind] = {}
    items: dict[str, Kind] = {}
    for recipe in recipes:
        found = items if _each_of(recipe) else fields
        found |= dict.fromkeys(recipe["fields"], "text")
    return KindsOfFolder(fields=fields, items=items)


def _each_of(recipe: Recipe) -> str:
    found: str = recipe["each"]
    return found


def check_line(config: Config) -> None:
    """Raises UsageError if lines of standard output cannot be written as they are asked for."""
    output = config.output
    if output.line_failed and not output.line:
        raise UsageError(
            f"{OF_FAILED} is beside --line: say what stands in the line of a good outcome, too"
        )
    if not output.line:
        return
    if "-" not in output.output:
        raise UsageError(
            "--line is the form of a line on standard output: give -o -, too"
        )
    known = _known_fields(recipes_of(config))
    names = [*known.fields, *(each.name for each in FIELDS), REASON]
    parse_template(output.line, names, SETTING)
    parse_template(output.line_failed, names, OF_FAILED)


class RunExports:
    """Raises UsageError, before anything is read, if something asked for cannot be made."""

    def __init__(self, config: Config) -> None:
        output, recipes = config.output, recipes_of(config)
        self._files = files_of(output)
        self._choice = Choice(
            output.fields,
            output.only,
            output.order,
            csv_raw=output.csv_raw,
            rows=output.rows,
            known=_known_fields(recipes),
        )
        self._of_items = [each["name"] for each in recipes if _each_of(each)]
        self.made: list[Exported] = []
        check_formats(self._files)
        check_choice(self._choice)
        self._check_recipes(recipes)

    def _check_recipes(self, recipes: Sequence[Recipe]) -> None:
        choice = self._choice
        if choice.rows == "items" and not any(map(_each_of, recipes)):
            raise UsageError(
                "--rows items: no recipe gives items; say with --each, or with each in [[recipe]], "
                "which elements they are"
            )

    def check_places(
        self,
        folder: Path,
        lists: Sequence[Source],
    ) -> None:
        """Raises UsageError if a file cannot be put there, or would replace one of the lists; in a
        folder that is new also if a column is asked for that there will not be."""
        identities = [each.identity for each in lists]
        check_places(self._files, folder, [*identities, *lists_of(folder)])
        if not is_ledger_there(folder):
            own = (each.columns[1:] for each in lists)
            self._check_names(lists, [*chain.from_iterable(own)])

    def check_columns(
        self,
        lists: Sequence[Source],
        known: Sources,
    ) -> None:
        """Raises UsageError if a column is asked for that none of the lists has, as far as that
        can be known before they are read."""
        names = known.all_columns
        choice = self._choice
        missing = missing_columns(
            choice.fields,
            self._known_with(names),
            choice.rows,
        )
        # rows of earlier runs may have more columns than their first ones
        names += filter(known.has_values_in, missing)
        self._check_names(lists, names)

    def _check_names(
        self,
        lists: Iterable[Source],
        own: Sequence[str],
    ) -> None:
        check_fields(
            self._choice.fields,
            self._known_with(own),
            self._choice.rows,
            more_own=any(each.pipe or each.is_sparse for each in lists),
        )

    def _known_with(self, own: Sequence[str]) -> KindsOfFolder:
        return self._choice.known._replace(own=dict.fromkeys(own, "text"))

    def make(self, folder: Path) -> None:
        """Make all of them. Raises UsageError, LocalFault."""
        for name in self._files:
            self.made.append(export_file(folder, Path(name), self._choice))

    def recipes_in_cells(self, file: str) -> list[str]:
        """The recipes whose items are a list in a cell of this table, where they could be rows."""
        choice = self._choice
        shows_items = not choice.fields or ITEMS in choice.fields
        is_flat = Path(file).suffix.lower() in (".csv", ".tsv")
        if choice.rows == "items" or not shows_items or not is_flat:
            return []
        return [] if is_of_own_rows(Path(file)) else self._of_items

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
