"""`python -m scraper verify`: whether the files of a folder are what its records say."""

from __future__ import annotations

import argparse
from pathlib import Path

import orjson

from scraper.cli.status import add_folder, find_folder
from scraper.cli.terminal import answer
from scraper.run_folder.verification import Verified, verify
from scraper.storage.readers.inventory import Fault
from scraper.text import counted, printable, printable_json

FAULTS_FOUND = 3  # the exit code


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Print each fault of a run folder, then how many there are."""
    parser = parser_class(
        prog="scraper verify",
        description="Compare the files of a run folder with its records; nothing is written.",
    )
    add_folder(parser, json="each fault, and the end, as JSON")
    options = parser.parse_args(arguments)
    folder = find_folder(options.folder)
    if options.json:
        verified = verify(folder, lambda each: _answer_json(each._asdict()))
        _answer_json({**verified._asdict(), "folder": str(folder)})
    else:
        verified = verify(folder, _answer_fault)
        answer(_summary(folder, verified))
    return FAULTS_FOUND if verified.faults else 0


def _answer_json(facts: dict[str, object]) -> None:
    answer(printable_json(orjson.dumps(facts)).decode())


def _answer_fault(fault: Fault) -> None:
    said = f": {fault.message}" if fault.message else ""
    url = f"  {fault.url}" if fault.url else ""
    answer(printable(f"{fault.fault:10} {fault.path}{said}{url}"))


def _summary(folder: Path, verified: Verified) -> str:
    found = counted(verified.faults, "fault") if verified.faults else "all well"
    size = f"{verified.bytes / 2**20:,.1f} MB"
    files = counted(verified.files, "file")
    return printable(f"{folder}: {files}, {size} compared; {found}")
