"""Records without a ledger: left alone, unless they are to be taken over."""

from __future__ import annotations

from pathlib import Path

from scraper.errors import UsageError
from scraper.sinks import foreign

_OURS = ("records.jsonl", "errors.jsonl")


def refuse_foreign(folder: Path) -> None:
    """Raises UsageError, before anything is put there, if a folder holds files that no ledger
    knows."""
    if (folder / ".scraper" / "ledger.sqlite").exists():
        return  # it says up to where each of them is ours
    for name in _OURS:
        path = folder / name
        if path.is_file() and path.stat().st_size:
            raise UsageError(foreign(path))
