"""Records without a ledger: left alone, or taken over into a new one.

The ledger may be lost (`rm -rf .scraper`, a copy without dot files, a damaged disk); the records
are the truth, and all that a run needs to know of a URL is read back from them, but for what its
server said for the next time (ETag, Last-Modified). records.jsonl stays as it is; only a last line
that is cut off is put into a file beside it, and one that lacks its newline gets it.

Addresses that hold secrets stand there without them. Their keys do not lie: what the lists name is
found again by its key; what no list names is forgotten, and asked again if a page names it.
"""

from __future__ import annotations

import itertools
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from datetime import datetime
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from scraper.config import VARIANT_NAME, Config
from scraper.config.settings import FollowSettings
from scraper.errors import UsageError
from scraper.machine.files import Folder, opening
from scraper.model import STATES, Ended
from scraper.record import KEYS, SCHEMA, depth_of, fill_in, is_short
from scraper.recording.changes import GONE_STATUSES
from scraper.reports.records import lost_facts_message
from scraper.reports.summary import Report
from scraper.run_folder.following import lead_of
from scraper.run_folder.owners import RECORDS
from scraper.sinks.line_file import end_of_last_line
from scraper.sources.source import Source
from scraper.storage.adopted import AdoptedRows, Row
from scraper.storage.ledger import Ledger
from scraper.storage.schema import body_hash
from scraper.text import pattern, unix_of
from scraper.urls import BadUrl, canonical, key_of, lane_of, parts_of

BATCH = 1_000
_NO_LINKS = frozenset({"nofollow", "none"})  # a page says
_BEGINNING = b'{"schema":'  # of every record
_PLACE = pattern(r"(pages|images|files)(/(?!\.\.?(/|\Z))[^/\0]+)+")


def adopt_records(
    ledger: Ledger,
    folder: Folder,
    sources: Sequence[Source],
    config: Config,
) -> int:
    """Fill an empty ledger from the records of its folder. Returns how many there are.

    Raises UsageError if they are not records of this program. What a ledger knows already is not
    read again, so that a command with --adopt may be repeated.
    """
    if ledger.position(RECORDS) is not None:
        return 0
    path = folder.path / RECORDS
    with (
        opening(path),
        folder.open_reader(RECORDS) as file,
        folder.open_reader(RECORDS) as again,
    ):
        start = _start_of_records(file, path)
        end, torn = _end_of_records(file)
        records = _read_records(file, start, end, path)
        rows = AdoptedRows(ledger)
        reports = _take_records(records, again, path, ledger, rows)
        _restore_names(sources, rows)
        if config.follow.depth:
            records = _read_records(file, start, end, path)
            _lead_on(records, rows, config.follow)
        rows.finish(lead_of(config))
        end = _end_last_line(file, end, torn, folder)
    for number, (report, began, ended) in sorted(reports.items()):
        ledger.passes.enter_adopted(number, began, ended, report.as_dict())
    ledger.set_position(RECORDS, str(end))
    ledger.intake.reload()
    ledger.names.adopt()
    ledger.bodies.adopt()
    ledger.standings.adopt()
    ledger.commit()
    return sum(report.total for report, _, _ in reports.values())


# by pass: counts, first and last time
_Reports = dict[int, tuple[Report, float, float]]


class _Found(NamedTuple):
    """A record in the file; a short one is filled in, and has the place of its facts."""

    record: dict[str, Any]
    place: int
    length: int
    facts_place: int


def _take_records(
    records: Iterator[_Found],
    file: BufferedReader,
    path: Path,
    ledger: Ledger,
    rows: AdoptedRows,
) -> _Reports:
    """`file` is for reading again what short records name."""
    reports: _Reports = {}
    variants: set[str] = set()
    while batch := list(itertools.islice(records, BATCH)):
        batch = list(_fill_in(batch, file, path, rows))
        rows.take([_row_of(each, ledger) for each in batch])
        for each in batch:
            _count_record(each.record, reports)
            variants |= _variants_in(each.record)
    ledger.add_variants(sorted(variants))
    return reports


def _variants_in(record: dict[str, Any]) -> set[str]:
    """How the variants of a picture are called."""
    return {
        each["variant"]
        for each in record.get("processed", ())
        if re.fullmatch(VARIANT_NAME, each["variant"])
    }


def _fill_in(
    batch: Sequence[_Found],
    file: BufferedReader,
    path: Path,
    rows: AdoptedRows,
) -> Iterator[_Found]:
    """Short records with the facts of those that they name. Raises UsageError if one is missing."""
    places = rows.facts_places(
        [_key_of(each.record) for each in batch if is_short(each.record)]
    )
    for each in batch:
        key = _key_of(each.record)
        if not is_short(each.record):
            places[key] = each.place
            yield each
            continue
        same_as, place = each.record["same_as"], places.get(key)
        full = None if place is None else _read_record(file, place)
        if place is None or full is None or full["pass"] != same_as:
            raise UsageError(lost_facts_message(path, each.place, same_as))
        record = fill_in(each.record, full)
        yield each._replace(record=record, facts_place=place)


