"""`python -m scraper explain URL`: what a run would decide for one URL, without saving anything.

The frontier, the fetcher and the worker process are those of a run; only the ledger is replaced,
by a single row in memory. So nothing here decides: it shows what each rule said, what was sent and
received, and which facts a record would hold. Waits are skipped, and no request is made twice.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from pathlib import Path

import orjson
from msgspec.structs import replace

from scraper import errors
from scraper.cli.explanation import Explanation
from scraper.cli.one_request import Requests, open_requests
from scraper.cli.shown_body import show_facts, show_fields
from scraper.cli.shown_rules import ShownRules, show_traps
from scraper.config import Config
from scraper.frontier import directives
from scraper.frontier.frontier import Frontier
from scraper.frontier.retries import backoff_ceiling
from scraper.frontier.robots import token_of
from scraper.frontier.trouble import next_step_of
from scraper.frontier.waits import learned_text
from scraper.http.headers import agent_of
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Headers,
    HostState,
    LaneAhead,
    Line,
    Moved,
    RobotsText,
    Task,
    Waiting,
)
from scraper.redaction import redacted, redacted_line, redacted_value
from scraper.results import hop_of
from scraper.sources.text import parse_line
from scraper.storage.readers.reading import is_missing
from scraper.storage.readers.status import read_host
from scraper.text import counted


def explain(text: str, config: Config, find: str = "") -> Explanation:
    """Explain the URL that `text` names, read as a line of a list is; and which selectors fit the
    text `find` of its page."""
    explanation = Explanation()
    line = parse_line(text, source=0, number=1)
    if line is None:
        explanation.add(
            "url", written=redacted_line(text), verdict="a comment, or nothing"
        )
        return explanation
    with open_requests(config, explanation) as requests:
        _show_learned(line, config, explanation)
        if line.refusal is None:
            show_traps(line.url, config, explanation)
        _Consumer(line, config, requests, explanation, find).consume()
    return explanation


def _show_learned(line: Line, config: Config, explanation: Explanation) -> None:
    """At which rate a run in the folder of --dir would begin to ask the host."""
    ledger = Path(config.run.dir, ".scraper", "ledger.sqlite")
    if not config.run.dir or is_missing(ledger):
        return
    host = read_host(ledger, line.url.lane)
    learned = learned_text(host, time.time()) if host is not None else ""
    if learned:
        explanation.add("pace", learned=learned)


class _OneRow:
    """The ledger, as far as the frontier knows it, of a single URL."""

    def __init__(self, task: Task) -> None:
        self._row = Waiting(task, 0.0)

    def next_lanes(self, after: int, limit: int) -> dict[int, LaneAhead]:
        lane = self._row.task.url.lane
        return {lane: LaneAhead()} if lane > after else {}

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int],
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        due = None if without else self._row.task.url.lane
        return [[self._row] if lane == due else [] for lane in lanes]

    def count_lane(self, lane: int) -> int:
        return 1

    def requeue(
        self,
        task: Task,
        *,
        due: float,
        attempts: int,
    ) -> None:
        self._row = Waiting(replace(task, attempt=attempts + 1), due)

    def host(self, lane: int) -> HostState | None:
        return None

    def keep_host(self, state: HostState) -> None:
        pass

    def keep_robots(
        self,
        lane: int,
        name: str,
        scheme: str,
        at: float,
        text: str,
    ) -> None:
        pass


class _Consumer:
    """Takes what the frontier decides, as the pipeline does, and shows it."""

    def __init__(
        self,
        line: Line,
        config: Config,
        requests: Requests,
        explanation: Explanation,
        find: str,
    ) -> None:
        self._config = config
        self._find = find
        self._requests = requests
        self._explanation = explanation
        self._rules = ShownRules(config, explanation)
        task = Task(
            1,
            line.url,
            line.url,
            written=line.written,
            refusal=line.refusal,
        )
        self._frontier = Frontier(
            _OneRow(task),
            requests.guard,
            config.hosts,
            config.fetch,
            threads=1,
            agent=agent_of(config.fetch),
            rules=self._rules.rules,
        )
        self._skipped = 0.0  # seconds for which a run would have waited
        self._ended = False
        if line.refusal is None:
            written = redacted(line.written or line.url.href)
            canonical = redacted(line.url.href)
            explanation.add(
                "url",
                written=written,
                canonical=canonical,
                lane=line.url.host,
            )

    def consume(self) -> None:
        """Until the URL has its end."""
        while not self._ended:
            now = self._now()
            decision = self._frontier.next(now)
            if decision is None:
                opens = self._frontier.opens_at()
                assert opens is not None, "something waits, or it has ended"
                self._skipped += max(opens - now, 0.0)
            elif isinstance(decision.refusal, FetchFailed):
                self._show_failure(decision.refusal.failure)
            elif decision.refusal is not None:
                self._show_failure(decision.refusal)
            else:
                fact = self._requests.make(decision.task, decision.trust)
                if fact.task.purpose == "robots":
                    self._receive_robots(fact, self._now())
                    self._frontier.request_ended(fact, self._now())
                else:
                    self._frontier.request_ended(fact, self._now())
                    self._receive(fact, self._now())

    def _now(self) -> float:
        return time.time() + self._skipped

    def _receive_robots(self, fact: Fact, now: float) -> None:
        match fact:
            case FetchFailed(failure=failure) if failure.blame == "here":
                self._show_failure(failure)  # it would end the run
            case FetchFailed() if next_step_of(fact) is not None:
                # A run would wait and ask again; this must not ask without waiting.
                self._show_headers(fact)
                self._show_failure(fact.failure, retry=self._retry_of(fact))
            case _:
                self._frontier.robots.receive(fact, now)

    def _receive(self, fact: Fact, now: float) -> None:
        match fact:
            case FetchFailed(failure=failure) if failure.blame == "here":
                self._show_failure(failure)  # it would end the run
            case Moved():
                self._explanation.add(
                    "redirect", status=fact.status, to=redacted(fact.to.href)
                )
                problem = self._frontier.follow_redirect(fact, now)
                if problem is not None:
                    self._show_failure(problem)
            case FetchFailed():
                self._show_headers(fact)
                end = self._frontier.take_failure(fact, now)
                if isinstance(end, FetchFailed):
                    self._show_failure(end.failure, retry="not retried")
                else:
                    self._show_failure(fact.failure, retry=self._retry_of(fact))
            case Fetched():
                self._show_fetched(fact)
            case RobotsText():
                raise AssertionError(
                    "only a robots.txt is answered by its rules"
                )

    # -- what is shown ----------------------------------------------------------------------

    def _show_headers(self, failed: FetchFailed) -> None:
        if failed.headers:
            headers = _redacted_headers(failed.headers)
            self._explanation.add(
                "answer", status=failed.failure.status, headers=headers
            )

    def _show_fetched(self, fetched: Fetched) -> None:
        timings = fetched.timings
        self._explanation.add(
            "answer",
            status=fetched.status,
            headers=_redacted_headers(fetched.headers),
            seconds={
                "connect": timings.connect,
                "first_byte": timings.first_byte,
                "all": round(timings.fetch, 6),
            },
        )
        agent_token = token_of(agent_of(self._config.fetch))
        said = directives.from_headers(fetched.headers, agent_token)
        self._explanation.add(
            "content",
            kind=fetched.kind,
            type=fetched.type,
            charset=fetched.charset,
            bytes=fetched.bytes,
            wire_bytes=fetched.wire_bytes,
            sha256=fetched.sha256,
            x_robots_tag=list(said),
        )
        saved_as = [self._requests.place_of(fetched)]
        processed = self._requests.process(fetched)
        failure = None
        if processed is not None:
            moved = hop_of(fetched, processed)
            if moved is not None:
                self._receive(moved, fetched.at)
                return
            facts = orjson.loads(processed.facts)
            said = (*said, *facts.get("robots_meta", ()))
            failure = processed.failure
            saved_as += [each.path for each in processed.files]
            if facts:
                show_facts(
                    self._explanation,
                    fetched.kind,
                    facts,
                    processed.seconds,
                )
        body = self._requests.body_of(fetched)
        show_fields(self._explanation, self._config, body, self._find)
        failure = (
            directives.refusal_of(said, self._config.hosts.obey, fetched.kind)
            or failure
        )
        if failure is not None:
            self._show_failure(failure)
            return
        self._explanation.add("outcome", state="done", saved_as=saved_as)
        self._ended = True

    def _retry_of(self, failed: FetchFailed) -> str:
        of_host = next_step_of(failed)
        if of_host is not None:
            return of_host
        fetch = self._config.fetch
        waits = [
            backoff_ceiling(tries, fetch)
            for tries in range(1, fetch.retries + 1)
        ]
        seconds = ", ".join(f"{wait:g} s" for wait in waits)
        return (
            f"{counted(fetch.retries, 'more attempt')}, after at most {seconds}"
        )

    def _show_failure(
        self, failure: Failure, *, retry: str = "not retried"
    ) -> None:
        self._explanation.add(
            "outcome",
            state=errors.state_of(failure),
            kind=failure.label,
            message=redacted(failure.message),
            retry=retry,
        )
        self._ended = True


def _redacted_headers(headers: Headers) -> dict[str, str]:
    return {name: redacted_value(name, value) for name, value in headers}
