"""items.jsonl: the items of the pages, a line each. It follows from records.jsonl."""

from __future__ import annotations

from collections.abc import Iterable

from scraper.config import Config
from scraper.machine.files import Folder
from scraper.outcomes.items import is_line_of_item, items_in
from scraper.outcomes.outcome import Outcome
from scraper.sinks.derived_log import DerivedLog
from scraper.sinks.record_log import PositionOf, RecordLog


def open_item_log(
    folder: Folder,
    records: RecordLog,
    config: Config,
    position_of: PositionOf,
) -> ItemLog | None:
    """None where no recipe gives items, nor did one of an earlier run."""
    is_wanted = has_items(config)
    if not is_wanted and position_of(ItemLog.name) is None:
        return None
    return ItemLog(folder, records)


def has_items(config: Config) -> bool:
    """Does a recipe give items?"""
    return bool(config.page.each) or any(each.each for each in config.recipe)


class ItemLog(DerivedLog):
    """What recipes with `each` have found; nothing of what was unchanged, which stands there."""

    name = "items.jsonl"

    def add(self, outcome: Outcome) -> None:
        for line in self.lines_of(outcome.line):
            self.file.write(line)

    def lines_of(self, line: bytes) -> Iterable[bytes]:
        found = items_in(line)
        return () if found is None else found.lines()

    def is_own(self, line: bytes) -> bool:
        return is_line_of_item(line)
