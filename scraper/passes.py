"""Which pass a run works on, and what of its list is due in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

import scraper
from scraper.config import Config
from scraper.desk.delivery import Delivery
from scraper.errors import KINDS, UsageError
from scraper.machine.clock import Clock
from scraper.model import Line
from scraper.reports.summary import Report
from scraper.run_folder.following import (
    check_goes_on_following,
    follows_of,
)
from scraper.run_folder.options import (
    Options,
    describe_changes,
    files_wanted,
)
from scraper.run_folder.owners import unnamed_lists
from scraper.sources.maps.entries import LIST_BROKEN
from scraper.sources.source import Source
from scraper.storage.due.ages import Ages
from scraper.storage.due.led_to import LedTo
from scraper.storage.due.overdue import Overdue, WhichAreDue
from scraper.storage.intake import Added
from scraper.storage.ledger import Ledger
from scraper.storage.pass_table import Pass
from scraper.storage.sets.bitmap import Bitmap
from scraper.text import did_you_mean

if TYPE_CHECKING:
    from scraper.recording.onward import Onward
    from scraper.run_folder.stored_bodies import Selection


class RunRequest(Struct, frozen=True):
    """What a run is asked to do: its lists, its configuration, and which URLs are due again.

    `retry` requests failed URLs again: `()` all of them, or those of the given kinds. `refresh`
    requests all of them again, with `ages` those that are older. None of both: what has no outcome
    yet.
    """

    sources: Sequence[Source]
    config: Config
    retry: tuple[str, ...] | None = None
    refresh: bool = False
    add_list: bool = False
    adopt: bool = False
    with_stored: bool = False
    ages: Ages | None = None
    reprocess: Selection | None = None  # of stored bodies: no host is asked

    def __post_init__(self) -> None:
        if self.retry is not None and self.refresh:
            raise UsageError(
                "retry and refresh exclude each other: the one asks again what failed,"
                " the other asks everything"
            )

    @property
    def is_plain(self) -> bool:
        """Only what has no outcome yet is due."""
        return (
            self.retry is None and not self.refresh and self.reprocess is None
        )

    def arguments(self) -> dict[str, Any]:
        """As the ledger keeps them with the pass."""
        return {
            "inputs": [each.identity for each in self.sources],
            "retry": None if self.retry is None else list(self.retry),
            "refresh": self.refresh,
            "ages": None if self.ages is None else self.ages.as_dict(),
            "reprocess": None
            if self.reprocess is None
            else list(self.reprocess.words),
        }


class CurrentPass:
    """The pass that a run works on: the one that its folder has open, or the next.

    The next one opens with its first URL; a run for which nothing is due opens none.
    """

    def __init__(
        self,
        ledger: Ledger,
        request: RunRequest,
        shaping: Options,
        now: Clock,
    ) -> None:
        self._ledger = ledger
        self._request = request
        self._shaping = shaping
        self._now = now
        self._opened = now()
        self.previous = ledger.passes.last()  # or this one, if it is continued
        self.number = self.previous.number if self.previous else 1
        self.refresh = request.refresh
        self.ages = request.ages
        self.resumed = False
        self.is_open = False
        # rows that are old, and of which a list says that they were not modified since
        self.unmodified = Bitmap()

    @property
    def began(self) -> float:
        """Unix time; of a pass that is continued, when its first run began."""
        if self.resumed and self.previous is not None:
            return self.previous.started
        return self._opened

    @property
    def overdue(self) -> Overdue | None:
        """What is due because it is too old; None if that is not what this pass is about."""
        if self.ages is None:
            return None
        return Overdue(self._ledger, self.ages, self.began, self.unmodified)

    @property
    def led_to(self) -> LedTo | None:
        """The same of what pages lead to."""
        overdue = self.overdue
        if overdue is None:
            return None
        return LedTo(self._ledger, overdue, follows_of(self._request.config))

    def choose(self) -> None:
        """Continue the open pass if that is what is asked for; else prepare the next."""
        last = self.previous
        if last is None:
            return
        self._ledger.parked.release_all()
        if last.ended is None and self._continues(last):
            for before in last.configurations[-1:]:
                check_goes_on_following(self._request.config, before)
            self.resumed = self.is_open = True
            self.refresh = bool(last.arguments.get("refresh"))
            ages = last.arguments.get("ages")
            self.ages = Ages.of_dict(ages) if ages else None
        else:
            self._prepare_next(last)
            self._reopen_stored()
        # Without a list the folder knows what a list would name line by line.
        without_list = not self._request.sources
        if without_list and self.refresh and self._reopen_listed():
            self.ensure_open()

    def _reopen_listed(self) -> int:
        overdue = self.overdue
        if overdue is None:
            return self._ledger.passes.reopen_listed(self.number)
        return overdue.reopen(self.number)

    def _continues(self, last: Pass) -> bool:
        arguments = self._request.arguments()
        if arguments["reprocess"] != last.arguments.get("reprocess"):
            return False
        return self._request.is_plain or _is_same(last.arguments, arguments)

    def _prepare_next(self, last: Pass) -> None:
        self.number = last.number + 1
        was_open = last.ended is None
        if was_open and last.arguments.get("reprocess") is not None:
            self._ledger.passes.put_back(last.number)
            self._ledger.passes.end(last.number, self._now())
            was_open = False
        if self._request.reprocess is not None:
            if was_open:
                raise UsageError(
                    f"pass {last.number} is not over: `python -m scraper -d FOLDER` asks what is "
                    "left of it; then reprocess"
                )
            return
        self._ledger.hosts.reset_troubles()
        if was_open:
            self._ledger.passes.end(last.number, self._now())
            self._ledger.passes.adopt_pending(self.number)
            self.ensure_open()
        elif self._takes_up_unasked and self._ledger.passes.reopen_unasked(
            self.number, self._now()
        ):
            self.ensure_open()
        retry = self._request.retry
        if retry is not None and self._ledger.passes.reopen_failed(
            self.number, retry
        ):
            self.ensure_open()

    @property
    def _takes_up_unasked(self) -> bool:
        return self._request.is_plain or self._request.ages is not None

    def _reopen_stored(self) -> None:
        selection = self._request.reprocess
        if selection is None:
            return
        is_wanted = files_wanted(self._request.config)
        if self._ledger.passes.reopen_stored(
            self.number, lambda body: selection.takes(body, is_wanted)
        ):
            self.ensure_open()

    def ensure_open(self) -> None:
        """A URL is due in this pass."""
        if not self.is_open:
            arguments = self._request.arguments()
            self._ledger.passes.open(
                self.number,
                self._opened,
                arguments,
                [self._shaping],
                scraper.__version__,
            )
            self.is_open = True

    def changed_options(self) -> str:
        """The options with which the folder's results were made, where this run's differ; in
        words, "" if none do. This run's are remembered."""
        passes = self._ledger.passes.newest_first()
        if self.resumed and self._shaping not in passes[0].configurations:
            known = [*passes[0].configurations, self._shaping]
            self._ledger.passes.set_configurations(self.number, known)
        makes_all = self.refresh and self.ages is None
        if makes_all or self._request.reprocess is not None:
            relevant = [each for each in passes if each.number == self.number]
        else:
            relevant = _since_last_refresh(passes)
        made_with = [
            options for each in relevant for options in each.configurations
        ]
        return describe_changes(made_with, self._shaping)


