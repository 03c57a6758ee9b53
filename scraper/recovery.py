"""After a power loss: what the disk may not have kept is not believed.

SQLite keeps its own promises without syncing each commit; files written shortly before may come
back short or empty. Where the machine has been restarted under an open run, the last minutes are
checked against sizes and hashes, and everything from the first untrue record on is asked again.
A mere kill needs none of this: the system writes on. Nor does `durable`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import orjson

from scraper.ledger import Ledger, Told
from scraper.sinks import error_of

DOUBTED_SECONDS = 300.0  # Linux writes dirty pages back within 30 s, twice that with a journal


def boot_of() -> str | None:
    """What tells one start of this machine from the next; None where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def distrust(ledger: Ledger, folder: Path) -> int:
    """Make due again what the disk has lost, and cut the files to match. Returns how many URLs."""
    records = folder / "records.jsonl"
    cut = _first_untrue(ledger.told_lately(DOUBTED_SECONDS), records, folder)
    size = records.stat().st_size if records.exists() else 0
    position = int(ledger.position("records.jsonl") or 0)
    if cut is None and size >= position:
        return 0
    if cut is None:
        cut = _end_of_last_line(records, size)
    due = ledger.doubt(cut)
    with records.open("ab") as file:
        file.truncate(cut)
    ledger.set_position("records.jsonl", str(cut))
    ledger.set_position("errors.jsonl", str(_rebuild_errors(records, folder / "errors.jsonl")))
    log = folder / "run.log"
    log_size = log.stat().st_size if log.exists() else 0
    ledger.set_position("run.log", str(min(int(ledger.position("run.log") or 0), log_size)))
    return due


def _first_untrue(told: list[Told], records: Path, folder: Path) -> int | None:
    """The offset of the first record that is not there, or whose file is not what it says."""
    if not records.exists():
        return 0 if told else None
    with records.open("rb") as file:
        for each in told:
            file.seek(each.offset)
            line = file.read(each.length + 1)
            if not line.endswith(b"\n") or not _is_true(line, folder):
                return each.offset
    return None


def _is_true(line: bytes, folder: Path) -> bool:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    files = [(record["path"], record["sha256"])] if record["path"] else []
    files += [(each["path"], each["sha256"]) for each in record.get("processed", ())]
    try:
        return all(
            hashlib.sha256((folder / path).read_bytes()).hexdigest() == sha256
            for path, sha256 in files
        )
    except OSError:
        return False


def _end_of_last_line(records: Path, size: int) -> int:
    with records.open("rb") as file:
        kept = file.read(size)
    return kept.rfind(b"\n") + 1


def _rebuild_errors(records: Path, errors: Path) -> int:
    """errors.jsonl follows from the records. Returns its size."""
    with records.open("rb") as source, errors.open("wb") as file:
        for line in source:
            record = orjson.loads(line)
            if record["error_kind"] is not None:
                file.write(error_of(record) + b"\n")
        return file.tell()
