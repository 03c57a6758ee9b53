"""Lists that this program fetches itself, each with a run of its own that saves it.

So every rule holds for them that holds for any URL: allow-list, guard, robots.txt, redirects,
retries. What such a list names is named by the host that has sent it, not by the user (`trust_of`
in frontier/redirects.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config, InputSettings, with_keys
from scraper.desk.sitemaps import (
    check_sitemap,
    how_of_parts,
    of_host,
    read_index,
    sitemaps_in,
)
from scraper.engine import Makers
from scraper.errors import UsageError
from scraper.frontier.robots import MAX_TEXT_BYTES, access_for_status
from scraper.guard.guard import Guard
from scraper.machine.temporary import TemporaryFolder
from scraper.model import Sender
from scraper.outcomes.outcome import Outcome
from scraper.redaction import redacted, redacted_line
from scraper.run_folder.naming import temporary_folder
from scraper.runner import Run, check_settings
from scraper.sources.packed import open_unpacked
from scraper.sources.source import (
    FETCHED,
    Source,
    script_source,
    stored_source,
)
from scraper.storage.faults import local_errors
from scraper.storage.file_names import last_part_of
from scraper.text import counted
from scraper.urls import BadUrl, Url, canonical, parts_of

FOLDER: Final = (
    "scraper-lists-"  # what the names of temporary folders begin with
)
PIECE_BYTES: Final = 1 << 20
# What the run wants of the URLs of a list, and of all of them together, it does not want of the
# list itself.
_SAVED: Final[dict[str, Any]] = {
    "save_only": True,
    "select": (),
    "each": "",
    "require": (),
    "recipe": (),
    "follow": (),
    "depth": 0,
    "max_urls": 0,
    "max_bytes": 0,
    "max_failures": "",
    "expect": "any",
    "obey": (),
    "html": "",
    "page_images": "none",
    "meta_refresh": False,
    "fail_flags": (),
    "output": (),
    "name": "",
    "name_col": "",
}


class ListUrl(Struct, frozen=True):
    """A list that is fetched: `scraper.stream(scraper.ListUrl("https://example.com/urls.csv"))`."""

    url: str


class Sitemap(Struct, frozen=True):
    """The sitemaps of a host, found by its robots.txt:
    `scraper.stream(scraper.Sitemap("example.com"))`."""

    host: str


class FetchedLists(AbstractContextManager["FetchedLists"]):
    """Fetches lists, and keeps them in a temporary folder until it is closed.

    `say` is called with what is fetched, in words.
    """

    def __init__(
        self,
        config: Config,
        makers: Makers | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._config = config
        self._makers = makers or Makers()
        self._say = say
        self._folder: TemporaryFolder | None = None
        self._runs = 0
        self._known: set[str] = set()  # lists that were fetched, or tried

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the lists."""
        if self._folder is not None:
            self._folder.remove()
            self._folder = None

    def check(self, text: str) -> Url:
        """The URL of a list. Raises UsageError if it is none, or one that may not be asked."""
        shown = redacted_line(text)
        if "://" not in text:
            raise UsageError(
                f"{shown} is no URL of a list, such as https://example.com/urls.csv"
            )
        try:
            url = canonical(text)
        except BadUrl as error:
            raise _refusal(shown, str(error)) from error
        refusal = self._guard.refusal(url, "listed")
        if refusal is not None:
            raise _refusal(shown, ": ".join(refusal))
        return url

    def check_host(self, text: str) -> Url:
        """The robots.txt of a host, or of the origin of a URL. Raises UsageError as `check`."""
        shown = redacted_line(text)
        try:
            url = canonical(text)
        except BadUrl as error:
            raise UsageError(f"{shown} is no host: {error}") from error
        if url.href != f"{url.origin}/":
            raise UsageError(
                f"--sitemap takes a host, such as {url.host}; a sitemap whose URL you know is "
                f"a list: --list-url {shown} (in scripts: scraper.ListUrl)"
            )
        return self.check(url.at("/robots.txt").href)

    def fetch(self, url: Url) -> list[Source]:
        """The list at this URL and, if it is an index, those that it names. Raises UsageError if it
        cannot be had."""
        self._say(f"fetching the list {redacted(url.href)}")
        self._known.add(url.href)
        (outcome,) = self._save([url.href], None)
        found = self._source_of(outcome, self._config.input)
        return self.with_named(found, _way_to(outcome))

    def find(self, robots: Url) -> list[Source]:
        """The sitemaps that a robots.txt names, else the one at the usual place. Raises UsageError
        if none can be had."""
        self._say(f"looking for the sitemaps of {robots.host}")
        (outcome,) = self._save(
            [robots.href],
            None,
            robots="off",
        )
        urls, sender = self._sitemaps_of(outcome, robots)
        usual = robots.at("/sitemap.xml").href
        host = of_host(
            robots,
            urls or [usual],
            sender,
        )
        found = self.with_named(host)
        why, _, _ = found[0].note.partition("\n")
        if why and len(found) == 1:
            where = f"names {len(urls)}" if urls else "names none"
            raise UsageError(
                f"no sitemap of {robots.host} was found: its robots.txt {where}, and {why}"
            )
        return found

    def with_named(
        self, index: Source, above: tuple[str, ...] = ()
    ) -> list[Source]:
        """The list itself; of an index, with all that it names.

        Each of these stands for itself: one that cannot be had is a line of the index, which fails,
        and costs no other one.
        """
        if not index.is_index:
            return [index]
        named = read_index(
            index,
            above,
            self._known,
        )
        if named.urls:
            self._say(
                f"fetching {counted(len(named.urls), 'sitemap')} of {index.name}"
            )
        how = how_of_parts(self._config.input)
        found: dict[str, list[Source]] = {}
        for outcome in self._save(named.urls, index.sender):
            try:
                part = self._source_of(outcome, how)
                check_sitemap(part)
            except UsageError as error:
                named.note_failure(outcome.url, str(error))
                continue
            found[outcome.url] = self.with_named(
                replace(part, is_part=True),
                above + _way_to(outcome),
            )
        parts = [each for url in named.urls for each in found.get(url, ())]
        return [named.without(index), *parts]

    @cached_property
    def _guard(self) -> Guard:
        return self._makers.guard(self._config)

    def _save(
        self, urls: Iterable[str], sender: Sender | None, **keys: Any
    ) -> list[Outcome]:
        """What they came to, with a run over all of them; they are named by who has sent them."""
        listed = [*urls]
        if not listed:
            return []
        check_settings(self._config)
        if self._folder is None:
            self._folder = temporary_folder(FOLDER)
        self._runs += 1
        place = self._folder.path / str(self._runs)
        config = with_keys(self._config, {**_SAVED, **keys, "dir": str(place)})
        makers = replace(self._makers, guard=lambda _: self._guard)
        source = replace(script_source(listed), sender=sender)
        with Run(
            [source],
            config,
            makers=makers,
        ) as run:
            outcomes = [*run]
        if len(outcomes) < len(listed):
            shown = redacted(listed[0])
            raise _refusal(shown, run.report.stopped or "the run was stopped")
        return outcomes

    def _source_of(
        self,
        outcome: Outcome,
        how: InputSettings,
    ) -> Source:
        """A list that was saved. Raises UsageError if it was not, or is none."""
        shown = redacted(outcome.url)
        if outcome.fetched is None or not outcome.files:
            raise _refusal(shown, outcome.reason)
        with local_errors():
            self._check_content(outcome.files[0], shown)
            source = stored_source(
                outcome.files[0],
                shown,
                f"{FETCHED}{outcome.url}",
                how,
                called=last_part_of(parts_of(outcome.url)),
                base=outcome.fetched.url.href,
            )
        return replace(source, sender=self._sender_of(outcome.fetched.url))

    def _sitemaps_of(
        self, outcome: Outcome, robots: Url
    ) -> tuple[list[str], Sender | None]:
        """What a robots.txt names, and who has sent it; nothing if there is none."""
        if outcome.fetched is not None and outcome.files:
            with outcome.files[0].open("rb") as file:
                text = file.read(MAX_TEXT_BYTES)
            at = outcome.fetched.url
            return sitemaps_in(text, at.href), self._sender_of(at)
        failed = outcome.failure
        status = failed.status if failed is not None else None
        if status is None or access_for_status(status) != "allowed":
            raise _refusal(redacted(robots.href), outcome.reason)
        return [], None

    def _sender_of(self, url: Url) -> Sender:
        # through a proxy there was no look-up
        return Sender(url, self._guard.host_class(url.host) or "public")

    def _check_content(
        self,
        packed: Path,
        shown: str,
    ) -> None:
        """As a whole, before one of its URLs is asked: so a list that is damaged, or that has no
        end, costs nothing."""
        left = self._config.fetch.max_body_bytes
        with open_unpacked(packed, shown) as content:
            while piece := content.read(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    why = "unpacked it is larger than --max-body (in scripts: max_body) permits"
                    raise _refusal(shown, why)


def _way_to(outcome: Outcome) -> tuple[str, str]:
    """Where a list was asked for, and where it was."""
    assert outcome.fetched is not None, "it was saved"
    return outcome.url, outcome.fetched.url.href


def _refusal(shown: str, why: str) -> UsageError:
    return UsageError(f"the list {shown} was not fetched: {why}")
