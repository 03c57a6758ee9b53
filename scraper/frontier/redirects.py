"""Where a redirect leads, and in whose name.

A redirect is one more hop of its task. It is requested in the name of the host that sent it, so
that a public host cannot send us where only the user's own list may.
"""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from scraper import errors, urls
from scraper.frontier.robots import MAX_HOPS
from scraper.model import Failure, Hop, Moved, Task, Trust
from scraper.text import counted


class HostGuard(Protocol):
    """The part of the guard that is asked before any connection."""

    def refusal(
        self, url: urls.Url, trust: Trust
    ) -> tuple[str, str] | None: ...
    def host_class(self, host: str) -> str | None: ...


def trust_of(task: Task, guard: HostGuard) -> Trust:
    """Who named this URL: the list itself, or a page, a redirect, a list of which kind of host."""
    if task.hops:
        named_by = task.hops[-1].url
    elif task.parent is not None:
        # the host that sent the page has named the URL
        named_by = task.page or task.parent
    elif task.sender is not None:
        named_by = task.sender
    else:
        return "listed"
    return (
        "private" if guard.host_class(named_by.host) == "private" else "public"
    )


def next_hop(moved: Moved, max_redirects: int) -> Task | Failure:
    """The task with one more hop, within `max_redirects`; or why it ends here."""
    if not max_redirects:
        why = f"it redirects to {moved.to.href}, and max_redirects is 0"
        return errors.new_failure("redirect_not_followed", why)
    onward = _with_hop(moved)
    if _is_circle(onward):
        return errors.new_failure(
            "too_many_redirects", f"redirects in a circle to {moved.to.href}"
        )
    if len(onward.hops) > max_redirects:
        limit = counted(max_redirects, "redirect")
        return errors.new_failure("too_many_redirects", f"more than {limit}")
    return onward


def next_hop_of_robots(moved: Moved) -> Task | None:
    """The robots.txt with one more hop; None if it is not followed there, which means that there
    are no rules (RFC 9309 2.3.1.2)."""
    onward = _with_hop(moved)
    if len(onward.hops) > MAX_HOPS or _is_circle(onward):
        return None
    return onward


def _with_hop(moved: Moved) -> Task:
    task = moved.task
    hops = (*task.hops, Hop(task.url, moved.status))
    return replace(task, url=moved.to, hops=hops)


def _is_circle(onward: Task) -> bool:
    return any(hop.url == onward.url for hop in onward.hops)
