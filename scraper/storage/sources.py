"""The lists that a folder belongs to, and those that were ever read into its ledger."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from scraper.storage.database import Database, encode

_OWNERS = "inputs"  # the name of the fact


class Sources:
    """The table of lists: a name for each number."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reload()

    def reload(self) -> None:
        """Read the table again, after a rollback."""
        self._names: dict[int, str] = dict(
            self._database.execute("SELECT id, name FROM source").fetchall()
        )
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
        self._database.execute("INSERT INTO source VALUES (?, ?)", (id, name))
        self._ids[name] = id
        self._names[id] = name
        return id

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
