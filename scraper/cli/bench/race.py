"""The same URLs one by one and concurrently, in one session.

Within a session a host is asked as politely across both ways as within one, its robots.txt is
fetched once, and nothing is kept. The concurrent run comes first: what it finds cold - names,
connections, caches of servers - is warm for the other way, so that the speed-up is rather too small
than too large; and hosts that are down are waited for at the same time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from msgspec import Struct

from scraper.cli.bench.bound import Bound, Course, find_bound
from scraper.config import Config, with_defaults, with_keys
from scraper.engine import most_threads_of, wanted_share
from scraper.machine.clock import steady_clock, used_seconds
from scraper.outcomes.event import Event
from scraper.outcomes.outcome import Outcome
from scraper.redaction import redacted
from scraper.sessions.session import Session
from scraper.urls import Url

# Only the URLs of the list, each once, and nothing that would stay.
_NOTHING_ELSE = {
    "dir": "",
    "output": (),
    "line": "",
    "page_images": "none",
    "grace_seconds": 0.0,
    "retries": 0,
}
_IMPATIENT = {"patience_seconds": 5.0}  # a dead host is not measured
NEWS_SECONDS = 10.0  # from one word on how far it is to the next


class Race(Struct, frozen=True):
    """What both ways have taken, of the URLs that were answered both times."""

    urls: int
    hosts: int
    alone_seconds: float
    together_seconds: float
    bound: Bound
    unanswered: tuple[Outcome, ...]  # one of each URL that counts in neither

    @property
    def speed_up(self) -> float:
        """How much shorter the concurrent run was."""
        return self.alone_seconds / self.together_seconds


class Runner:
    """Asks URLs, and knows which of them were answered. `say` gets a line now and then."""

    def __init__(
        self,
        urls: Sequence[Url],
        config: Config,
        say: Callable[[str], None],
    ) -> None:
        self._urls = list(urls)
        self._config = with_keys(
            with_defaults(config, _IMPATIENT), _NOTHING_ELSE
        )
        self._say = say
        self._now = steady_clock()
        self._events: list[Event] = []
        self._alone: dict[str, float] = {}  # seconds, by URL
        self._unanswered: dict[str, Outcome] = {}
        self._said_at = self._now()

    def run(self) -> Race | None:
        """Both ways; None if fewer than two URLs were answered. Raises what a session raises."""
        # it waits for a worker that can call something: starting them is no part of either way
        started = None if self._config.worker.initializer else os.getpid
        with Session(
            self._config,
            initializer=started,
            on_event=self._events.append,
        ) as session:
            course = self._ask_together(session)
            if len(self._answered()) < 2:
                return None
            self._ask_alone(session)
        answered = self._answered()
        if len(answered) < 2:
            return None
        return Race(
            len(answered),
            len({each.host for each in answered}),
            sum(self._alone[each.href] for each in answered),
            course.seconds,
            find_bound(course),
            tuple(self._unanswered.values()),
        )

    @property
    def unanswered(self) -> list[Outcome]:
        """The outcomes of what was not."""
        return list(self._unanswered.values())

    def _answered(self) -> list[Url]:
        return [
            each for each in self._urls if each.href not in self._unanswered
        ]

    def _ask_alone(self, session: Session) -> None:
        urls = self._answered()
        for done, url in enumerate(urls):
            self._say_progress("one by one", done, len(urls))
            began = self._now()
            self._is_answered(session.submit(url.href).result())
            self._alone[url.href] = self._now() - began

    def _ask_together(self, session: Session) -> Course:
        urls = self._urls
        began, used = self._now(), used_seconds()
        ended = began
        hrefs = [each.href for each in urls]
        outcomes = session.as_completed(hrefs, buffer=len(urls))
        for done, outcome in enumerate(outcomes, 1):
            if self._is_answered(outcome):
                ended = self._now()
            self._say_progress("concurrently", done, len(urls))
        return Course(
            hosts={redacted(each.href): each.host for each in urls},
            events=tuple(self._events),
            began=began,
            ended=ended,
            cpu_seconds=used_seconds() - used,
            threads=most_threads_of(self._config, wanted_share(self._config)),
        )

    def _is_answered(self, outcome: Outcome) -> bool:
        failure = outcome.failure
        if failure is None or failure.status is not None:
            return True
        self._unanswered[outcome.url] = outcome
        return False

    def _say_progress(self, way: str, done: int, urls: int) -> None:
        now = self._now()
        if now - self._said_at >= NEWS_SECONDS:
            self._said_at = now
            self._say(f"{way}: {done:,} of {urls:,} URLs")