def _read_record(file: BufferedReader, place: int) -> dict[str, Any]:
    file.seek(place)
    record: dict[str, Any] = orjson.loads(file.readline())
    return record


def _restore_names(sources: Sequence[Source], rows: AdoptedRows) -> None:
    if not rows.lacks_names:
        return
    for source in sources:
        if not source.pipe and not source.live:
            lines = source.tasks_ahead()
            while batch := list(itertools.islice(lines, BATCH)):
                rows.name(batch)


def _lead_on(
    records: Iterator[_Found], rows: AdoptedRows, follow: FollowSettings
) -> None:
    """Where pages led, besides the one that led to each page first."""
    obeys = follow.nofollow == "obey"
    while batch := list(itertools.islice(records, BATCH)):
        links = {}
        for record in (each.record for each in batch):
            if record.get("status") in GONE_STATUSES:
                links[_key_of(record)] = frozenset[int]()
            elif "links" in record:
                leads = _leads_in(record, follow.ignore_params, obeys=obeys)
                links[_key_of(record)] = frozenset(leads)
        rows.lead_on(links)


def _leads_in(
    record: dict[str, Any], ignored: Sequence[str], *, obeys: bool
) -> Iterator[int]:
    """The keys of what a page leads to; in schema 1 links are URLs alone."""
    from processors.page.follow.parameters import without_parameters

    if obeys and _NO_LINKS.intersection(record.get("robots_meta", ())):
        return
    for link in record["links"]:
        url, rel = (
            (link, ()) if isinstance(link, str) else (link["url"], link["rel"])
        )
        if not (obeys and "nofollow" in rel):
            yield key_of(without_parameters(url, ignored))


# -- lines -------------------------------------------------------------------------------------


def _start_of_records(file: BufferedReader, path: Path) -> int:
    """Where the first record begins: behind the byte order mark of an editor, if there is one.

    Raises UsageError if that cannot be a record, before a line of any length is read.
    """
    beginning = file.read(len(BOM_UTF8) + len(_BEGINNING))
    start = len(BOM_UTF8) if beginning.startswith(BOM_UTF8) else 0
    if beginning and not beginning.startswith(_BEGINNING, start):
        raise UsageError(_no_record_message(path, 1))
    return start


def _end_of_records(file: BufferedReader) -> tuple[int, bytes]:
    """Where the last record ends, and the beginning of another that follows it.

    An editor may have taken the last newline: what is a record without it is none the less.
    """
    end = end_of_last_line(file)
    file.seek(end)
    rest = file.read()
    try:
        _check_values(orjson.loads(rest))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return end, rest
    return end + len(rest), b""


def _read_records(
    file: BufferedReader, start: int, end: int, path: Path
) -> Iterator[_Found]:
    """Each record between two places. Raises UsageError at what is none."""
    place = file.seek(start)
    for number in itertools.count(1):
        if place >= end:
            return
        line = file.readline()
        record = _decode_record(line, path, number)
        length = len(line.removesuffix(b"\n"))
        yield _Found(record, place, length, facts_place=place)
        place += len(line)


