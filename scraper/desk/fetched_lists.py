"""Lists that this program fetches itself, each with a run of its own that saves it.

So every rule holds for them that holds for any URL: allow-list, guard, robots.txt, redirects,
retries. What such a list names is named by the host that has sent it, not by the user (`trust_of`
in frontier/redirects.py).
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config, with_keys
from scraper.engine import Makers
from scraper.errors import UsageError
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
from scraper.urls import BadUrl, Url, canonical, digest

FOLDER: Final = (
    "scraper-lists-"  # what the names of temporary folders begin with
)
RUN: Final = "run"
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


class FetchedLists(AbstractContextManager["FetchedLists"]):
    """Fetches lists, and keeps them in a temporary folder until it is closed."""

    def __init__(self, config: Config, makers: Makers | None = None) -> None:
        self._config = config
        self._makers = makers or Makers()
        self._folder: TemporaryFolder | None = None

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

    def fetch(self, url: Url) -> Source:
        """The list at this URL. Raises UsageError if it cannot be had."""
        check_settings(self._config)
        if self._folder is None:
            self._folder = temporary_folder(FOLDER)
        place = self._folder.path / digest(url.href).hex()
        outcome = self._save(url, place)
        shown = redacted(url.href)
        with local_errors():
            self._unpack(outcome.files[0], place / "list", shown)
            shutil.rmtree(place / RUN, ignore_errors=True)
            source = stored_source(
                place / "list",
                shown,
                f"{FETCHED}{url.href}",
                self._config.input,
                called=last_part_of(url),
            )
        return replace(source, sender=self._sender_of(outcome))

    @cached_property
    def _guard(self) -> Guard:
        return self._makers.guard(self._config)

    def _save(self, url: Url, place: Path) -> Outcome:
        config = with_keys(self._config, {**_SAVED, "dir": str(place / RUN)})
        makers = replace(self._makers, guard=lambda _: self._guard)
        with Run([script_source([url.href])], config, makers=makers) as run:
            outcome = next(run, None)
        shown = redacted(url.href)
        if outcome is None:
            raise _refusal(shown, run.report.stopped or "the run was stopped")
        if outcome.state != "done":
            raise _refusal(shown, outcome.reason)
        return outcome

    def _sender_of(self, outcome: Outcome) -> Sender:
        assert outcome.fetched is not None, "it was done just now"
        url = outcome.fetched.url
        # through a proxy there was no look-up
        return Sender(url, self._guard.host_class(url.host) or "public")

    def _unpack(self, packed: Path, into: Path, shown: str) -> None:
        """As a whole, before one of its URLs is asked: so a list that is damaged, or that would
        fill the disk, costs nothing."""
        left = self._config.fetch.max_body_bytes
        with open_unpacked(packed, shown) as content, into.open("xb") as file:
            while piece := content.read(PIECE_BYTES):
                left -= len(piece)
                if left < 0:
                    why = "unpacked it is larger than --max-body (in scripts: max_body) permits"
                    raise _refusal(shown, why)
                file.write(piece)


def _refusal(shown: str, why: str) -> UsageError:
    return UsageError(f"the list {shown} was not fetched: {why}")
