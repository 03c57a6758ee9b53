"""Refresh: what an answer 304 costs. There is no peer; other checkouts of ours take part."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import orjson

from benchmarks import contenders, fetch, race

SAVE = ("--save-only",)


def measure(given: argparse.Namespace) -> None:
    """Fetch the pages, and refresh them in turns with all who take part; print the table."""
    fetch.race_pages(given, _field(given), ", all unchanged")


def _field(given: argparse.Namespace) -> list[race.Contender]:
    field = contenders.field(
        [*SAVE, "--refresh"], _unchanged, [],
        flags=given.flags, against=given.against, only=given.only,
    )  # fmt: skip
    return [replace(each, before=_fetch) for each in field]


def _fetch(urls: Path, out: Path) -> list[str]:
    return contenders.ours(urls, out, SAVE)


def _unchanged(out: Path) -> int:
    with (out / "records.jsonl").open("rb") as file:
        return sum(
            record["state"] == "unchanged" for record in map(orjson.loads, file)
        )
