"""Which files appear with the outcome of a URL, under which names, and which disappear."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from scraper.messages import Processed
from scraper.model import Fetched, Publication, Task
from scraper.storage.file_names import has_picture, path_of, variants_of
from scraper.storage.store import Store

Files = tuple[Publication, ...]


class Publisher(Struct):
    """Says what a commit publishes; the store does it."""

    store: Store

    def place_of(self, fetched: Fetched) -> str:
        """Where a body stands below the run folder, or will. Any thread may ask."""
        task = fetched.task
        if fetched.part is None:
            return _stored_place(task)
        return path_of(task.origin_url, fetched.kind, fetched.type)

    def has_picture(self, task: Task) -> bool:
        """Is what an earlier pass has made of this picture still there? Any thread may ask."""
        return has_picture(self.store.root, _stored_place(task))

    def files_of(
        self, fetched: Fetched, processed: Processed | None, place: str
    ) -> Files:
        """Those of a new body: it, what was made of it, and what goes of an earlier one."""
        made = processed.files if processed else ()
        files = (Publication(fetched.part, place), *made)
        stored = fetched.task.stored
        if stored is None or stored.path is None:
            return files
        # of another type, under another name
        earlier = (stored.path, *variants_of(stored.path))
        return (*files, *_gone(earlier, files))

    def new_variants(self, task: Task, processed: Processed | None) -> Files:
        """Those of a body that stays: what is made of it now, and what goes of earlier ones."""
        if processed is None:
            return ()
        earlier = variants_of(_stored_place(task))
        return (*processed.files, *_gone(earlier, processed.files))

    def discard(self, files: Sequence[Publication]) -> Files:
        """What must not be kept goes at once, and with the commit what an earlier pass kept."""
        for each in files:
            if each.part is not None:
                Path(self.store.part(each.part)).unlink(missing_ok=True)
        return tuple(Publication(None, each.path) for each in files)


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
