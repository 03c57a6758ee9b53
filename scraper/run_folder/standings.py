"""After a power loss: how URLs stand, as far as changes.jsonl and the records have kept it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct, field
from msgspec.structs import replace

from scraper.model import Reported, Standing
from scraper.outcomes.changes import LEAVES, label_of_line
from scraper.record import key_of_record
from scraper.reports.records import head_of, whole_lines
from scraper.sinks.sink import Outputs
from scraper.storage.ledger import Ledger
from scraper.storage.tables.standings import UrlInDoubt


class _Kept(Struct):
    """What the files say of the URLs in doubt, by the keys of their records."""

    last_words: dict[str, Reported] = field(default_factory=dict)
    good_records: dict[str, Standing] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)  # of the last pass


def restore_standings(ledger: Ledger, outputs: Outputs) -> None:
    """Have the ledger say of each URL what is still reported of it, and know its last good record;
    both files are cut back already."""
    last = ledger.passes.last()
    doubtful = {
        key_of_record(each.url): each for each in ledger.standings.in_doubt()
    }
    kept = _Kept()
    number = last.number if last else 0
    _read_changes(outputs.changes.file.path, doubtful, number, kept)
    _read_records(outputs.records.path, doubtful, kept)
    since = last.started if last else 0.0
    for key, url in doubtful.items():
        standing = _standing_of(key, url, kept)
        if standing is None:
            ledger.standings.forget(url.id)
        else:
            ledger.standings.keep(url.id, standing, since)
    ledger.passes.set_changes(number, kept.counts)


def _read_changes(
    path: Path, doubtful: dict[str, UrlInDoubt], number: int, kept: _Kept
) -> None:
    for _, line in whole_lines(path):
        change: dict[str, Any] = orjson.loads(line)
        key = change["id"].partition("-")[0]
        if key in doubtful:
            kept.last_words[key] = LEAVES[change["change"]]
        if change["pass"] == number:
            kept.counts[label_of_line(change)] += 1


def _read_records(
    path: Path, doubtful: dict[str, UrlInDoubt], kept: _Kept
) -> None:
    lost = {key for key, each in doubtful.items() if each.lost_record}
    if not lost:
        return
    for offset, line in whole_lines(path):
        key = f"{head_of(path, offset, line).key:016x}"
        if key not in lost:
            continue
        record = orjson.loads(line)
        if record["state"] == "done":
            final = record["final_url"]
            kept.good_records[key] = Standing(
                "here",
                facts_pass=record["pass"],
                facts_offset=offset,
                sha256=record["sha256"],
                final_url=None if final == record["canonical_url"] else final,
            )


def _standing_of(key: str, url: UrlInDoubt, kept: _Kept) -> Standing | None:
    standing = url.standing
    if url.lost_record:
        standing = kept.good_records.get(key)
    if standing is None:
        return None
    reported = kept.last_words.get(key, standing.reported)
    return replace(standing, reported=reported)
