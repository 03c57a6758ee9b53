"""Which lists a run folder belongs to, so that no other list is mixed into it unasked.

A list belongs to a folder that knows its path, or most of its first thousand URLs: so a project may
move, and a list may grow or be renamed. What a script hands over joins the folder that it names.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import orjson

from scraper.errors import UsageError
from scraper.model import Line
from scraper.redaction import redacted
from scraper.run_folder.naming import naming_urls, ten_digits_of
from scraper.sinks.record_log import unknown_file
from scraper.sources.source import LOCAL, SCRIPT, Source
from scraper.storage.ledger import Ledger
from scraper.urls import Url, digest

MAX_JUDGED_URLS = (
    1_000  # of a list, by which it is seen whether a folder knows it
)
MAX_NAMED_OWNERS = 3  # owners that a refusal names
# names of what is no list to be read again
UNLASTING = (
    "command-line",
    "script",
    "demo",
)

# files of ours that say what the URLs of a folder came to
RECORDS, ERRORS = "records.jsonl", "errors.jsonl"

_PARTS = "parts"  # the name of the fact which lists an index has named

# by what identifies it, the row of each list in the ledger
Owners = dict[str, int | None]


def refuse_unknown_records(folder: Path, adopt: bool) -> None:
    """Raises UsageError, before anything is made in a folder, if it holds records that no ledger
    knows and that are not to be taken over; or if there are none that could be."""
    if (folder / ".scraper" / "ledger.sqlite").exists():
        return  # it says of each file up to where it is ours
    if adopt:
        if not (folder / RECORDS).is_file():
            raise UsageError(
                f"--adopt: {folder} holds no {RECORDS} to take over"
            )
        return
    for name in (RECORDS, ERRORS):
        path = folder / name
        if path.is_file() and path.stat().st_size:
            raise UsageError(unknown_file(path))


def claim_folder(
    folder: Path,
    ledger: Ledger,
    sources: Sequence[Source],
    *,
    join: bool,
    is_local: bool = False,
) -> list[int]:
    """Remember these lists as the folder's own. Returns the row of each.

    Raises UsageError if one of them belongs elsewhere and may not `join`.
    """
    owners = ledger.sources.owners()
    _refuse_other_kind(
        folder,
        owners,
        sources,
        is_local=is_local,
    )
    for source in sources:
        # an index that belongs may name a new list
        if (
            not join
            and not source.is_part
            and not belongs(
                source,
                owners,
                ledger,
            )
        ):
            known = _describe_owners(owners)
            raise UsageError(
                f"{folder} belongs to another list ({known}), and knows too few URLs of "
                f"{source.name}: choose another --dir, or let it join with --add-list (in scripts: "
                "dir=..., add_list=True)"
            )
    rows = []
    for source in sources:
        row = _row_of(
            source,
            owners,
            ledger,
        )
        owners |= dict.fromkeys(identities_of(source), row)
        ledger.sources.set_columns(
            row,
            source.columns,
            source.url_place,
        )
        sender = source.sender.url if source.sender else None
        ledger.sources.set_sender(row, sender)
        rows.append(row)
    ledger.sources.set_owners(owners)
    _remember_parts(ledger, sources)
    return rows


def _refuse_other_kind(
    folder: Path, owners: Owners, sources: Sequence[Source], *, is_local: bool
) -> None:
    """What was asked of hosts and what was read from this machine never share a folder."""
    if not owners:
        return
    was_local = any(each.startswith(LOCAL) for each in owners)
    if was_local and not is_local:
        raise UsageError(
            f"{folder} holds what was made of files of this machine: go on with "
            f"`python -m scraper process -d {folder}`, or choose another --dir"
        )
    if is_local and not was_local:
        raise UsageError(
            f"{folder} belongs to a list of URLs ({_describe_owners(owners)}): choose another --dir"
        )


# -- lists that name lists ---------------------------------------------------------------------


def unnamed_lists(ledger: Ledger, indexes: Sequence[Source]) -> list[int]:
    """The rows of lists that these have named, and do not name any more; and of what those have
    named."""
    known, owners = _known_parts(ledger), ledger.sources.owners()
    named = {part for index in indexes for part in index.parts}
    unnamed: dict[str, None] = {}
    ahead = [index.identity for index in indexes]
    while ahead:
        for part in known.get(ahead.pop(), ()):
            if part not in named and part not in unnamed:
                unnamed[part] = None
                ahead.append(part)
    rows = (owners.get(each) for each in unnamed)
    return [row for row in rows if row is not None]


def _remember_parts(ledger: Ledger, sources: Iterable[Source]) -> None:
    """All that an index has ever named."""
    known = _known_parts(ledger)
    for source in sources:
        if source.parts:
            parts = [*known.get(source.identity, ()), *source.parts]
            known[source.identity] = list(dict.fromkeys(parts))
    if known:
        ledger.set_meta(_PARTS, orjson.dumps(known).decode())


def _known_parts(ledger: Ledger) -> dict[str, list[str]]:
    value = ledger.meta(_PARTS)
    return orjson.loads(value) if value else {}


# -- does it belong? --------------------------------------------------------------------------


def belongs(
    source: Source,
    owners: Owners,
    ledger: Ledger,
) -> bool:
    """Is this list one of the folder's own?"""
    if source.identity == SCRIPT or not owners or ledger.intake.is_empty:
        return True
    # 0.1.0 remembered no more than that there was a pipe, or URLs on the command line.
    if {source.identity, *identities_of(source)} & owners.keys():
        return True
    urls = list(_judged_urls(source))
    return are_most(ledger.intake.count_by_source(urls).total(), len(urls))


