"""How URLs stand in changes.jsonl whose last answer does not say it.

Of most URLs it does: whose last answer was good is here, and its row in `answer` names its last
good record. So there is a row for those alone that have failed since, or that are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from scraper.model import Reported, Standing
from scraper.storage.database import Database
from scraper.storage.ends import know_found
from scraper.storage.schema import (
    FACTS_OFFSET,
    SLICE,
    fill_standings,
    rows_of_values,
    slices,
)

_COLUMNS = (
    "id",
    "reported",
    "is_missing",
    "since",
    "facts_pass",
    "facts_offset",
    "sha256",
    "process_hash",
    "final_url",
)
_KEEP = f"""INSERT OR REPLACE INTO standing ({", ".join(_COLUMNS)})
  SELECT * FROM {rows_of_values(_COLUMNS)}"""
_FORGET = f"DELETE FROM standing WHERE id IN {rows_of_values(('id',))}"

_IS_HERE = "standing.id IS NULL AND outcome IN ('done', 'unchanged')"
# It has an ending of this pass only if that is what says so: one line a URL and pass.
_IS_UNLISTED = """pass < :unlisted_before AND seq IS NULL
  AND NOT is_found(url.id)"""
_MISSING = f"""FROM url LEFT JOIN standing USING (id) LEFT JOIN answer USING (id)
  WHERE url.{SLICE} AND (coalesce(is_missing, 0) OR {_IS_UNLISTED})
    AND ({_IS_HERE} OR reported IN ('here', 'unknown'))"""
_COUNT_MISSING = f"SELECT count(*) {_MISSING}"
_OF_ROW = {
    name: f"CASE WHEN standing.id IS NULL THEN {here} ELSE standing.{name} END"
    for name, here in {
        "reported": "'here'",
        "facts_pass": "answer.facts_pass",
        "facts_offset": FACTS_OFFSET.replace(
            "facts_offset", "answer.facts_offset"
        ),
        "sha256": "answer.sha256",
        "process_hash": "answer.process_hash",
        "final_url": "answer.final_url",
    }.items()
}
_SELECT_MISSING = f"""SELECT url.id, url, error_kind, status, "offset",
  coalesce(is_missing, 0), {", ".join(_OF_ROW.values())} {_MISSING}"""
_COUNT_KNOWN = f"""SELECT count(*) FROM url LEFT JOIN standing USING (id)
  WHERE url.{SLICE} AND ({_IS_HERE} OR reported IN ('here', 'unknown'))"""
_NAMES_ANY = "SELECT EXISTS (SELECT 1 FROM url WHERE seq IS NOT NULL)"


class MissingUrl(NamedTuple):
    """A URL that is not there any more: it answers so, or no list names it."""

    id: int
    url: str
    error_kind: str | None  # of its last answer
    status: int | None
    offset: int | None  # of the record of that
    has_answered: bool  # in a pass whose list had not ended yet
    standing: Standing


# Of what the disk has lost the ledger knows no record any more.
_IN_DOUBT = f"""SELECT url.id, url, answer.id NOT NULL AND "offset" IS NULL,
    {", ".join(f"standing.{name}" for name in Standing.__struct_fields__)}
  FROM url LEFT JOIN standing USING (id) LEFT JOIN answer USING (id)
  WHERE standing.id NOT NULL
    OR (state = 'pending' AND answer.id NOT NULL AND "offset" IS NULL)"""


class UrlInDoubt(NamedTuple):
    """A URL whose last word in changes.jsonl may have been lost."""

    id: int
    url: str
    lost_record: bool
    standing: Standing | None


class Standings:
    """The table of standings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, id: int, standing: Standing, since: float) -> None:
        """From now on it stands so."""
        reported, is_missing, *last_good = (
            getattr(standing, name) for name in Standing.__struct_fields__
        )
        row = (id, reported, int(is_missing), since, *last_good)
        self._database.gather(_KEEP, row)

    def forget(self, id: int) -> None:
        """Its last answer says how it stands."""
        self._database.gather(_FORGET, (id,))

    def adopt(self) -> None:
        """Of rows that were made from records."""
        fill_standings(self._database.connection)

    def in_doubt(self) -> Iterator[UrlInDoubt]:
        """After a power loss: those of which more was reported than the disk has kept, perhaps."""
        self._database.flush()
        rows = self._database.execute(_IN_DOUBT).fetchall()
        for id, url, lost_record, reported, is_missing, *last_good in rows:
            standing = None
            if reported is not None:
                standing = Standing(reported, bool(is_missing), *last_good)
            yield UrlInDoubt(id, url, bool(lost_record), standing)

    # -- when the list has ended --------------------------------------------------------------

    def count_known(self) -> int:
        """How many URLs have been good, and have not been reported as gone."""
        return sum(
            self._count(_COUNT_KNOWN, each)
            for each in slices(self._database.connection)
        )

    def count_missing(self, unlisted_before: int) -> int:
        """How many of them are not there any more: they answer so, or no list names them and no
        pass from this one on has asked them."""
        self._database.flush()
        know_found(self._database.connection)
        return sum(
            self._count(
                _COUNT_MISSING, {**each, "unlisted_before": unlisted_before}
            )
            for each in slices(self._database.connection)
        )

    def missing(self, unlisted_before: int) -> Iterator[Sequence[MissingUrl]]:
        """These, some at a time. Who is kept as gone meanwhile is not met again."""
        know_found(self._database.connection)
        for each in slices(self._database.connection):
            which = {**each, "unlisted_before": unlisted_before}
            rows = self._database.execute(_SELECT_MISSING, which).fetchall()
            yield [_decode_missing(*row) for row in rows]
            self._database.flush()

    def any_is_listed(self) -> bool:
        """Does a list name any URL at all?"""
        return bool(self._database.value_of(_NAMES_ANY))

    def _count(self, sql: str, which: dict[str, int]) -> int:
        ((count,),) = self._database.execute(sql, which)
        return int(count)


def _decode_missing(
    id: int,
    url: str,
    error_kind: str | None,
    status: int | None,
    offset: int | None,
    has_answered: int,
    reported: Reported,
    facts_pass: int | None,
    facts_offset: int | None,
    sha256: str | None,
    process_hash: str | None,
    final_url: str | None,
) -> MissingUrl:
    standing = Standing(
        reported,
        bool(has_answered),
        facts_pass,
        facts_offset,
        sha256,
        process_hash,
        final_url,
    )
    return MissingUrl(
        id,
        url,
        error_kind,
        status,
        offset,
        bool(has_answered),
        standing,
    )