def _is_same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(
        one.get(name) == other.get(name)
        for name in ("retry", "refresh", "ages")
    )


def _makes_all(arguments: Mapping[str, Any]) -> bool:
    """Was all that the folder holds made in a pass with these arguments?"""
    if arguments.get("refresh") and not arguments.get("ages"):
        return True
    return arguments.get("reprocess") == []


def _since_last_refresh(passes: Sequence[Pass]) -> list[Pass]:
    """The passes, newest first, whose options made what lies there now."""
    since = []
    for each in passes:
        since.append(each)
        if _makes_all(each.arguments) and each.ended is not None:
            break
    return since


class ListIntake:
    """Takes lines of the list into the ledger, and counts what is due of them."""

    def __init__(
        self, ledger: Ledger, current: CurrentPass, report: Report
    ) -> None:
        self.seen = Bitmap()  # rows that the list has named
        self.due = 0  # URLs of the list that this pass is about
        # rows of lists that break off: what they name further on is not known
        self.broken: set[int | None] = set()
        self.onward: Onward | None = None
        self.as_asked: Callable[[Line], Line] | None = None
        self._ledger = ledger
        self._current = current
        self._report = report
        self._delivery: Delivery | None = None
        self._overdue = current.overdue
        # of lists that are read again and again
        self.lasting: Sequence[tuple[int, Source]] = ()

    def deliver_to(self, delivery: Delivery) -> None:
        """From now on it hears which URLs have their outcome already."""
        self._delivery = delivery

    def count_known(self) -> None:
        """Without a list, what the pass holds is what is due."""
        self.due = (
            self._ledger.passes.count_urls(self._current.number)
            - self._report.found
        )

    def take(self, lines: Sequence[Line]) -> frozenset[int]:
        """Take these lines. Returns the lanes that gain."""
        if self.as_asked is not None:
            lines = list(map(self.as_asked, lines))
        return self.add(lines, again=False).hosts

    def add(self, lines: Sequence[Line], *, again: bool | WhichAreDue) -> Added:
        """Take these lines; with `again`, or in a refresh, those that ended in earlier passes are
        due once more."""
        current, report = self._current, self._report
        added = self._ledger.intake.add(
            lines,
            current.number,
            again=self._which_are_due(lines) or current.refresh or again,
            seen=self.seen,
        )
        if added.new or added.again:
            current.ensure_open()
        if added.nearer:
            gaining = self._ledger.parked.release_for_list(added.nearer)
            added = replace(added, hosts=added.hosts | gaining)
        if self.onward is not None:
            added = self._go_on(self.onward, lines, added)
        if self._delivery is not None:
            self._delivery.note_known(added.ended)
        self.due += added.due
        self.broken |= {
            each.source for each in lines if each.refusal == LIST_BROKEN
        }
        report.lines += len(lines)
        report.found -= added.known_as_found
        report.repeated += added.repeated
        return added

    def drop_unlisted(self) -> None:
        """The lists were read: what they name no more is theirs no more; of a first pass there is
        nothing."""
        if self._current.previous is None:
            return
        lists = [each for each in self.lasting if each[0] not in self.broken]
        unnamed = unnamed_lists(self._ledger, [source for _, source in lists])
        rows = [row for row, _ in lists]
        self._ledger.intake.drop_unlisted([*rows, *unnamed], self.seen)

    def take_overdue(self) -> frozenset[int]:
        """The lists were read: what pages lead to, and is too old, is due, too. Returns the lanes
        that gain."""
        led_to = self._current.led_to
        if led_to is None or self._current.previous is None:
            return frozenset()
        self.drop_unlisted()
        reopened = led_to.reopen(self._current.number)
        if reopened.urls:
            self._current.ensure_open()
            self._report.found += reopened.urls
        return reopened.lanes

    def _go_on(
        self, onward: Onward, lines: Sequence[Line], added: Added
    ) -> Added:
        """Where the list names a page, links may lead, and what it leads to comes nearer."""
        if onward.following is not None:
            onward.following.scope.note_listed([each.url for each in lines])
        gaining = onward.come_nearer(added.nearer)
        return replace(added, hosts=added.hosts | gaining)

    def _which_are_due(self, lines: Sequence[Line]) -> WhichAreDue | None:
        """Those that are too old, but for what has not been modified since, as its list says."""
        if self._overdue is None:
            return None
        return partial(self._too_old, self._overdue, lines)

    def _too_old(
        self,
        overdue: Overdue,
        lines: Sequence[Line],
        ids: Collection[int],
    ) -> frozenset[int]:
        """Of several lines that name a URL, one that has it asked is enough."""
        old = overdue.among(ids)
        unmodified = overdue.unmodified_among(old, lines)
        left_out = self._current.unmodified
        for each in unmodified:
            self._report.unmodified += left_out.add(each)
        asked = old - unmodified
        for each in asked:
            self._report.unmodified -= left_out.discard(each)
        return asked


