"""Where a redirect leads, and in whose name: what a run follows, and what `explain` tells.

A redirect is one more hop of its task. It is asked in the name of who sent it, so that a public
host cannot send us where only the user's own list may.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from scraper import errors, urls
from scraper.frontier.robots import MAX_HOPS
from scraper.model import Failure, Hop, Moved, Task, Trust
from scraper.text import counted


class Judge(Protocol):
    """The part of the guard that is asked before any connection."""

    def refusal(self, url: urls.Url, trust: Trust) -> tuple[str, str] | None: ...
    def host_class(self, host: str) -> str | None: ...


def trust_of(task: Task, judge: Judge) -> Trust:
    """Who named this URL: the list itself, or a page or redirect of which kind of host."""
    if task.hops:
        named_by = task.hops[-1].url
    elif task.parent is not None:
        named_by = task.page or task.parent  # who sent the page has named the URL
    else:
        return "listed"
    return "private" if judge.host_class(named_by.host) == "private" else "public"


def next_hop(moved: Moved, most: int) -> Task | Failure:
    """The task where it was sent on to, within `most` redirects; or why not."""
    if not most:
        why = f"it redirects to {moved.to.href}, and max_redirects is 0"
        return errors.new_failure("redirect_not_followed", why)
    onward = _onward(moved)
    if any(hop.url == moved.to for hop in onward.hops):
        return errors.new_failure("too_many_redirects", f"redirects in a circle to {moved.to.href}")
    if len(onward.hops) > most:
        return errors.new_failure("too_many_redirects", f"more than {counted(most, 'redirect')}")
    return onward


def next_hop_of_robots(moved: Moved, judge: Judge) -> Task | None:
    """The task where a robots.txt is said to be; None if it is not looked for there, which
    means that there are no rules (RFC 9309 2.3.1.2)."""
    onward = _onward(moved)
    if len(onward.hops) > MAX_HOPS or any(hop.url == moved.to for hop in onward.hops):
        return None
    refusal = judge.refusal(onward.url, trust_of(onward, judge))
    return onward if refusal is None else None


def _onward(moved: Moved) -> Task:
    task = moved.task
    hops = (*task.hops, Hop(task.url, moved.status))
    return replace(task, url=moved.to, hops=hops)
