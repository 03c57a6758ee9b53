"""Run folders made for a test: records, and the rows of the lists that name their URLs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from scraper.errors import new_failure
from scraper.messages import Processed
from scraper.model import Fetched, Task, Timings
from scraper.record import key_of_record, of_fetched, of_refused, of_unchanged
from scraper.storage.database import Database
from scraper.urls import Url, parts_of

TABLE = "urls.csv"


class Made(NamedTuple):
    """One URL of a list: its rows, by line, and what came of it."""

    name: str
    rows: Mapping[int, Mapping[str, Any] | None]
    facts: Mapping[str, Any] = {}
    state: str = "done"  # or unchanged, failed, skipped, pending
    more: Mapping[str, Any] = {}  # keys of its record


def url_of(name: str) -> Url:
    return parts_of(f"https://example.com/{name}")


def lines_of(made: Made, columns: str | None, line: int | None) -> list[bytes]:
    """The records of a URL, oldest first."""
    url = url_of(made.name)
    task = Task(1, url, url, seq=1, source=TABLE if line else None, line=line,
                columns=columns)  # fmt: skip
    fetched = Fetched(task, url, 200, "page", "text/html", None, (), None, 10, 8, "ab" * 32,
                      1_700_000_000.25, Timings(None, 0.2, 0.3))  # fmt: skip
    full = of_fetched(
        1, fetched, Processed(task, orjson.dumps(made.facts)), path=None
    )
    if made.state == "pending":
        return []
    if made.state == "failed":
        return [of_refused(1, task, new_failure("timeout_read", "too slow"))]
    if made.state == "skipped":
        return [of_refused(1, task, new_failure("host_not_allowed", "no"))]
    if made.state == "unchanged":
        return [full, of_unchanged(2, fetched, 1)]
    if made.more:
        full = orjson.dumps(orjson.loads(full) | made.more)
    return [full]


def make_folder(
    folder: Path,
    urls: Sequence[Made],
    columns: Sequence[str] | None = ("Link",),
) -> Path:
    """The folder of a run that has come to this. `columns`: those of the table, that of the URL
    first; None of a plain list."""
    ledger = folder / ".scraper" / "ledger.sqlite"
    ledger.parent.mkdir(parents=True)
    names = orjson.dumps([*columns]).decode() if columns is not None else None
    offset = 0
    with (
        (folder / "records.jsonl").open("wb") as file,
        closing(Database(ledger)) as database,
    ):
        database.execute(
            "INSERT INTO source (id, name, columns) VALUES (1, ?, ?)",
            (TABLE, names),
        )
        database.execute(
            "INSERT INTO pass (number, started) VALUES (1, 1), (2, 2)"
        )
        for id, made in enumerate(urls, 1):
            first = min(made.rows, default=None)
            own = {
                line: None if row is None else orjson.dumps(row).decode()
                for line, row in made.rows.items()
            }
            offsets = []
            lines = lines_of(made, own.get(first or 0), first)
            for line in lines:
                file.write(line + b"\n")
                offsets.append(offset)
                offset += len(line) + 1
            is_pending = made.state == "pending"
            database.execute(
                "INSERT INTO url (id, url, host, outcome, pass, seq_ahead, source, line_ahead) "
                "VALUES (?, ?, 1, ?, 1, ?, ?, ?)",
                (id, url_of(made.name).href, None if is_pending else made.state,
                 0 if first else None, 1 if first else None,
                 first - id if first else None),
            )  # fmt: skip
            kinds = {"failed": "timeout_read", "skipped": "host_not_allowed"}
            if lines:
                database.execute(
                    'INSERT INTO answer (id, error_kind, attempts, "offset", length, facts_pass, '
                    "facts_offset) VALUES (?, ?, 1, ?, ?, 1, ?)",
                    (id, kinds.get(made.state), offsets[-1], len(lines[-1]), offsets[0]),
                )  # fmt: skip
            for line, text in own.items():
                if columns is not None or line != first:
                    database.execute(
                        "INSERT INTO input VALUES (?, 1, ?, ?, 1)",
                        (id, line, text),
                    )
        database.execute(
            "INSERT INTO sink VALUES ('records.jsonl', ?)", (str(offset),)
        )
        database.commit()
    return folder


def key_of(name: str) -> str:
    return key_of_record(url_of(name).href)
