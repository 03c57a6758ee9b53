"""Where each page leads, and what of it the run goes on to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from scraper.config import Config
from scraper.messages import Processed
from scraper.model import Failure, Fetched, FetchFailed, Task
from scraper.recording.changes import GONE_STATUSES
from scraper.recording.found import Found, FoundUrls
from scraper.recording.leads import Following
from scraper.recording.obedience import Obedience, obedience_of
from scraper.urls import BadUrl, Url, canonical, with_credentials_of


class Onward(Struct):
    """Has the images of pages asked, and the pages that they lead to."""

    found: FoundUrls
    obedience: Obedience = Obedience()
    follow_images: bool = True
    following: Following | None = None

    def find(
        self,
        fetched: Fetched,
        processed: Processed | None,
        tags: tuple[str, ...],
        words: tuple[str, ...],
        failure: Failure | None,
    ) -> Found:
        """What a page leads to that is to be asked. `tags` are what its answer asks of robots,
        `words` what is in force of that and of what the page says."""
        images = self._images_of(fetched.task, processed, words, failure)
        if self.following is None:
            return Found(images)
        self.following.note_listed(fetched)
        leads = self.following.leads_of(fetched, processed, tags, failure)
        return Found(images, leads)

    def take(
        self, fetched: Fetched, found: Found, failure: Failure | None
    ) -> frozenset[int]:
        """Have it asked. Returns the lanes that gain URLs."""
        return self.found.take(fetched, found, failure)

    def take_again(
        self,
        fetched: Fetched,
        processed: Processed | None,
        failure: Failure | None,
    ) -> frozenset[int]:
        """The same of a page that has not changed: under other options it may lead elsewhere."""
        task = fetched.task
        if fetched.kind != "page" or task.is_picture or failure is not None:
            return frozenset()
        if not (self.follow_images or self.following):
            return frozenset()
        if self.following is not None:
            self.following.note_listed(fetched)
        gaining: frozenset[int] = frozenset()
        if processed is not None:
            tags, words, _ = self.obedience.judge(fetched, processed)
            found = self.find(fetched, processed, tags, words, None)
            gaining = self.take(fetched, found, None)
        leads = self.following is not None and processed is None
        return gaining | self.found.reopen(
            task, images=self.follow_images, leads=leads
        )

    @property
    def places(self) -> int:
        """How many the scope of links has by now."""
        return 0 if self.following is None else self.following.scope.size

    def end_failed(self, failed: FetchFailed) -> None:
        """A page that is gone leads nowhere any more; of any other failure that is not known."""
        if failed.failure.status in GONE_STATUSES:
            self.found.lead_nowhere(failed.task)

    def come_nearer(self, rows: Sequence[int]) -> frozenset[int]:
        """The list names these rows by now. Returns the lanes that gain."""
        return self.found.come_nearer(rows) if self.following else frozenset()

    def _images_of(
        self,
        task: Task,
        processed: Processed | None,
        words: tuple[str, ...],
        failure: Failure | None,
    ) -> Sequence[Url]:
        if processed is None or not self.follow_images or task.is_picture:
            return ()
        if task.origin_url.scheme == "file":
            return ()  # no file has a host asked
        if failure is not None or self.obedience.forbids_images(words):
            return ()
        named = _urls_named_by(task.origin_url, processed.found)
        return tuple(dict.fromkeys(named))


def _urls_named_by(page: Url, references: Iterable[str]) -> Iterator[Url]:
    for text in references:
        try:
            yield with_credentials_of(page, canonical(text))
        except BadUrl:
            continue  # no browser would ask it either; the page lists it


def onward_of(
    config: Config,
    found: FoundUrls,
    following: Following | None,
    *,
    asks_hosts: bool,
) -> Onward:
    """What a configuration goes on to; without asking any host, nothing."""
    follow_images = asks_hosts and config.page.page_images != "none"
    if not asks_hosts:
        following = None
    return Onward(found, obedience_of(config), follow_images, following)