# -- kinds of failures to retry ---------------------------------------------------------------


def checked_kinds(kinds: Sequence[str] | None) -> tuple[str, ...] | None:
    """The kinds of failures that `retry` names. Raises UsageError if there is no such kind."""
    if kinds is None:
        return None
    if isinstance(kinds, str):
        kinds = kinds.split(",")
    if not isinstance(kinds, Iterable) or not all(
        isinstance(each, str) for each in kinds
    ):
        raise UsageError(
            f"retry = {kinds!r} is not right: give () for all that failed, or kinds such as "
            '["timeout", "http_503"]'
        )
    return tuple(
        dict.fromkeys(name for word in kinds for name in _kinds_of(word))
    )


_KINDS_HINT = "; they stand as error_kind in errors.jsonl, statuses as http_404"


def _kinds_of(word: str) -> list[str]:
    """The kinds that a word means: one, a branch of the tree (network), a family (timeout)."""
    if word in KINDS or re.fullmatch(r"http_[1-9]\d\d", word):
        return [word]
    kinds = [
        k.name
        for k in KINDS.values()
        if word == k.branch or k.name.startswith(f"{word}_")
    ]
    if not kinds:
        raise UsageError(
            f"retry: no kind of failure is called {word!r}{_kind_hint(word)}"
        )
    return kinds


def _kind_hint(word: str) -> str:
    branches = {kind.branch for kind in KINDS.values()}
    status = re.search(r"[1-5]\d\d$", word)
    if status is None:
        return did_you_mean(
            word,
            [*KINDS, *branches],
            _KINDS_HINT,
        )
    name = f"http_{status[0]}"
    return did_you_mean(
        name,
        [name, *branches],
        _KINDS_HINT,
    )
