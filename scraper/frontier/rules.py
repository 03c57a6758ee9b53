"""Every reason not to request a URL: `RULES`, in the order in which they are asked.

Each rule is a function of one shape. It says None (no objection), a Failure (the URL must not be
requested, and ends with it), or a `Wait` (the answer is not known before the robots.txt of its
origin is). The first objection decides. A run, its redirects, the robots.txt that has moved to
another host and `explain` all go by this tuple, as far as it shows before a connection is made.
What shows later: `Guard.connect` judges the addresses of a name, `redirects.next_hop` circles and
the number of redirects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from scraper import errors, urls
from scraper.frontier.follow.scope import Scope
from scraper.frontier.pace import Host, Origin
from scraper.frontier.redirects import HostGuard
from scraper.frontier.traps.traps import Traps
from scraper.model import Failure, Task, Trust


class Terms(Struct):
    """What the rules go by, apart from the task and its host."""

    guard: HostGuard
    robots: str  # the setting: on, off or report
    now: float = 0.0  # unix time of the decision
    scope: Scope | None = None  # where links may lead
    traps: Traps | None = None  # what they have led to


class Wait(NamedTuple):
    """Nothing is requested before the robots.txt of this origin is known."""

    origin: Origin


Verdict = Failure | Wait | None
_OF_LINKS: Final = errors.TRAPS | {"out_of_scope"}
Rule = Callable[[Task, Trust, Host, Terms], Verdict]


def line_is_valid(
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """The line of the list is a URL."""
    return None if task.refusal is None else _refused_line(task)


def guard_permits(
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """Allow-list, port and address permit it for the one that named the URL."""
    forbidden = terms.guard.refusal(task.url, trust)
    return None if forbidden is None else errors.new_failure(*forbidden)


def scope_permits(
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """A redirect of what a link has led to stays where links may lead."""
    if terms.scope is None or task.level is None or not task.hops:
        return None
    if terms.scope.permits(task.origin_url, task.url):
        return None
    return errors.new_failure(
        "out_of_scope", f"it redirects to {task.url.href}, out of --scope"
    )


def host_is_up(
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """The host was not given up in this pass."""
    given_up = host.trouble.given_up
    # A robots.txt that has moved here is another host's.
    if given_up is None or task.purpose == "robots":
        return None
    return given_up.failure


def robots_permit(
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """The robots.txt of its origin permits it, which must be known before."""
    if terms.robots == "off" or task.purpose == "robots":
        return None
    if task.url.scheme == "file":
        return None
    origin = host.origin(task.url.scheme)
    if not origin.is_known(terms.now):
        return Wait(origin)
    if origin.rules is None:
        return origin.failure
    if terms.robots == "report" or origin.permits(task.url):
        return None
    return errors.new_failure(
        "robots_disallowed", f"robots.txt of {host.name} forbids it"
    )


def is_no_trap(
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """A page that links lead to is not one of those without end."""
    if terms.traps is None or not is_found_now(task):
        return None
    return terms.traps.objection(task.url)


def may_be_listed(task: Task, objection: Verdict) -> bool:
    """Would it be no objection if the list named the URL?"""
    if task.level is None or not isinstance(objection, Failure):
        return False
    return objection.kind in _OF_LINKS


def is_found_now(task: Task) -> bool:
    """Do links lead to this page, which was not asked before?"""
    return task.level is not None and task.attempt == 1 and not task.hops


RULES: tuple[Rule, ...] = (
    line_is_valid,
    guard_permits,
    scope_permits,
    host_is_up,
    robots_permit,
    is_no_trap,
)


def first_objection(
    rules: tuple[Rule, ...],
    task: Task,
    trust: Trust,
    host: Host,
    terms: Terms,
) -> Verdict:
    """What the first rule says that objects; None if none does."""
    for rule in rules:
        verdict = rule(task, trust, host, terms)
        if verdict is not None:
            return verdict
    return None


def with_robots_remark(task: Task, host: Host, terms: Terms) -> Task:
    """The task, marked where robots.txt forbids it and the setting is only to report that."""
    if terms.robots != "report" or task.url.scheme == "file":
        return task
    if host.origin(task.url.scheme).permits(task.url):
        return task
    return replace(task, robots="disallowed")


# Why a line is refused of which not even the text is judged.
_REFUSED: Final = {
    "bad_encoding": "the line is not UTF-8: save the list as UTF-8",
    "bad_row": "the row has more cells than the table has columns, or is no JSON object",
    "row_too_long": "the row has a line of more than 10 MB, of which only the beginning was read",
    "list_broken": "the list cannot be read beyond this place; what came before it counts",
    "list_failed": "a sitemap that this list names could not be had",
}


def _refused_line(task: Task) -> Failure:
    line = task.origin_url.href
    if task.refusal in _REFUSED:
        return errors.new_failure(task.refusal, _REFUSED[task.refusal])
    if not line:
        return errors.new_failure("bad_url", "the row has no URL in its column")
    if line.startswith(urls.NOT_TEXT):
        return errors.new_failure(
            "bad_url", f"{line}; give each URL as text (str)"
        )
    try:
        urls.canonical(line)
    except urls.BadUrl as error:
        return errors.new_failure(error.kind, error.message)
    return errors.new_failure(
        task.refusal or "bad_url", "the line is longer than a URL may be"
    )
