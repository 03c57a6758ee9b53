"""What whole runs share: their records, and an internet of made-up names on this machine."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from scraper.api import Urls, source_of
from scraper.config import Config
from scraper.engine import Makers, guard_of
from scraper.guard.addresses import Address
from scraper.guard.guard import dial
from scraper.record import fill_in
from scraper.reports.summary import Report
from scraper.runner import Run

PUBLIC = "93.184.216.34"
HERE = "127.0.0.1"


def records_of(
    folder: Path, name: str = "records.jsonl"
) -> list[dict[str, Any]]:
    """Every line of a run's file, oldest first."""
    return [
        json.loads(line) for line in (folder / name).read_bytes().splitlines()
    ]


def last_of(folder: Path) -> dict[str, dict[str, Any]]:
    """By canonical URL, the record that counts."""
    return {each["canonical_url"]: each for each in filled_of(folder)}


def filled_of(folder: Path) -> list[dict[str, Any]]:
    """Every record, oldest first, the short ones with the facts of those that they name."""
    return fill_in_all(records_of(folder))


def fill_in_all(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """In their order. A short one must name a full one that is not after it."""
    full: dict[tuple[str, int], dict[str, Any]] = {}
    filled = []
    for record in records:
        if "same_as" in record:
            facts = full[record["key"], record["same_as"]]
            filled.append(fill_in(record, facts))
        else:
            full[record["key"], record["pass"]] = record
            filled.append(record)
    return filled


Answer = str | Sequence[str] | BaseException | threading.Event


class Names:
    """A resolver: of each name its answers, one after another; the last one stays.

    An answer is an address, several, an exception to raise, or an event to wait for.
    """

    def __init__(self, names: Mapping[str, Answer | list[Answer]]) -> None:
        self.answers = {
            name: list(each) if isinstance(each, list) else [each]
            for name, each in names.items()
        }
        self.asked: list[str] = []

    def __call__(
        self, name: str, port: None, family: int, type: int
    ) -> list[Any]:
        self.asked.append(name)
        answers = self.answers.get(name.removesuffix("."))
        if answers is None:
            raise socket.gaierror(
                socket.EAI_NONAME, "Name or service not known"
            )
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, threading.Event):
            answer.wait(30)
            raise socket.gaierror(
                socket.EAI_AGAIN, "Temporary failure in name resolution"
            )
        addresses = [answer] if isinstance(answer, str) else answer
        return [_info(each) for each in addresses]


def _info(address: str) -> tuple[Any, ...]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


class _Meant(socket.socket):
    """A socket to this machine that believes to have reached another."""

    peer: tuple[str, int]

    def getpeername(self) -> tuple[str, int]:
        return self.peer


class Wire:
    """A connector that contacts nobody but loopback: what is meant for elsewhere ends at `port`."""

    def __init__(
        self, port: int, errors: Mapping[str, OSError] | None = None
    ) -> None:
        self.port = port
        self.errors = errors or {}
        self.contacted: list[str] = []

    def __call__(
        self, address: Address, port: int, timeout: float | None
    ) -> socket.socket:
        self.contacted.append(str(address))
        if str(address) in self.errors:
            raise self.errors[str(address)]
        if address.is_loopback:
            return dial(address, port, timeout)
        sock = _Meant(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(timeout)
        sock.connect((HERE, self.port))
        sock.peer = (str(address), port)
        return sock

    @property
    def special(self) -> list[str]:
        """Contacted addresses that are not public."""
        return [
            each
            for each in self.contacted
            if not ipaddress.ip_address(each).is_global
        ]


def internet(names: Names, wire: Wire) -> Makers:
    """Runs that are made with it look names up there, and connect through that."""
    return Makers(guard=partial(guard_of, getaddrinfo=names, connect=wire))


def run_with(makers: Makers, urls: Urls, config: Config, **how: Any) -> Report:
    """Like `scraper.run`, but with these parts."""
    with Run([source_of(urls)], config, makers=makers, **how) as run:
        for _ in run:
            pass
    return run.report


def items_of(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines that items.jsonl has of these, as they stand in records.jsonl."""
    return [
        {
            "schema": record["schema"],
            "pass": record["pass"],
            "index": record["index"],
            "key": record["key"],
            "url": record["url"],
            "item": place,
            **({"input": record["input"]} if "input" in record else {}),
            "fields": fields,
        }
        for record in records
        for place, fields in enumerate(record.get("items") or (), 1)
    ]
