"""The reasons not to request a URL: what each rule says, and in which order they are asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from scraper import errors
from scraper.config import TrapSettings
from scraper.frontier.pace import Host
from scraper.frontier.robots import parse
from scraper.frontier.rules import (
    RULES,
    Terms,
    Verdict,
    Wait,
    first_objection,
    with_robots_remark,
)
from scraper.frontier.traps.traps import Traps
from scraper.frontier.trouble import GivenUp
from scraper.model import Failure, Task
from scraper.urls import Url, lane_of, parts_of

URL = parts_of("https://a.example/private")
NOW = 1_000_000.0
FORBIDDING = parse("User-agent: *\nDisallow: /private", "scraper")


@dataclass
class Guard:
    """Refuses some hosts."""

    refused: set[str] = field(default_factory=set)

    def refusal(self, url: Url, trust: str) -> tuple[str, str] | None:
        return ("host_not_allowed", "no") if url.host in self.refused else None

    def host_class(self, host: str) -> str | None:
        return None


def objection(host: Host, terms: Terms, **task: Any) -> Verdict:
    return first_objection(
        RULES, Task(1, URL, URL, **task), "listed", host, terms
    )


def kind_of(verdict: Verdict) -> str | None:
    return verdict.kind if isinstance(verdict, Failure) else None


def worst_host() -> Host:
    """A host to which every rule objects."""
    host = Host(lane_of("a.example"))
    host.name = "a.example"
    host.trouble.given_up = GivenUp("host_down", "silent", None)
    host.origin("https").learn_rules(FORBIDDING, NOW)
    return host


def test_the_first_rule_that_objects_decides_in_the_documented_order() -> None:
    host, guard = worst_host(), Guard({"a.example"})
    terms = Terms(guard, "on", NOW)
    kinds = [kind_of(objection(host, terms, refusal="bad_encoding"))]
    kinds.append(kind_of(objection(host, terms)))
    guard.refused.clear()
    kinds.append(kind_of(objection(host, terms)))
    host.trouble.given_up = None
    kinds.append(kind_of(objection(host, terms)))
    assert kinds == [
        "bad_encoding",
        "host_not_allowed",
        "host_down",
        "robots_disallowed",
    ]
    names = [rule.__name__ for rule in RULES]
    assert names == [
        "line_is_valid",
        "guard_permits",
        "scope_permits",
        "host_is_up",
        "robots_permit",
        "is_no_trap",
    ]


def test_without_objection_a_url_may_be_requested() -> None:
    host = Host(lane_of("a.example"))
    host.origin("https").learn_rules(parse("", "scraper"), NOW)
    assert objection(host, Terms(Guard(), "on", NOW)) is None


@pytest.mark.parametrize("age", [None, 86_400.0])
def test_without_a_fresh_robots_txt_the_url_waits_for_it(
    age: float | None,
) -> None:
    host = Host(lane_of("a.example"))
    if age is not None:
        host.origin("https").learn_rules(parse("", "scraper"), NOW - age)
    verdict = objection(host, Terms(Guard(), "on", NOW))
    assert isinstance(verdict, Wait)
    assert verdict.origin is host.origin("https")


def test_off_looks_at_no_robots_txt_and_report_only_marks() -> None:
    host = Host(lane_of("a.example"))
    host.origin("https").learn_rules(FORBIDDING, NOW)
    task = Task(1, URL, URL)
    for setting, mark in (("off", None), ("report", "disallowed")):
        terms = Terms(Guard(), setting, NOW)
        assert objection(host, terms) is None
        assert with_robots_remark(task, host, terms).robots == mark


def test_a_robots_txt_is_requested_of_a_host_that_is_down_but_never_past_the_guard() -> (
    None
):
    host, guard = worst_host(), Guard()
    terms = Terms(guard, "on", NOW)
    assert objection(host, terms, purpose="robots") is None
    guard.refused.add("a.example")
    refusal = objection(host, terms, purpose="robots")
    assert kind_of(refusal) == "host_not_allowed"


def test_an_origin_without_rules_gives_the_cause() -> None:
    host = Host(lane_of("a.example"))
    origin = host.origin("https")
    origin.give_up(errors.new_failure("robots_unreachable", "refused"), NOW)
    assert objection(host, Terms(Guard(), "on", NOW)) is origin.failure


def test_only_pages_that_links_lead_to_can_be_traps() -> None:
    host = Host(lane_of("a.example"))
    host.origin("https").learn_rules(parse("", "scraper"), NOW)
    traps = Traps(TrapSettings(max_pages_per_host=1), {URL.lane: 1})
    terms = Terms(Guard(), "on", NOW, traps=traps)
    assert kind_of(objection(host, terms, level=1)) == "trap_pages"
    for known in ({}, {"depth": 1}, {"level": 1, "attempt": 2}):
        assert objection(host, terms, **known) is None
