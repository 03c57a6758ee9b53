"""summary.json: replaced as a whole at the end of a run, if it is one of this program."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from scraper.errors import UsageError
from scraper.machine.files import Folder, opening
from scraper.text import printable_json

_MAX_SUMMARY_BYTES = 2**20


class SummaryFile:
    """Written beside its place, among the parts, and renamed: it is never there by half."""

    name = "summary.json"

    def __init__(self, folder: Folder, parts: Folder) -> None:
        self._folder = folder
        self._parts = parts

    @property
    def path(self) -> Path:
        """Where it stands, or is to stand."""
        return self._folder.path / self.name

    def check_replaceable(self) -> None:
        """Raises UsageError if it cannot be replaced at the end of the run."""
        self.check()
        folder = self._folder.path
        if not os.access(folder, os.W_OK | os.X_OK):
            raise UsageError(
                f"nothing can be put into {folder}, so {self.name} could not be renewed: "
                f"chmod u+wx {folder}, or choose another --dir"
            )

    def check(self) -> None:
        """Raises UsageError if another program has written what is there."""
        path = self._folder.path / self.name
        with opening(path):
            if self._folder.stat_entry(self.name) is None:
                return
            with self._folder.open_reader(self.name) as file:
                if not _is_summary(file.read(_MAX_SUMMARY_BYTES)):
                    raise UsageError(
                        f"{path} was not written by this program: "
                        "move it away, or choose another --dir"
                    )

    def write(self, summary: Mapping[str, Any]) -> None:
        """Put this one in its place. Raises as `check` does, and OSError."""
        self.check()
        with self._parts.create_file(self.name) as file:
            file.write(
                printable_json(
                    orjson.dumps(summary, option=orjson.OPT_INDENT_2)
                )
                + b"\n"
            )
        self._folder.move_in(self._parts, self.name, self.name)


def _is_summary(text: bytes) -> bool:
    """Is it ours, or nothing at all, as a power cut may leave it?"""
    if not text.strip(b"\x00"):
        return True
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return isinstance(found, dict) and found.keys() >= {
        "version",
        "inputs",
        "exit_code",
        "pass",
    }
