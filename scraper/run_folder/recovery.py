"""After a power loss: what the disk may not have kept is not believed.

SQLite keeps its own promises without syncing each commit; files written shortly before may come
back short or empty. Where the machine has been restarted under an open run, the last minutes are
checked against sizes and hashes, and everything from the first untrue record on is asked again.
A mere kill needs none of this: the system writes on. Nor does `durable`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

import orjson

from scraper.errors import LocalFault, UsageError
from scraper.machine.files import Folder
from scraper.record import is_short
from scraper.sinks.line_file import end_of_last_line
from scraper.sinks.record_log import RecordLog
from scraper.sinks.sink import Outputs
from scraper.storage.ledger import Ledger

SAMPLED_RECORDS = 16
VERIFIED_SECONDS = 300.0  # Linux writes dirty pages back within 30 s, twice that with a journal


def boot_id() -> str | None:
    """Another one after each start of this machine; None where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def verify_after_power_loss(
    ledger: Ledger, folder: Folder, outputs: Outputs
) -> int:
    """Reopen the URLs whose results the disk has lost, and let each sink recover.

    Returns how many URLs.
    """
    name = outputs.records.name
    position = int(ledger.position(name) or 0)
    with BufferedReader(folder.open_file(name)) as records:
        end = _true_end(
            records, position, ledger.spans.recent(VERIFIED_SECONDS), folder
        )
    if end == position:
        return 0
    reopened = ledger.reopen_from(end)
    ledger.set_position(name, str(end))
    for sink in outputs:
        sink.recover(ledger.position(sink.name))
    from scraper.run_folder.standings import restore_standings

    restore_standings(ledger, outputs)
    return reopened


def check_records(ledger: Ledger, records: RecordLog) -> None:
    """Raises UsageError if records.jsonl was changed since the last run, though not in size.

    A few places are read, which is enough where it was sorted, or edited in more than a few.
    """
    try:
        for span in ledger.spans.sample(SAMPLED_RECORDS):
            records.read(span.offset, span.url)
    except LocalFault as fault:
        raise UsageError(str(fault)) from fault


def _true_end(
    records: BinaryIO,
    position: int,
    recent: Sequence[int],
    folder: Folder,
) -> int:
    """Up to where the records are believed: `position` if nothing is lost."""
    size = os.fstat(records.fileno()).st_size
    whole = position if size >= position else end_of_last_line(records)
    untrue = _first_untrue(recent, records, folder)
    return whole if untrue is None else min(whole, untrue)


def _first_untrue(
    recent: Sequence[int], records: BinaryIO, folder: Folder
) -> int | None:
    """The offset of the first record that is not there, or whose file is not what it says."""
    for offset in recent:
        records.seek(offset)
        line = records.readline()
        if not line.endswith(b"\n") or not _is_true(line, folder):
            return offset
    return None


def _is_true(line: bytes, folder: Folder) -> bool:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    if is_short(record):
        return True  # the full one is checked too, if it is as new
    files = [(record["path"], record["sha256"])] if record["path"] else []
    files += [
        (each["path"], each["sha256"]) for each in record.get("processed", ())
    ]
    try:
        return all(_sha256_of(folder, path) == sha256 for path, sha256 in files)
    except OSError:
        return False


def _sha256_of(folder: Folder, path: str) -> str:
    with folder.open_reader(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
