"""Which files appear with the outcome of a URL, under which names, and which disappear."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from scraper.errors import new_failure
from scraper.http.headers import unix_of_date
from scraper.local.addresses import SCHEME, text_of_path
from scraper.messages import Processed
from scraper.model import Failure, Fetched, Publication, StoredResponse, Task
from scraper.recording.duplicates import Duplicates, Files, Shared
from scraper.redaction import redacted
from scraper.storage.file_names import DEFAULT, has_variants, variants_of
from scraper.storage.names import Names
from scraper.storage.store import Store
from scraper.storage.tables.names import NameTable
from scraper.urls import file_path_of

MOST_AHEAD_SECONDS = 86_400.0  # of our clock, that a Last-Modified may be


class Publisher(Struct):
    """Says what a commit publishes; the store does it."""

    store: Store
    taken: NameTable
    duplicates: Duplicates
    names: Names = Names()
    mtime: bool = False
    makes: tuple[str, ...] = (DEFAULT,)
    """The names of the variants of each picture."""
    has_made: tuple[str, ...] = (DEFAULT,)
    """These, and those that earlier runs have made."""
    _has_noted: bool = False

    def place_of(self, fetched: Fetched) -> str:
        """Where a body stands below the run folder, or will. Any thread may ask."""
        task = fetched.task
        if fetched.is_unchanged:
            return _stored_place(task)
        return self.names.place_of(task, fetched.kind, fetched.type)

    def path_of(self, fetched: Fetched, place: str | None) -> str | None:
        """Where a body lies, as its record says it: a file of this machine stays where it is."""
        if place is not None and fetched.url.scheme == SCHEME:
            return text_of_path(file_path_of(fetched.url.href))
        return place

    def keeps(self, fetched: Fetched) -> bool:
        """Does the same body lie from an earlier pass where this one would? Then it need not be
        kept once more. Any thread may ask."""
        stored = fetched.task.stored
        return (
            stored is not None
            and stored.path is not None
            and not self.mtime
            and is_as_stored(fetched, stored)
            and self.place_of(fetched) == stored.path
            and self.store.root.has_file(stored.path)
        )

    def has_variants(self, task: Task) -> bool:
        """Is what an earlier pass has made of this picture still there? Any thread may ask."""
        return has_variants(self.store.root, _stored_place(task), self.makes)

    def files_of(
        self, fetched: Fetched, processed: Processed | None, place: str
    ) -> Files:
        """Those of a new body: it, what was made of it, and what goes of an earlier one."""
        made = processed.files if processed else ()
        body = (
            () if fetched.part is None else (Publication(fetched.part, place),)
        )
        files = (*body, *made)
        self._date(files, fetched)
        # of another type, under another name
        return (*files, *_gone(self._earlier(fetched.task), files))

    def new_variants(
        self, fetched: Fetched, processed: Processed | None
    ) -> Files:
        """Those of a body that stays: what is made of it now, and what goes of earlier ones."""
        if processed is None:
            return ()
        self._date(processed.files, fetched)
        place = _stored_place(fetched.task)
        gone = _gone(variants_of(place, self.has_made), processed.files)
        files = (*processed.files, *gone)
        return self.duplicates.share_variants(fetched, place, files)

    def settle(
        self,
        fetched: Fetched,
        place: str,
        files: Files,
        refusal: Failure | None,
    ) -> tuple[Shared, Failure | None]:
        """What of the files of a new body does appear, and why it is not kept: by a rule, or
        because its name is taken."""
        task = fetched.task
        refused = refusal or self._claim(task, place)
        if refused is None:
            if fetched.part is None:
                return Shared(files), None
            return self.duplicates.share(fetched, files), None
        for each in files:
            if each.part is not None:
                Path(self.store.part(each.part)).unlink(missing_ok=True)
        if refusal is None:
            return Shared(()), refused  # what an earlier pass has kept stays
        return Shared(self.gone(task)), refused

    def gone(self, task: Task) -> Files:
        """What an earlier pass has kept of this URL goes."""
        self.duplicates.forget(task)
        return tuple(Publication(None, path) for path in self._earlier(task))

    def _earlier(self, task: Task) -> tuple[str, ...]:
        """What an earlier pass has brought, as far as it is there."""
        stored = task.stored
        if stored is None or stored.path is None:
            return ()
        return (stored.path, *variants_of(stored.path, self.has_made))

    # -- names that a template has given ------------------------------------------------------

    def note_of_missing(self, task: Task) -> str | None:
        """Once, that a URL of a list has its usual name, and why."""
        key = None
        if not (task.depth or self._has_noted):
            key = self.names.missing_key(task)
        if key is None:
            return None
        self._has_noted = True
        return (
            f"{task.source}:{task.line} says nothing for {{{key}}}: the file of such a URL has its "
            "usual name"
        )

    def _claim(self, task: Task, place: str) -> Failure | None:
        """Let the name belong to this URL; why it cannot, if another has it or a file lies there
        that is none of ours."""
        if self.names.template is None:
            return None
        if self.taken.claim(place, task.id):
            if self.taken.is_nested(place):
                why = "a file and a folder would both be called so"
            elif self._is_occupied(task, place):
                why = "a file that no URL is known by lies there"
            else:
                return None
            self.taken.give_up(place)
            return _name_taken(place, why)
        id, url = self.taken.owner(place)
        if id == task.id:
            return None
        return _name_taken(place, f"it is that of {redacted(url)}")

    def _is_occupied(self, task: Task, place: str) -> bool:
        """Lies there, under a name that is new, what this URL has not brought?"""
        own = self._earlier(task)
        wanted = {place, *variants_of(place, self.has_made)}.difference(own)
        try:
            return any(map(self.store.root.stat_entry, wanted))
        except OSError:
            return True  # a file in the place of a folder

    # -- times --------------------------------------------------------------------------------

    def _date(self, files: Iterable[Publication], fetched: Fetched) -> None:
        """Give parts the time of Last-Modified: they keep it when they are renamed, also by the
        run that comes after a kill."""
        at = _modified_at(fetched) if self.mtime else None
        if at is None:
            return
        for each in files:
            if each.part is not None:
                # not every file system takes every time
                with suppress(OSError, OverflowError):
                    os.utime(self.store.part(each.part), (fetched.at, at))


# What these headers say of a body may be new though its bytes are not.
SPEAKING = frozenset({"x-robots-tag", "cf-mitigated", "x-amzn-waf-action"})


def is_as_stored(fetched: Fetched, stored: StoredResponse) -> bool:
    """Are these the bytes that an earlier pass has brought from there, to be read in the same way?
    What has failed since is processed again."""
    asked = fetched.task.origin_url.href
    if stored.error_kind is not None or stored.facts_offset is None:
        return False
    if fetched.status != 200 or stored.status not in (200, 304):
        return False
    before = (
        stored.final_url or asked,
        stored.sha256,
        stored.type,
        stored.charset,
    )
    now = fetched.url.href, fetched.sha256, fetched.type, fetched.charset
    return before == now and SPEAKING.isdisjoint(dict(fetched.headers))


def _modified_at(fetched: Fetched) -> float | None:
    """What the server says, if it can be: after 1970, and not in the future."""
    value = dict(fetched.headers).get("last-modified")
    stored = fetched.task.stored
    if value is None and fetched.part is None and stored is not None:
        value = stored.last_modified
    at = unix_of_date(value.strip()) if value else None
    if at is None or not 0 < at <= fetched.at + MOST_AHEAD_SECONDS:
        return None
    return at


def _name_taken(place: str, why: str) -> Failure:
    return new_failure("name_taken", f"{place}: the name is taken, {why}")


def _gone(
    earlier: Iterable[str], files: Iterable[Publication]
) -> Iterator[Publication]:
    """Earlier names under which nothing new appears."""
    named = {each.path for each in files}
    return (Publication(None, path) for path in earlier if path not in named)


def _stored_place(task: Task) -> str:
    stored = task.stored
    assert stored is not None, "no part was written: it is known from before"
    assert stored.path is not None, "and it has a place"
    return stored.path
