"""The lists that a folder belongs to, and those that were ever read into its ledger."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence

import orjson

from scraper.storage.database import Database, encode
from scraper.urls import Url, parts_of

_OWNERS = "inputs"  # the name of the fact
_HAS_VALUES = """SELECT EXISTS (SELECT 1 FROM input, json_each(input.columns) WHERE key = ?)"""

# The names of its columns as JSON, and how many stand before that of the URL, if that is known.
_Table = tuple[str | None, int | None]
_NO_TABLE: _Table = (None, None)


class Sources:
    """The table of lists: a name for each number."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reload()

    def reload(self) -> None:
        """Read the table again, after a rollback."""
        rows = self._database.execute(
            "SELECT id, name, columns, url_place, sender FROM source"
        )
        self._names: dict[int, str] = {}
        self._tables: dict[int, _Table] = {}
        self._senders: dict[int, Url] = {}
        for id, name, columns, url_place, sender in rows.fetchall():
            self._names[id] = name
            if columns is not None:
                self._tables[id] = (columns, url_place)
            if sender is not None:
                self._senders[id] = parts_of(sender)
        self._ids = {name: id for id, name in self._names.items()}

    @property
    def names(self) -> Mapping[int, str]:
        """All lists, by number."""
        return self._names

    def id_of(self, name: str) -> int:
        """The number of a list; a new one if it has none."""
        known = self._ids.get(name)
        if known is not None:
            return known
        id = len(self._ids) + 1
        self._database.execute(
            "INSERT INTO source (id, name) VALUES (?, ?)", (id, name)
        )
        self._ids[name] = id
        self._names[id] = name
        return id

    @property
    def has_tables(self) -> bool:
        """Is one of the lists a table, so that its rows have columns?"""
        return bool(self._tables)

    def columns_of(self, id: int) -> list[str]:
        """The names of a table's columns, that of the URL first; none of a plain list."""
        columns, _ = self._tables.get(id, _NO_TABLE)
        names: list[str] = orjson.loads(columns or "[]")
        return names

    @property
    def all_columns(self) -> list[str]:
        """The names of the columns of all tables, but for those of the URLs."""
        named = (self.columns_of(id)[1:] for id in self._tables)
        return list(dict.fromkeys(itertools.chain.from_iterable(named)))

    def has_values_in(self, column: str) -> bool:
        """Has a row of a table a column of this name? Reads all of them where none has."""
        (found,) = self._database.execute(_HAS_VALUES, (column,)).fetchone()
        return bool(found)

    def set_columns(
        self, id: int, names: Sequence[str], url_place: int = 0
    ) -> None:
        """The list is a table with these columns, that of the URL first, before which so many of
        the others stand; or none any more."""
        table = (encode(list(names)), url_place) if names else _NO_TABLE
        if table == self._tables.get(id, _NO_TABLE):
            return
        self._database.execute(
            "UPDATE source SET columns = ?, url_place = ? WHERE id = ?",
            (*table, id),
        )
        self._tables.pop(id, None)
        if names:
            self._tables[id] = table

    @property
    def fetched(self) -> Collection[int]:
        """The numbers of the lists that were fetched."""
        return self._senders.keys()

    def sender_of(self, id: int) -> Url | None:
        """The URL that has sent a list; None if it is one of this machine."""
        return self._senders.get(id)

    def set_sender(self, id: int, url: Url | None) -> None:
        """The list was sent by this URL; or it is one of this machine."""
        if url == self._senders.get(id):
            return
        self._database.execute(
            "UPDATE source SET sender = ? WHERE id = ?",
            (url.href if url else None, id),
        )
        self._senders.pop(id, None)
        if url is not None:
            self._senders[id] = url

    def rename(self, id: int, name: str) -> None:
        """A list has another name from now on."""
        self._database.execute(
            "UPDATE source SET name = ? WHERE id = ?", (name, id)
        )
        del self._ids[self._names[id]]
        self._ids[name] = id
        self._names[id] = name

    def owners(self) -> dict[str, int | None]:
        """The lists that the folder belongs to, by what identifies each, with their numbers.

        None where 0.1.0 has remembered only that there is such a list.
        """
        value = self._database.meta(_OWNERS)
        known: dict[str, int | None] | list[str] = (
            orjson.loads(value) if value else {}
        )
        return known if isinstance(known, dict) else dict.fromkeys(known)

    def set_owners(self, owners: Mapping[str, int | None]) -> None:
        """Remember the lists that the folder belongs to."""
        self._database.set_meta(_OWNERS, encode(owners))
