"""The rules of a run for `explain`: each shows what it has said of the URL."""

from __future__ import annotations

from pathlib import Path

from scraper.cli.explanation import Explanation
from scraper.config import Config
from scraper.errors import TRAPS
from scraper.frontier.pace import Host
from scraper.frontier.rules import RULES, Rule, Terms, Verdict, Wait
from scraper.frontier.traps.traps import path_objection
from scraper.model import Failure, Task, Trust
from scraper.record import key_of_record
from scraper.redaction import redacted, redacted_line
from scraper.reports.history import RECORDS, records_of
from scraper.urls import Url


class ShownRules:
    """The rules of a run, each of which shows what it has said."""

    def __init__(self, config: Config, explanation: Explanation) -> None:
        self.rules = tuple(self._shown(rule) for rule in RULES)
        self._robots = config.hosts.robots
        self._explanation = explanation
        self._seen: set[tuple[str, str, int]] = set()
        self._show = {
            "line_is_valid": self._show_line,
            "guard_permits": self._show_guard,
            "robots_permit": self._show_robots,
        }

    def _shown(self, rule: Rule) -> Rule:
        """The same rule. A task is judged again once its robots.txt is known: that is shown
        once."""

        def rule_and_show(
            task: Task,
            trust: Trust,
            host: Host,
            terms: Terms,
        ) -> Verdict:
            verdict = rule(task, trust, host, terms)
            seen = (rule.__name__, task.url.href, len(task.hops))
            if not isinstance(verdict, Wait) and seen not in self._seen:
                self._seen.add(seen)
                show = self._show.get(rule.__name__)
                if show is not None:
                    show(task, trust, host, verdict)
                elif verdict is not None:
                    self._explanation.add(
                        rule.__name__, verdict=verdict.message
                    )
            return verdict

        return rule_and_show

    def _show_line(
        self,
        task: Task,
        trust: Trust,
        host: Host,
        verdict: Failure | None,
    ) -> None:
        if verdict is not None:
            said = f"failed {verdict.kind}: {redacted(verdict.message)}"
            written = redacted_line(task.origin_url.href)
            self._explanation.add("url", written=written, verdict=said)

    def _show_guard(
        self,
        task: Task,
        trust: Trust,
        host: Host,
        verdict: Failure | None,
    ) -> None:
        said = (
            "may be asked"
            if verdict is None
            else f"{verdict.kind}: {verdict.message}"
        )
        self._explanation.add(
            "guard",
            host=task.url.host,
            named_by=trust,
            verdict=said,
        )

    def _show_robots(
        self,
        task: Task,
        trust: Trust,
        host: Host,
        verdict: Failure | None,
    ) -> None:
        if self._robots == "off" or task.purpose == "robots":
            return
        origin = host.origin(task.url.scheme)
        if origin.rules is None:
            said = verdict.message if verdict is not None else None
            self._explanation.add(
                "robots.txt", origin=task.url.origin, verdict=said
            )
            return
        line = origin.rules.rule_for(task.url.href)
        self._explanation.add(
            "robots.txt",
            origin=task.url.origin,
            rule=str(line) if line else None,
            crawl_delay=origin.rules.crawl_delay,
            verdict="allowed" if origin.permits(task.url) else "disallowed",
        )


def show_traps(url: Url, config: Config, explanation: Explanation) -> None:
    """Why a run leaves the page out if links lead to it, or has left it out in the folder of
    --dir."""
    if config.traps.traps == "off":
        return
    failure = path_objection(url, config.traps)
    if failure is not None:
        explanation.add(
            "traps", if_links_lead_here=f"{failure.kind}: {failure.message}"
        )
    folder = Path(config.run.dir)
    if not config.run.dir or not (folder / RECORDS).exists():
        return
    records = records_of(folder, key_of_record(url.href))
    if records and records[-1]["error_kind"] in TRAPS:
        last = records[-1]
        message = last["error_message"]
        explanation.add(
            "traps",
            left_out=f"{last['error_kind']}: {message}",
            in_pass=last["pass"],
        )
