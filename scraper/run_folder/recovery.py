"""After a power loss: what the disk may not have kept is not believed.

SQLite keeps its own promises without syncing each commit; files written shortly before may come
back short or empty. Where the machine has been restarted under an open run, the last minutes are
checked against sizes and hashes, and everything from the first untrue record on is asked again.
A mere kill needs none of this: the system writes on. Nor does `durable`.
"""

from __future__ import annotations

import hashlib
import os
from io import FileIO
from pathlib import Path

import orjson

from scraper.machine.files import Folder
from scraper.storage.ledger import Ledger, RecordSpan

VERIFIED_SECONDS = 300.0  # Linux writes dirty pages back within 30 s, twice that with a journal
_BLOCK_BYTES = 2**20


def boot_of() -> str | None:
    """What tells one start of this machine from the next; None where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def verify_after_power_loss(ledger: Ledger, folder: Folder) -> int:
    """Make due again what the disk has lost, and cut the files to match. Returns how many URLs."""
    with folder.file("records.jsonl") as records:
        size = os.fstat(records.fileno()).st_size
        position = int(ledger.position("records.jsonl") or 0)
        cut = _first_untrue(ledger.recent_records(VERIFIED_SECONDS), records, folder)
        if cut is None and size >= position:
            return 0
        if cut is None:
            cut = _end_of_last_line(records, size)
        due = ledger.reopen_from(cut)
        records.truncate(cut)
        ledger.set_position("records.jsonl", str(cut))
    if ledger.position("errors.jsonl") is not None:
        with folder.file("errors.jsonl") as errors:
            errors.truncate(0)  # it follows from the records, and is made again from them
    return due


def _first_untrue(told: list[RecordSpan], records: FileIO, folder: Folder) -> int | None:
    """The offset of the first record that is not there, or whose file is not what it says."""
    for each in told:
        records.seek(each.offset)
        line = records.read(each.length + 1)
        if not line.endswith(b"\n") or not _is_true(line, folder):
            return each.offset
    return None


def _is_true(line: bytes, folder: Folder) -> bool:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    files = [(record["path"], record["sha256"])] if record["path"] else []
    files += [(each["path"], each["sha256"]) for each in record.get("processed", ())]
    try:
        return all(_hash_of(folder, path) == sha256 for path, sha256 in files)
    except OSError:
        return False


def _hash_of(folder: Folder, path: str) -> str:
    with folder.reading(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _end_of_last_line(records: FileIO, size: int) -> int:
    """The end of the last whole line within `size`, looked for from behind."""
    end = size
    while end:
        start = max(end - _BLOCK_BYTES, 0)
        records.seek(start)
        found = records.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
