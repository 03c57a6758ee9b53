"""Exports of a generated run folder: records a second, CPU and memory of each format."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson

from benchmarks import table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Tree
from benchmarks.scratch import Scratch
from scraper.messages import Processed
from scraper.model import Fetched, Task, Timings
from scraper.record import of_fetched
from scraper.storage.database import Database
from scraper.urls import digest, parts_of

FORMATS = ("csv", "jsonl", "parquet", "sqlite")
_SMALLEST = 700  # bytes of a record without facts
_TEXT = "The harbour lies still before the first boats leave it, and the gulls wait. "
_PUT = {
    "url": """INSERT INTO url (id, url, host, outcome, pass, seq_ahead, source, line_ahead)
      VALUES (?, ?, 1, 'done', 1, 0, 1, 1)""",
    "answer": """INSERT INTO answer (id, attempts, "offset", length, facts_pass, facts_offset)
      VALUES (?, 1, ?, ?, 1, ?)""",
    "input": "INSERT INTO input VALUES (?, 1, ?, ?, 1)",
}


def measure(given: argparse.Namespace) -> None:
    """Generate the folder, and export it once in each format; print a line for each."""
    with Scratch(given.disk) as scratch:
        folder = scratch.fresh()
        size = generate(folder, given.records, given.bytes)
        mean = size / given.records / 1_000
        table.say(f"{given.records:,} records of {mean:.1f} kB")
        for format in given.formats.split(","):
            out = scratch.folder / f"items.{format}"
            command = [sys.executable, "-m", "scraper", "export", str(folder),
                       "-o", str(out)]  # fmt: skip
            with Tree(
                command, cwd=PROJECT, env=clean(), log=out.with_suffix(".log")
            ) as tree:
                cost = tree.wait()
            if cost.exit:
                raise SystemExit(out.with_suffix(".log").read_text())
            memory = (cost.pss_bytes or 0) / 2**20
            print(
                f"{format:8} {given.records / cost.wall:8,.0f} records/s  "
                f"{given.records / cost.cpu:8,.0f} a second of CPU  {memory:4.0f} MiB  "
                f"{table.megabytes(out.stat().st_size)} MB"
            )
            out.unlink()


def generate(folder: Path, records: int, record_bytes: int) -> int:
    """A run folder of so many pages of a table with two columns of the user's own. Returns the
    size of its records."""
    ledger = folder / ".scraper" / "ledger.sqlite"
    ledger.parent.mkdir(parents=True)
    offset = 0
    with (
        (folder / "records.jsonl").open("wb", 2**20) as file,
        closing(Database(ledger)) as database,
    ):
        columns = orjson.dumps(["url", "id", "caption"]).decode()
        database.execute(
            "INSERT INTO source (id, name, columns) VALUES (1, 'urls.csv', ?)",
            (columns,),
        )
        for id, line in enumerate(_lines(records, record_bytes), 1):
            url = f"https://example.org/articles/{id}"
            own = orjson.dumps({"id": id, "caption": f"No. {id}"}).decode()
            length = len(line)
            database.execute(_PUT["url"], (id, url))
            database.execute(_PUT["answer"], (id, offset, length, offset))
            database.execute(_PUT["input"], (id, id + 1, own))
            file.write(line + b"\n")
            offset += length + 1
        database.execute(
            "INSERT INTO sink VALUES ('records.jsonl', ?)", (str(offset),)
        )
        database.commit()
    return offset


def _lines(records: int, record_bytes: int) -> Iterator[bytes]:
    rest = max(record_bytes - _SMALLEST, 0)
    facts = (
        orjson.dumps(_facts(rest)) if rest > 1_000 else b'{"title":"A page"}'
    )
    for id in range(1, records + 1):
        url = parts_of(f"https://example.org/articles/{id}")
        own = orjson.dumps({"id": id, "caption": f"No. {id}"}).decode()
        task = Task(id, url, url, seq=id, source="urls.csv", line=id + 1,
                    columns=own)  # fmt: skip
        fetched = Fetched(
            task, url, 200, "page", "text/html", "utf-8", (), None, 70_000,
            15_000, digest(url.href).hex(), 1.7e9 + id,
            Timings(0.01, 0.05, 0.1),
        )  # fmt: skip
        processed = Processed(task, facts, seconds=0.002)
        yield of_fetched(
            1, fetched, processed, path=f"pages/example.org/{id}.html"
        )


def _facts(size: int) -> dict[str, object]:
    """Those of a page, in the proportions of real ones: half of it links, a third text."""
    link = {
        "url": "https://example.org/section/page",
        "text": "A page",
        "rel": [],
    }
    image = {"url": "https://example.org/a.jpg", "alt": "A boat", "width": 640,
             "height": 480, "where": "img"}  # fmt: skip
    return {
        "title": "A page",
        "description": _TEXT,
        "language": "en",
        "robots_meta": [],
        "charset": "utf-8",
        "links": [link] * (size // 2 // 74),
        "images": [image] * (size // 8 // 92),
        "text": _TEXT * (size // 3 // len(_TEXT)),
        "headings": [{"level": 2, "text": "News"}] * (size // 20 // 28),
        "open_graph": {"og:title": ["A page"], "og:type": ["article"]},
        "word_count": size // 18,
        "cut": [],
    }