def are_most(known: int, urls: int) -> bool:
    """Are so many of so many URLs more than half of them?"""
    return 2 * known > urls


def _judged_urls(source: Source) -> Iterator[Line]:
    """The first distinct URLs of a list; of a pipe one, for the next may take an hour."""
    if source.live:
        return iter(naming_urls(source))
    return itertools.islice(_distinct(source.tasks_ahead()), MAX_JUDGED_URLS)


def _distinct(lines: Iterable[Line]) -> Iterator[Line]:
    """Those that are URLs, each once."""
    seen: set[Url] = set()
    for line in lines:
        if line.refusal is None and line.url not in seen:
            seen.add(line.url)
            yield line


def identities_of(source: Source) -> tuple[str, ...]:
    """What a list is known by in the folders that it belongs to.

    A file by its path, and by that of the link through which it was reached; URLs of the command
    line by all of them, a pipe by the first.
    """
    if source.identity.startswith("file:"):
        return tuple(
            dict.fromkeys(
                [source.identity, f"file:{os.path.abspath(source.name)}"]
            )
        )
    if source.identity in ("stdin", "command-line"):
        return (f"{source.identity}:{ten_digits_of(naming_urls(source))}",)
    return (source.identity,)


# -- which of the folder's lists is it? -------------------------------------------------------


def _row_of(
    source: Source,
    owners: Owners,
    ledger: Ledger,
) -> int:
    """The row of a list: the one that it had, under whatever path, or a new one.

    What a list names no more is dropped, so one list must not pass for another of the same name.
    """
    row = _known_row(source, owners)
    if row is None and source.lasting:
        row = _continued_row(
            source,
            owners,
            ledger,
        )
    if row is None:
        return ledger.sources.id_of(
            _free_name(
                source,
                owners,
                ledger,
            )
        )
    if source.name not in ledger.sources.names.values():
        ledger.sources.rename(row, source.name)
    return row


def _known_row(source: Source, owners: Owners) -> int | None:
    rows = (owners.get(identity) for identity in identities_of(source))
    return next((row for row in rows if row is not None), None)


def _continued_row(
    source: Source, owners: Owners, ledger: Ledger
) -> int | None:
    """The row of the list that this one was before it got another path."""
    urls = list(_judged_urls(source))
    known = ledger.intake.count_by_source(urls)
    if not are_most(known.total(), len(urls)):
        return None
    row, _ = known.most_common(1)[0]
    name = ledger.sources.names.get(row) if row is not None else None
    if name is None or name in UNLASTING:
        return None
    of_row = [identity for identity, each in owners.items() if each == row]
    if not of_row and identities_of(source)[0] not in owners:
        of_row = [f"file:{name}"]  # as 0.1.0 has left it
    return row if all(map(_is_gone, of_row)) else None


def _is_gone(identity: str) -> bool:
    """Is there no such list any more, as far as one can see? A pipe never stays."""
    kind, _, path = identity.partition(":")
    return kind == "stdin" or (kind == "file" and not os.path.exists(path))


def _free_name(
    source: Source,
    owners: Owners,
    ledger: Ledger,
) -> str:
    """A list's name in records; a second one of that name has its path there, or its digits."""
    named = {name: row for row, name in ledger.sources.names.items()}
    taken = named.get(source.name) in owners.values()
    if not source.lasting or source.name not in named or not taken:
        return source.name
    if source.sender is not None:
        # its own name is without what is secret in it
        return f"{source.name} ({digest(source.identity).hex()[:10]})"
    return identities_of(source)[0].removeprefix("file:").replace(":", "-")


# -- what is said of it -----------------------------------------------------------------------


def _describe_owners(owners: Iterable[str]) -> str:
    """Some lists, for people."""
    spoken = [_spoken(each) for each in owners]
    more = (
        [f"{len(spoken) - MAX_NAMED_OWNERS} more"]
        if len(spoken) > MAX_NAMED_OWNERS
        else []
    )
    return ", ".join([*spoken[:MAX_NAMED_OWNERS], *more])


def _spoken(identity: str) -> str:
    kind, _, rest = identity.partition(":")
    spoken = {
        "file": rest,
        "url": redacted(rest),
        "sitemaps": f"the sitemaps of {rest}",
        "local": rest,
        "stdin": "one on standard input",
        "command-line": "URLs of the command line",
        SCRIPT: "URLs of a script",
    }
    return spoken.get(kind, identity)
