"""`python -m scraper explain URL`: the decisions for one URL, without saving anything.

The same parts decide as in a run: guard, robots rules, fetcher, sniffing, names. Only nobody
waits, nothing is written, and no other host is asked than the URL and its redirects lead to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from scraper import errors, urls
from scraper.config import Config
from scraper.frontier import directives
from scraper.frontier.pace import failure_without_rules
from scraper.frontier.redirects import next_hop, next_hop_of_robots, trust_of
from scraper.frontier.retries import backoff_ceiling
from scraper.frontier.robots import RobotRules, access_for_status, parse, token_of
from scraper.guard.guard import Guard
from scraper.http.fetcher import Fetcher
from scraper.http.flight import Flight
from scraper.http.headers import agent_of
from scraper.machine.files import making_temporary
from scraper.machine.temporary import TemporaryFolder
from scraper.model import (
    Fact,
    Failure,
    Fetched,
    FetchFailed,
    Headers,
    Moved,
    RobotsText,
    Task,
    Trust,
)
from scraper.redaction import redacted, redacted_line, redacted_value
from scraper.runner import guard_of
from scraper.storage import store
from scraper.text import counted, printable, printable_json


@dataclass(slots=True)
class Explanation:
    """What was decided, in the order in which a run decides."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, step: str, **facts: Any) -> None:
        self.steps.append({"step": step, **facts})

    def text(self) -> str:
        """A block a step, a line a fact."""
        lines = []
        for step in self.steps:
            lines.append(step["step"])
            for name, value in step.items():
                if name != "step":
                    lines += _shown(name, value)
        return "\n".join(map(printable, lines))

    def as_json(self) -> str:
        """{"steps": [...]}, indented."""
        encoded = orjson.dumps({"steps": self.steps}, option=orjson.OPT_INDENT_2)
        return printable_json(encoded).decode()


