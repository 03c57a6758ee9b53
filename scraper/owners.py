"""Which lists a run folder belongs to, so that no other list is mixed into it unasked.

A list belongs to a folder that knows its path, or most of its first thousand URLs: so a project may
move, and a list may grow or be renamed. What a script hands over joins the folder that it names.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from scraper.errors import UsageError
from scraper.folders import naming_urls, ten_digits_of
from scraper.ledger import Ledger, Line
from scraper.lists import SCRIPT, Source

JUDGED = 1_000  # so many URLs of a list tell whether a folder knows it
NAMED = 3  # so many owners a refusal names


def claim_folder(folder: Path, ledger: Ledger, sources: Sequence[Source], *, join: bool) -> None:
    """Remember these lists as the folder's own. Raises UsageError if one belongs elsewhere."""
    owners = ledger.owners()
    for source in sources:
        if not join and not belongs(source, owners, ledger):
            raise UsageError(
                f"{folder} belongs to another list ({_named(owners)}), and knows too few URLs of "
                f"{source.name}: choose another --dir, or let it join with --add-list (in scripts: "
                "dir=..., add_list=True)"
            )
    joined = [identity for source in sources for identity in identities_of(source)]
    ledger.set_owners(list(dict.fromkeys([*owners, *joined])))


def belongs(source: Source, owners: Collection[str], ledger: Ledger) -> bool:
    """Is this list one of the folder's own?"""
    if source.identity == SCRIPT or not owners or ledger.is_empty:
        return True
    # 0.1.0 remembered no more than that there was a pipe, or URLs on the command line.
    if not {source.identity, *identities_of(source)}.isdisjoint(owners):
        return True
    return knows_most(list(_judged_urls(source)), ledger.count_known)


def knows_most(urls: Sequence[Line], count_known: Callable[[Sequence[Line]], int]) -> bool:
    """Are more than half of these URLs known?"""
    return 2 * count_known(urls) > len(urls)


def _judged_urls(source: Source) -> Iterator[Line]:
    """The first distinct URLs of a list; of a pipe one, for the next may take an hour."""
    if source.live:
        return iter(naming_urls(source))
    return itertools.islice(_distinct(source.tasks_ahead()), JUDGED)


def _distinct(lines: Iterable[Line]) -> Iterator[Line]:
    """Those that are URLs, each once."""
    seen: set[str] = set()
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
        return tuple(dict.fromkeys([source.identity, f"file:{os.path.abspath(source.name)}"]))
    if source.identity in ("stdin", "command-line"):
        return (f"{source.identity}:{ten_digits_of(naming_urls(source))}",)
    return (source.identity,)


def _named(owners: Sequence[str]) -> str:
    """Some lists, for people."""
    named = [_spoken(each) for each in owners[:NAMED]]
    if len(owners) > NAMED:
        named.append(f"{len(owners) - NAMED} more")
    return ", ".join(named)


def _spoken(identity: str) -> str:
    kind, _, rest = identity.partition(":")
    spoken = {
        "file": rest,
        "stdin": "one on standard input",
        "command-line": "URLs of the command line",
        SCRIPT: "URLs of a script",
    }
    return spoken.get(kind, identity)
