"""Which links of a page are followed: those in scope, where neither page nor answer forbids it."""

from __future__ import annotations

from msgspec import Struct

from scraper.config import Config
from scraper.frontier.follow.scope import Scope
from scraper.frontier.traps.traps import Traps
from scraper.messages import Processed
from scraper.model import Failure, Fetched
from scraper.run_folder.following import follows_links
from scraper.storage.follow.asked import count_asked
from scraper.storage.ledger import Ledger
from scraper.urls import BadUrl, Url, parts_of_all, with_credentials_of

_FORBIDDING = frozenset({"nofollow", "none"})


class Lead(Struct, frozen=True, gc=False):
    """One link that is followed, and how it leads on: next, page or link."""

    url: Url
    how: str


class Following(Struct, frozen=True):
    """What is followed, and how far."""

    scope: Scope
    obeys: bool  # what answers say of nofollow

    def leads_of(
        self,
        fetched: Fetched,
        processed: Processed | None,
        tags: tuple[str, ...],
        failure: Failure | None,
    ) -> tuple[Lead, ...]:
        """Where a page leads that may be followed, each URL once. `tags` are what its answer asks
        of robots."""
        if processed is None or not processed.leads or failure is not None:
            return ()
        if not self._may_lead(fetched, tags):
            return ()
        named = parts_of_all(url for url, _ in processed.leads)
        hows = (how for _, how in processed.leads)
        how_of = dict(zip(named, hows, strict=True))
        within = self.scope.within(fetched.url, list(how_of))
        asked = {
            _as_asked(fetched.task.origin_url, url): how_of[url]
            for url in within
        }
        return tuple(
            Lead(url, how) for url, how in asked.items() if url is not None
        )

    def _may_lead(self, fetched: Fetched, tags: tuple[str, ...]) -> bool:
        """Not from pictures and files of this machine; nor where the answer forbids it."""
        task = fetched.task
        if task.is_picture or task.origin_url.scheme == "file":
            return False
        if self._is_astray(fetched):
            return False
        return not self.obeys or _FORBIDDING.isdisjoint(tags)

    def _is_astray(self, fetched: Fetched) -> bool:
        """Was it sent out of scope when it was asked as a picture, which may come from anywhere?"""
        task = fetched.task
        if task.level is None or not task.hops:
            return False
        return not self.scope.permits(task.origin_url, fetched.url)

    def note_listed(self, fetched: Fetched) -> None:
        """Where redirects of what is listed lead, links may lead, too."""
        task = fetched.task
        if task.depth == 0 and task.hops:
            self.scope.note_listed([fetched.url])


def _as_asked(page: Url, url: Url) -> Url | None:
    try:
        return with_credentials_of(page, url)
    except BadUrl:
        return None  # longer than any that is asked; the page lists it


def following_of(config: Config, ledger: Ledger) -> Following | None:
    """What a configuration follows; None if that is nothing."""
    if not follows_links(config):
        return None
    follow = config.follow
    return Following(
        Scope(follow.scope, ledger.scopes),
        follow.nofollow == "obey",
    )


def traps_of(config: Config, ledger: Ledger, number: int) -> Traps | None:
    """What leads on without end; None if no links are followed, or all of them are."""
    if not follows_links(config) or config.traps.traps == "off":
        return None
    return Traps(config.traps, count_asked(ledger, number))