def _shown(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"  {name}:"
        for key, each in value.items():
            yield f"    {key}: {each}"
    elif isinstance(value, list):
        yield f"  {name}: {', '.join(map(str, value)) or '-'}"
    else:
        yield f"  {name}: {'-' if value is None else value}"


def _redacted(headers: Headers) -> dict[str, str]:
    return {name: redacted_value(name, value) for name, value in headers}


def explain(text: str, config: Config) -> Explanation:
    """Ask one URL as a run would, and tell every decision on the way."""
    told = Explanation()
    try:
        url = urls.canonical(text)
    except urls.BadUrl as error:
        verdict = f"failed {error.kind}: {redacted(error.message)}"
        told.add("url", written=redacted_line(text), verdict=verdict)
        return told
    told.add("url", written=redacted(text), canonical=redacted(url.href), lane=url.host)
    guard = guard_of(config)
    with making_temporary():
        parts = TemporaryFolder("scraper-explain-")
    fetcher = Fetcher(
        config.fetch,
        guard,
        parts.path,
        per_host=1,
        max_pause=config.hosts.max_retry_after_seconds,
    )
    try:
        _Asker(told, config, guard, fetcher).ask(url)
    finally:
        fetcher.close()
        parts.remove()
    return told


def _means_no_rules(failure: Failure) -> bool:
    return failure.status is not None and access_for_status(failure.status) == "allowed"


class _Asker:
    """Asks one URL, hop by hop."""

    def __init__(self, told: Explanation, config: Config, guard: Guard, fetcher: Fetcher) -> None:
        self._told = told
        self._config = config
        self._guard = guard
        self._fetcher = fetcher
        self._rules: dict[str, RobotRules | Failure] = {}

    def ask(self, url: urls.Url) -> None:
        task = Task(1, url, url)
        while self._may_ask(task):
            fact = self._fetch(task, trust_of(task, self._guard))
            if not isinstance(fact, Moved):
                self._conclude(fact)
                return
            self._told.add("redirect", status=fact.status, to=redacted(fact.to.href))
            onward = next_hop(fact, self._config.fetch.max_redirects)
            if isinstance(onward, Failure):
                self._fail(onward)
                return
            task = onward

    def _may_ask(self, task: Task) -> bool:
        url = task.url
        trust = trust_of(task, self._guard)
        refusal = self._guard.refusal(url, trust)
        verdict = "may be asked" if refusal is None else f"{refusal[0]}: {refusal[1]}"
        self._told.add("guard", host=url.host, named_by=trust, verdict=verdict)
        if refusal is not None:
            self._fail(errors.new_failure(*refusal))
            return False
        return self._config.hosts.robots == "off" or self._robots_permit(url, trust)

    def _robots_permit(self, url: urls.Url, trust: Trust) -> bool:
        rules = self._rules.get(url.origin)
        if rules is None:
            rules = self._rules[url.origin] = self._robots_of(url, trust)
        if isinstance(rules, Failure):
            self._told.add("robots.txt", origin=url.origin, verdict=rules.message)
            self._fail(rules)
            return False
        line = rules.rule_for(url.href)
        permits = rules.allows(url.href)
        self._told.add(
            "robots.txt",
            origin=url.origin,
            rule=str(line) if line else None,
            crawl_delay=rules.crawl_delay,
            verdict="allowed" if permits else "disallowed",
        )
        if permits or self._config.hosts.robots == "report":
            return True
        self._fail(errors.new_failure("robots_disallowed", f"robots.txt of {url.host} forbids it"))
        return False

    def _robots_of(self, url: urls.Url, trust: Trust) -> RobotRules | Failure:
        agent = agent_of(self._config.fetch)
        address = url.at("/robots.txt")
        task = Task(0, address, address, purpose="robots")
        while True:
            fact = self._fetch(task, trust, tell=False)
            if isinstance(fact, RobotsText):
                return parse(fact.text, agent)
            if isinstance(fact, FetchFailed) and not _means_no_rules(fact.failure):
                return failure_without_rules(fact.failure)
            onward = self._next_of_robots(fact)
            if onward is None:
                return parse("", agent)
            task, trust = onward, trust_of(onward, self._guard)

    def _next_of_robots(self, fact: Fact) -> Task | None:
        onward = next_hop_of_robots(fact) if isinstance(fact, Moved) else None
        if onward is None:
            return None
        trust = trust_of(onward, self._guard)
        return onward if self._guard.refusal(onward.url, trust) is None else None

    def _fetch(self, task: Task, trust: Trust, *, tell: bool = True) -> Fact:
        seconds = self._config.fetch.request_time_seconds
        deadline = time.monotonic() + seconds
        flight = Flight(1, task, trust, deadline)
        limit = errors.new_failure("timeout_total", f"not finished within {seconds:g} s")
        clock = threading.Timer(seconds, flight.abort, [limit])
        clock.start()
        try:
            fact = self._fetcher.fetch(flight)
        finally:
            clock.cancel()
        if tell:
            self._told.add(
                "request",
                url=redacted(task.url.href),
                address=flight.peer,
                sent={
                    name: redacted_value(name, value)
                    for name, value in self._fetcher.headers_for(task).items()
                },
            )
        return fact

    def _conclude(self, fact: Fact) -> None:
        if isinstance(fact, FetchFailed):
            if fact.headers:
                headers = _redacted(fact.headers)
                self._told.add("answer", status=fact.failure.status, headers=headers)
            self._fail(fact.failure)
            return
        assert isinstance(fact, Fetched), "the last hop is an answer or a failure"
        timings = fact.timings
        self._told.add(
            "answer",
            status=fact.status,
            headers=_redacted(fact.headers),
            seconds={
                "connect": timings.connect,
                "first_byte": timings.first_byte,
                "all": round(timings.fetch, 6),
            },
        )
        url = fact.task.origin_url
        words = directives.from_headers(fact.headers, token_of(agent_of(self._config.fetch)))
        saved = [store.path_of(url, fact.kind, fact.type)]
        if fact.kind == "image" and not self._config.run.save_only:
            saved.append(store.processed_prefix(url) + ".*")
        self._told.add(
            "content",
            kind=fact.kind,
            type=fact.type,
            charset=fact.charset,
            bytes=fact.bytes,
            wire_bytes=fact.wire_bytes,
            sha256=fact.sha256,
            x_robots_tag=list(words),
        )
        word = directives.forbids(words, self._config.hosts.obey, fact.kind)
        if word:
            self._fail(errors.new_failure("robots_directive", f"the page says {word}"))
            return
        self._told.add("outcome", state="done", saved_as=saved)

    def _fail(self, failure: Failure) -> None:
        fetch = self._config.fetch
        retry = "not retried"
        if failure.retryable and fetch.retries:
            waits = [backoff_ceiling(n, fetch) for n in range(1, fetch.retries + 1)]
            retry = (
                counted(fetch.retries, "more attempt")
                + ", after at most "
                + ", ".join(f"{wait:g} s" for wait in waits)
            )
            if failure.pause:
                retry += f"; the host asks for {failure.pause:g} s"
        self._told.add(
            "outcome",
            state=errors.state_of(failure),
            kind=failure.label,
            message=redacted(failure.message),
            retry=retry,
        )
