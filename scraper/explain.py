"""`python -m scraper explain URL`: the decisions for one URL, without saving anything.

The same parts decide as in a run: guard, robots rules, fetcher, sniffing, names. Only nobody
waits, nothing is written, and no other host is asked than the URL and its redirects lead to.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from scraper import directives, errors, store, urls
from scraper.config import Config
from scraper.fetch import Fetcher, Flight, agent_of, is_secret
from scraper.guard import Guard, Trust
from scraper.hosts import backoff_ceiling, without_rules
from scraper.job import guard_of
from scraper.model import Fact, Failed, Failure, Fetched, Headers, Hop, Moved, Rules, Task
from scraper.robots import MAX_HOPS, RobotRules, meaning_of, parse, token_of
from scraper.text import printable, printable_json


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
    return {name: urls.redacted(value) for name, value in headers}


def explain(text: str, config: Config) -> Explanation:
    """Ask one URL as a run would, and tell every decision on the way."""
    told = Explanation()
    try:
        url = urls.canonical(text)
    except urls.BadUrl as error:
        told.add("url", written=text, verdict=f"failed {error.kind}: {error.message}")
        return told
    told.add("url", written=urls.redacted(text), canonical=urls.redacted(url.href), lane=url.host)
    guard = guard_of(config)
    with tempfile.TemporaryDirectory(prefix="scraper-explain-") as parts:
        fetcher = Fetcher(
            config.fetch,
            guard,
            Path(parts),
            per_host=1,
            max_pause=config.hosts.max_retry_after_seconds,
        )
        try:
            _Asker(told, config, guard, fetcher).ask(url)
        finally:
            fetcher.close()
    return told


class _Asker:
    """Asks one URL, hop by hop."""

    def __init__(self, told: Explanation, config: Config, guard: Guard, fetcher: Fetcher) -> None:
        self._told = told
        self._config = config
        self._guard = guard
        self._fetcher = fetcher
        self._rules: dict[str, RobotRules | Failure] = {}

    def ask(self, url: urls.Url) -> None:
        task = Task(1, url.href, url.host, url.href)
        trust: Trust = "listed"
        most = self._config.fetch.max_redirects
        for _ in range(most + 1):
            if not self._may_ask(task, trust):
                return
            fact = self._fetch(task, trust)
            if not isinstance(fact, Moved):
                self._conclude(fact)
                return
            hops = (*task.hops, Hop(task.url, fact.status))
            target = urls.parts_of(fact.to)
            self._told.add("redirect", status=fact.status, to=urls.redacted(target.href))
            if any(hop.url == target.href for hop in hops):
                self._fail(errors.failure("too_many_redirects", "redirects in a circle"))
                return
            trust = "private" if self._guard.host_class(task.host) == "private" else "public"
            task = Task(1, target.href, target.host, url.href, hops=hops)
        kind = "too_many_redirects" if most else "redirect_not_followed"
        self._fail(errors.failure(kind, f"max_redirects is {most}"))

    def _may_ask(self, task: Task, trust: Trust) -> bool:
        url = urls.canonical(task.url)
        refusal = self._guard.refusal(url, trust)
        verdict = "may be asked" if refusal is None else f"{refusal[0]}: {refusal[1]}"
        self._told.add("guard", host=url.host, named_by=trust, verdict=verdict)
        if refusal is not None:
            self._fail(errors.failure(*refusal))
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
        self._fail(errors.failure("robots_disallowed", "robots.txt forbids it"))
        return False

    def _robots_of(self, url: urls.Url, trust: Trust) -> RobotRules | Failure:
        agent = agent_of(self._config.fetch)
        address = f"{url.origin}/robots.txt"
        task = Task(0, address, url.host, address, purpose="robots")
        for _ in range(MAX_HOPS + 1):
            fact = self._fetch(task, trust, tell=False)
            match fact:
                case Rules():
                    return parse(fact.text, agent)
                case Moved():
                    target = urls.parts_of(fact.to)
                    if self._guard.refusal(target, trust) is not None:
                        return parse("", agent)
                    task = Task(0, target.href, target.host, address, purpose="robots")
                case Failed(failure=failure):
                    if failure.status is not None and meaning_of(failure.status) == "allowed":
                        return parse("", agent)
                    return without_rules(failure)
                case _:
                    break
        return parse("", agent)

    def _fetch(self, task: Task, trust: Trust, *, tell: bool = True) -> Fact:
        seconds = self._config.fetch.item_time_seconds
        deadline = time.monotonic() + seconds
        flight = Flight(1, task, trust, deadline)
        limit = errors.failure("timeout_total", f"not finished within {seconds:g} s")
        clock = threading.Timer(seconds, flight.cut, [limit])
        clock.start()
        try:
            fact = self._fetcher.fetch(flight)
        finally:
            clock.cancel()
        if tell:
            self._told.add(
                "request",
                url=urls.redacted(task.url),
                address=flight.peer,
                sent={
                    name: "***" if is_secret(name) else value
                    for name, value in self._fetcher.headers_for(task).items()
                },
            )
        return fact

    def _conclude(self, fact: Fact) -> None:
        if isinstance(fact, Failed):
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
        url = urls.canonical(fact.task.origin_url)
        words = directives.of_headers(fact.headers, token_of(agent_of(self._config.fetch)))
        saved = [store.path_of(url.href, url.host, fact.kind, fact.type)]
        if fact.kind == "image" and not self._config.run.save_only:
            saved.append(store.processed_prefix(url.href, url.host) + ".*")
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
        self._told.add("outcome", state="done", saved_as=saved)

    def _fail(self, failure: Failure) -> None:
        fetch = self._config.fetch
        retry = "not retried"
        if failure.retryable and fetch.retries:
            waits = [backoff_ceiling(n, fetch) for n in range(1, fetch.retries + 1)]
            retry = f"{fetch.retries} more tries, after at most " + ", ".join(
                f"{wait:g} s" for wait in waits
            )
            if failure.pause:
                retry += f"; the host asks for {failure.pause:g} s"
        self._told.add(
            "outcome",
            state=errors.state_of(failure),
            kind=failure.label,
            message=urls.redacted(failure.message),
            retry=retry,
        )
