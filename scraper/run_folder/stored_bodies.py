"""Which of the bodies that a folder has stored go through the process stage once more, and how
they wait for it: their hosts are asked nothing, and nothing is learned of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct
from msgspec.structs import replace

from scraper.errors import KINDS, UsageError
from scraper.local.addresses import SCHEME
from scraper.media_types import sniff
from scraper.model import HostState, LaneAhead, Task, Waiting
from scraper.storage.pass_table import StoredBody
from scraper.storage.schema import FinishedRow
from scraper.storage.waiting import WaitingRows
from scraper.text import did_you_mean
from scraper.urls import parts_of

_KINDS = ("page", "image", "file")
Wanted = Callable[[str, str], bool]  # type and URL of a body


class Selection(Struct, frozen=True):
    """All of these hold for a body that is taken, each in one of its values."""

    words: tuple[str, ...] = ()
    kinds: tuple[str, ...] = _KINDS
    errors: tuple[str, ...] = ()  # empty: whatever it came to
    hosts: tuple[str, ...] = ("*",)  # patterns of the shell, as of URLs
    urls: tuple[str, ...] = ("*",)

    @property
    def is_all(self) -> bool:
        """Are there no conditions?"""
        return not self.words

    def takes(self, body: StoredBody, is_file_wanted: Wanted) -> bool:
        """Is this body meant, and can anything be made of it?"""
        error = body.error_kind
        if error is not None and KINDS[error].stage != "process":
            return False  # its host has not given it again: that stays so
        if self.errors and error not in self.errors:
            return False
        kind, type, _ = sniff(b"", body.type)
        if kind not in self.kinds:
            return False
        if kind == "file" and not is_file_wanted(type, body.final_url):
            return False
        host = parts_of(body.url).host
        return _matches(host, self.hosts) and _matches(body.url, self.urls)


def parse_where(words: Iterable[str]) -> Selection:
    """The bodies that words such as `kind=image` and `host=*.shop.test` select.

    >>> parse_where(["kind=image,page", "url=*/large/*"]).kinds
    ('image', 'page')

    Raises UsageError.
    """
    given: dict[str, tuple[str, ...]] = {}
    words = tuple(words)
    for word in words:
        name, equals, text = word.partition("=")
        values = tuple(filter(None, map(str.strip, text.split(","))))
        if name not in _FIELDS or not equals or not values:
            hint = did_you_mean(name, _FIELDS) if equals else ""
            raise UsageError(
                f"--where {word!r} is no condition{hint}: write kind=image, host=*.shop.test, "
                "url=*/large/* or error=process_timeout"
            )
        if name in given:
            raise UsageError(
                f"--where {name}=... is given twice: separate values by commas"
            )
        for value in values:
            _check_value(name, value)
        given[name] = values
    return Selection(
        words, **{_FIELDS[name]: values for name, values in given.items()}
    )


_FIELDS = {"kind": "kinds", "error": "errors", "host": "hosts", "url": "urls"}
_ERRORS = [each.name for each in KINDS.values() if each.stage == "process"]


def _check_value(name: str, value: str) -> None:
    choices: Sequence[str] = {"kind": _KINDS, "error": _ERRORS}.get(name, ())
    if choices and value not in choices:
        raise UsageError(
            f"--where {name}={value}: there is no such {name} among those that have a body"
            f"{did_you_mean(value, choices, '; there are ' + ', '.join(choices))}"
        )


def _matches(text: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(text, each) for each in patterns)


class StoredRows:
    """The rows of such a pass, for a frontier without a network. What is remembered of hosts stays
    as it is."""

    def __init__(self, waiting: WaitingRows) -> None:
        self._waiting = waiting

    def next_lanes(self, after: int, limit: int) -> dict[int, LaneAhead]:
        return self._waiting.next_lanes(after, limit)

    def first_of_lanes(
        self,
        lanes: Sequence[int],
        limit: int,
        without: Collection[int] = (),
        asked_by: float = 0.0,
    ) -> list[list[Waiting]]:
        found = self._waiting.first_of_lanes(lanes, limit, without, asked_by)
        return [
            [replace(row, task=_at_home(row.task)) for row in rows]
            for rows in found
        ]

    def count_lane(self, lane: int) -> int:
        return self._waiting.count_lane(lane)

    def finish(
        self,
        task: Task,
        row: FinishedRow,
        number: int,
        not_before: float | None = None,
    ) -> None:
        """What is made of the body is new; what is known of its answer stays."""
        if row.type is None:
            self._waiting.finish_unread(task, row, number)
        else:
            self._waiting.finish_remade(task, row, number)

    def requeue(self, task: Task, *, due: float, attempts: int) -> None:
        """Its row waits as before: no host was asked."""

    def host(self, lane: int) -> HostState | None:
        """Nothing: what it was like to be asked says nothing of its files."""
        return None

    def keep_host(self, state: HostState) -> None:
        """Nothing was learned."""

    def keep_robots(
        self,
        lane: int,
        name: str,
        scheme: str,
        at: float,
        text: str,
    ) -> None:
        """Nothing was learned."""


def _at_home(task: Task) -> Task:
    """As a file of this machine, in the lane of its URL."""
    return replace(task, url=replace(task.url, scheme=SCHEME))