def _decode_record(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        record: dict[str, Any] = orjson.loads(line)
        if record["schema"] > SCHEMA:
            raise UsageError(
                f"{path}, line {number}, was written by a newer version of this program "
                f"(schema {record['schema']}, this one knows {SCHEMA}): update it"
            )
        _check_values(record)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(_no_record_message(path, number)) from error
    return record


def _check_values(record: dict[str, Any]) -> None:
    """Raises KeyError, ValueError or TypeError if it cannot be a record of this program."""
    if (
        record["state"] not in STATES
        or record["pass"] < 1
        or len(bytes.fromhex(record["key"])) != 8
    ):
        raise ValueError("no such state, pass or key")
    if is_short(record):
        _check_same_as(record)
        record = dict.fromkeys(KEYS) | record
    _check_sha256(record["sha256"])
    path = record["path"]
    if path is not None and not _PLACE.fullmatch(path):
        raise ValueError("a file that lies elsewhere")
    for name in (
        "canonical_url",
        "final_url",
        "parent",
        "source",
        "error_kind",
        "fetched_at",
    ):
        if record[name] is not None and not isinstance(record[name], str):
            raise TypeError(name)


def _check_sha256(sha256: str | None) -> None:
    if sha256 is not None:
        body_hash(sha256)


def _check_same_as(record: dict[str, Any]) -> None:
    if not 1 <= record["same_as"] < record["pass"]:
        raise ValueError("no earlier pass")


def _no_record_message(path: Path, number: int) -> str:
    return (
        f"{path}, line {number}, is no record of this program: choose another --dir, or "
        "take that line out"
    )


def _end_last_line(
    file: BufferedReader, end: int, torn: bytes, folder: Folder
) -> int:
    """Let the next record begin a line, and return where.

    What was being written when the run died is kept, in a file of its own.
    """
    if torn:
        with folder.create_file(f"{RECORDS}.torn") as aside:
            aside.write(torn)
        with folder.open_file(RECORDS) as records:
            records.truncate(end)
        return end
    if end == 0 or _byte_at(file, end - 1) == b"\n":
        return end
    with folder.open_file(RECORDS) as records:
        records.write(b"\n")
    return end + 1


def _byte_at(file: BufferedReader, offset: int) -> bytes:
    file.seek(offset)
    return file.read(1)


# -- rows --------------------------------------------------------------------------------------


def _list_of(name: str, ledger: Ledger) -> int:
    """The row of a list; one that was fetched is called after its URL, and trusted no more."""
    row = ledger.sources.id_of(name)
    if "://" in name:
        ledger.sources.set_sender(row, parts_of(name.partition(" ")[0]))
    return row


def _row_of(found: _Found, ledger: Ledger) -> Row:
    record, state = found.record, _state_of(found.record)
    has_facts = state in ("done", "unchanged")
    is_url = record["canonical_url"] is not None
    url = record["canonical_url"] if is_url else record["url"]
    source, parent = record["source"], record["parent"]
    seconds = record["seconds"] or {}
    is_listed = parent is None
    return Row(
        key=_key_of(record),
        url=url,
        host=lane_of(parts_of(url).host) if is_url else 0,
        state=state,
        number=record["pass"],
        due=unix_of(record.get("not_before")) or 0.0,
        seq=record["index"],
        source=None if source is None else _list_of(source, ledger),
        line=record["line"],
        written=record["url"] if is_url and record["url"] != url else None,
        parent=None if is_listed else key_of(parent),
        depth=depth_of(record),
        attempts=record["attempts"],
        error_kind=record["error_kind"],
        status=record["status"],
        final_url=record["final_url"] if record["final_url"] != url else None,
        type=record["content_type"],
        charset=record.get("charset"),
        fetched_at=_time_of(record),
        seconds_connect=seconds.get("connect"),
        seconds_fetch=seconds.get("fetch"),
        seconds_process=seconds.get("process"),
        path=record["path"],
        bytes=record["bytes"],
        wire_bytes=record["wire_bytes"],
        sha256=record["sha256"] if record["path"] is not None else None,
        flags=",".join(_flags_in(record)),
        offset=found.place,
        length=found.length,
        facts_pass=record.get("same_as", record["pass"]) if has_facts else None,
        facts_offset=found.facts_place if has_facts else None,
        images=tuple(_keys_of(record.get("images", ()))),
    )


def _flags_in(record: dict[str, Any]) -> list[str]:
    return [each["flag"] for each in record.get("flags", ())]


def _keys_of(images: Sequence[str | dict[str, Any]]) -> Iterator[int]:
    """Of the images in a record: of their URLs in schema 1, objects since."""
    for image in images:
        url = image if isinstance(image, str) else image["url"]
        try:
            yield key_of(canonical(url).href)
        except BadUrl:
            continue  # nor was it asked


def _key_of(record: dict[str, Any]) -> int:
    return int.from_bytes(bytes.fromhex(record["key"]), signed=True)


def _state_of(record: dict[str, Any]) -> str:
    """A host that does not give its robots.txt has failed; version 0.1.0 called that skipped."""
    unreachable = record["error_kind"] == "robots_unreachable"
    return "failed" if unreachable else str(record["state"])


def _time_of(record: dict[str, Any]) -> float | None:
    at = record["fetched_at"]
    return None if at is None else datetime.fromisoformat(at).timestamp()


def _count_record(record: dict[str, Any], reports: _Reports) -> None:
    at = _time_of(record)
    number = record["pass"]
    report, began, ended = reports.get(
        number, (Report(number=number), at or 0.0, 0.0)
    )
    if at is not None:
        began, ended = min(began or at, at), max(ended, at)
    kind, status = record["kind"], record["status"]
    size = record["bytes"] or 0
    not_before = unix_of(record.get("not_before"))
    report.add(
        Ended(
            _state_of(record),
            kind,
            record["error_kind"],
            status,
            1,
            size,
            unasked=not_before is not None,
            not_before=not_before,
            flags=",".join(_flags_in(record)),
        )
    )
    report.wire_bytes += record["wire_bytes"] or 0
    report.found += record["parent"] is not None
    report.duplicates += record.get("duplicate_of") is not None
    reports[number] = report, began, ended
