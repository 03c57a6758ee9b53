"""This program and its peers, as contenders of a race."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from benchmarks.environments import PEERS, PROJECT, Missing, clean, python_for
from benchmarks.race import Contender
from benchmarks.table import say

LOOPBACK = "127.0.0.1,localhost,*.localhost"
COMMON = (
    "--allow-hosts",
    LOOPBACK,
    "--quiet",
    "--no-progress",
    "--per-host",
    "64",
    "-j",
    "32",
)
Check = Callable[[Path], int]


def field(own: Sequence[str], own_check: Check, peers: Sequence[Contender | None], *,
          flags: str, against: Sequence[Path], only: str) -> list[Contender]:  # fmt: skip
    """Who takes part: ours, ours with further flags, other checkouts of ours, the peers."""
    first = Contender(
        "ours", lambda urls, out: ours(urls, out, own), own_check, clean()
    )
    entries: list[Contender | None] = [first]
    if flags:
        more = [*own, *shlex.split(flags)]
        entries.append(Contender("ours+flags", lambda urls, out: ours(urls, out, more), own_check,
                                 clean()))  # fmt: skip
    for checkout in against:
        entries.append(
            replace(first, name=f"in {checkout}", cwd=checkout.resolve())
        )
    present = [
        each for each in [*entries, *peers] if each and wanted(each.name, only)
    ]
    if not present:
        raise SystemExit(f"--only {only} leaves nobody")
    return present


def ours(urls: Path, out: Path, flags: Sequence[str]) -> list[str]:
    """The command line of this program as it takes part in a race."""
    return command(urls, out, [*COMMON, *flags])


def command(urls: Path, out: Path, flags: Sequence[str]) -> list[str]:
    """The command line of this program, from the folder of the checkout that is meant."""
    return [
        sys.executable,
        "-m",
        "scraper",
        str(urls),
        "--dir",
        str(out),
        *flags,
    ]


def wanted(name: str, only: str) -> bool:
    """Is this one named by --only, or is there no --only?"""
    names = [each.strip() for each in only.split(",") if each.strip()]
    return not names or name in names


def peer(name: str, script: str, environment: str, check: Check, *, cache: Path, only: str,
         arguments: Sequence[str] = ()) -> Contender | None:  # fmt: skip
    """A script of peers/ in its own environment; None, with a line, if it cannot be installed."""
    if not wanted(name, only):
        return None
    try:
        python = python_for(environment, cache)
    except Missing as reason:
        say(f"{name} is left out, it cannot be installed: {reason}")
        return None
    env = clean() | {"NO_ALBUMENTATIONS_UPDATE": "1"}
    path = str(PEERS / script)
    return Contender(name, lambda urls, out: [python, path, str(urls), str(out), *arguments],
                     check, env, PROJECT)  # fmt: skip


# -- did everything come out? ---------------------------------------------------------------------


def saved_bodies(out: Path) -> int:
    """Bodies that our run has saved and recorded."""
    recorded = records_done(out)
    files = sum(
        count_files(out / kind) for kind in ("pages", "images", "files")
    )
    return min(recorded, files)


def records_done(out: Path, holding: str = "") -> int:
    """Records of our run that are done (and hold this key)."""
    path = out / "records.jsonl"
    if not path.exists():
        return 0
    with path.open("rb") as file:
        records = map(orjson.loads, file)
        return sum(
            r["state"] == "done" and (not holding or holding in r)
            for r in records
        )


def processed(out: Path) -> int:
    """Pictures that our run has made."""
    return count_files(out / "processed")


def lines_of(name: str) -> Check:
    """How many lines the peer's file of that name has."""

    def check(out: Path) -> int:
        path = out / name
        return path.read_bytes().count(b"\n") if path.exists() else 0

    return check


def count_files(folder: Path, suffix: str = "") -> int:
    """Files that are not empty, below a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        total += sum(
            name.endswith(suffix)
            and os.path.getsize(os.path.join(where, name)) > 0
            for name in names
        )
    return total
