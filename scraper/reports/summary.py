"""What a pass came to: counts that add up over resumes and shards, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from msgspec import Struct, field
from msgspec.structs import asdict

from scraper.errors import WITH_EXAMPLES
from scraper.model import STATES, Ended, flags_in, label_of
from scraper.outcomes.fills import Fills
from scraper.outcomes.outcome import Outcome
from scraper.redaction import redacted
from scraper.reports.allowance import is_exceeded
from scraper.reports.changes import Missing, counts_text
from scraper.reports.fields import (
    Drop,
    drops_of,
    find_nothing,
    recipe_lines,
)
from scraper.text import clock_text, counted, iso, printable, unix_of

NOTHING_DONE, SOME_FAILED, STOPPED = 4, 3, 5
_UNFILLED = '":0'  # in how often the fields of a URL were filled
# what goes on from an earlier run of the pass, besides what a tally holds
_ADDED_UP = (
    "found",
    "requests",
    "wire_bytes",
    "duplicates",
    "saved_bytes",
    "seconds",
)
MAX_REASONS = 6
MAX_MESSAGE_CHARS = 200
_NO_MESSAGES: Mapping[str, str] = MappingProxyType({})


class Tally(Struct):
    """How many URLs ended how."""

    states: Counter[str] = field(default_factory=Counter)
    # page, image, file; of those done
    kinds: Counter[str] = field(default_factory=Counter)
    # by label, e.g. http_404
    failures: Counter[str] = field(default_factory=Counter)
    skips: Counter[str] = field(default_factory=Counter)
    # what the bodies of these URLs seem to be; one may have several
    flags: Counter[str] = field(default_factory=Counter)
    # what recipes came to on these URLs
    fills: Fills = field(default_factory=Fills)
    # ... of these, on the ones that failed
    lost: Fills = field(default_factory=Fills)
    bytes: int = 0  # of their bodies
    # Of the failed: what the same command takes up again, and from when on (unix time).
    unasked: int = 0
    not_before: float | None = None

    @classmethod
    def of(cls, ends: Iterable[Ended]) -> Tally:
        """The tally of the ends that a ledger has counted."""
        tally = cls()
        for end in ends:
            tally.add(end)
        return tally

    def add(self, end: Ended) -> None:
        """Add URLs that ended alike; what has not ended yet counts nowhere."""
        if end.state not in STATES:
            return
        self.states[end.state] += end.urls
        self.bytes += end.bytes
        self._add_unasked(end.unasked, end.not_before)
        for flag in flags_in(end.flags):
            self.flags[flag] += end.urls
        if end.fills is not None:
            self.fills.add(end.fills)
            if end.state == "failed":
                self.lost.add(end.fills)
        if end.error_kind is not None:
            self._reasons_for(end.state)[
                label_of(end.error_kind, end.status)
            ] += end.urls
        elif end.kind is not None:
            self.kinds[end.kind] += end.urls

    @property
    def asked_and_failed(self) -> int:
        """URLs that have failed; those that were not asked for their hosts' sake have not yet."""
        return self.states["failed"] - self.unasked

    @property
    def finds_nothing(self) -> bool:
        """Is there a recipe that finds no item, or nothing of a field, on any page?"""
        return find_nothing(self.fills)

    def items_of(self, recipe: str) -> int:
        """What the records of the folder have from this recipe."""
        return self.fills.of(recipe) - self.lost.of(recipe)

    def _add_unasked(self, urls: int, not_before: float | None) -> None:
        self.unasked += urls
        if not_before is not None:
            self.not_before = min(self.not_before or not_before, not_before)

    def _reasons_for(self, state: str) -> Counter[str]:
        return self.skips if state == "skipped" else self.failures

    @property
    def total(self) -> int:
        """URLs with an outcome."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """URLs that came out well."""
        return self.states["done"] + self.states["unchanged"]

    def verdict(self, fail_on: Iterable[str] = ()) -> int:
        """The exit code of so many URLs: 0 all well, 3 more failed than `fail_on` allows, 4 nothing
        done, 5 some were not asked for their hosts' sake."""
        if self.unasked:
            return STOPPED
        if self.total and not self.done:
            return NOTHING_DONE
        failed = self.states["failed"]
        is_much = is_exceeded(fail_on, failed, self.done + failed)
        return SOME_FAILED if is_much else 0

    def as_dict(self) -> dict[str, Any]:
        """The counts by name."""
        return {
            "urls": self.total,
            **{state: self.states[state] for state in STATES},
            "pages": self.kinds["page"],
            "images": self.kinds["image"],
            "files": self.kinds["file"],
            "failures": dict(self.failures.most_common()),
            "skips": dict(self.skips.most_common()),
            "flags": dict(self.flags.most_common()),
            "recipes": self.fills.as_dict(),
            "bytes": self.bytes,
            "unasked": self.unasked,
            "not_before": None
            if self.not_before is None
            else iso(self.not_before),
        }

    def resume(self, counts: Mapping[str, Any]) -> None:
        """Add the counts that `as_dict` has given."""
        for state in STATES:
            self.states[state] += counts.get(state, 0)
        for kind in ("page", "image", "file"):
            self.kinds[kind] += counts.get(f"{kind}s", 0)
        self.failures.update(counts.get("failures", {}))
        self.skips.update(counts.get("skips", {}))
        self.flags.update(counts.get("flags", {}))
        self.fills.add(Fills.of_dict(counts.get("recipes", {})))
        self.bytes += counts.get("bytes", 0)
        not_before = unix_of(counts.get("not_before"))
        self._add_unasked(counts.get("unasked", 0), not_before)

    def headline(self) -> str:
        """The counts in one line: 793 done · 4 failed · 397 pages · 396 images."""
        parts = [f"{self.states['done']:,} done"]
        for state in STATES[1:]:
            if self.states[state]:
                parts.append(f"{self.states[state]:,} {state}")
        for kind in ("page", "image", "file"):
            if self.kinds[kind]:
                parts.append(counted(self.kinds[kind], kind))
        return " · ".join(parts)

    def reasons(self, messages: Mapping[str, str] = _NO_MESSAGES) -> list[str]:
        """A line for what failed, one for what was skipped and one for what was flagged, most
        frequent reasons first.

        `messages` gives, of some of them, the one message that all share.
        """
        lines = []
        for name, labels in (
            ("failed", self.failures),
            ("skipped", self.skips),
            ("flagged", self.flags),
        ):
            if labels:
                lines.append(
                    f"{name}: " + " · ".join(_reason_parts(labels, messages))
                )
        if self.unasked and self.not_before is not None:
            from_when = clock_text(self.not_before)
            lines.append(
                f"unasked: {self.unasked:,} of the failed;"
                f" the same command asks them from {from_when} on"
            )
        return lines


def _reason_parts(
    labels: Counter[str], messages: Mapping[str, str]
) -> Iterator[str]:
    for label, number in labels.most_common(MAX_REASONS):
        message = f": {messages[label]}" if label in messages else ""
        yield f"{number:,} {label}{message}"
    if len(labels) > MAX_REASONS:
        yield counted(len(labels) - MAX_REASONS, "more kind")


class Report(Tally):
    """What a run came to: the counts of its pass, and in `totals` those of the whole folder.

    Exit code and summary speak of the folder: what failed in an earlier pass, has not come out
    well since and is still in a list counts.
    """

    number: int = 0
    lines: int = 0  # URLs read from the list
    repeated: int = 0  # of these, ones that the list had named before
    unmodified: int = 0  # of these, not asked because of their lastmod
    found: int = 0  # URLs that pages added
    requests: int = 0
    wire_bytes: int = 0
    seconds: float = 0.0
    timed_at: float | None = None  # up to when `seconds` counts, run's clock
    unfollowed_url: str | None = None  # a next page beyond --follow-limit
    # By label: the message of all its failures, None if they differ.
    messages: dict[str, str | None] = field(default_factory=dict)
    # By kind, the message of one of those failures; of this run.
    examples: dict[str, str] = field(default_factory=dict)
    duplicates: int = 0  # URLs whose body another one has brought before
    saved_bytes: int = 0  # of their files, that were not stored again
    unfilled_url: str | None = None  # a page that some field has nothing of
    stopped: str | None = None  # why the run ended before the pass did
    # Of the last outcome of each URL; known when the run has ended.
    totals: Tally | None = None
    # No URL had to be asked: the counts are those of the last pass.
    nothing_due: bool = False
    next_due: float | None = None  # if so, when something is; unix time
    unasked_hosts: int = 0  # if nothing is due but what may not be asked yet
    # Fields that were full in an earlier pass; known when the run has ended.
    dropped: list[Drop] = field(default_factory=list)
    fail_on: tuple[str, ...] = ()  # what makes it 3 else
    # By word, what of the pass changes.jsonl reports.
    changes: Counter[str] = field(default_factory=Counter)
    missing: Missing | None = None  # known when the list has ended

    def count(self, outcome: Outcome) -> None:
        """Add one outcome."""
        self.states[outcome.state] += 1
        self.flags.update(outcome.flags)
        if outcome.change is not None:
            self.changes[outcome.change.label] += 1
        if outcome.fill:
            self._count_fields(outcome)
        if outcome.saved is not None:
            self.duplicates += 1
            self.saved_bytes += outcome.saved
        fetched, failure = outcome.fetched, outcome.failure
        if failure is not None:
            if failure.label in WITH_EXAMPLES:
                # each is about another text: one stands for all
                self.examples.setdefault(failure.label, failure.message)
            self._reasons_for(outcome.state)[failure.label] += 1
            if (
                self.messages.setdefault(failure.label, failure.message)
                != failure.message
            ):
                self.messages[failure.label] = None
        if fetched is not None:
            self.bytes += fetched.bytes
            self.wire_bytes += fetched.wire_bytes
            if failure is None:
                self.kinds[fetched.kind] += 1
        if outcome.not_before is not None:
            self._add_unasked(1, outcome.not_before)

    def _count_fields(self, outcome: Outcome) -> None:
        self.fills.add_text(outcome.fill)
        if outcome.state == "failed":
            self.lost.add_text(outcome.fill)
        if self.unfilled_url is None and _UNFILLED in outcome.fill:
            self.unfilled_url = outcome.url

    @property
    def exit_code(self) -> int:
        """5 stopped by a limit or a local fault, or some unasked, 4 nothing done, 3 too many
        failed, or what `fail_on` names, 0 all done."""
        if self.stopped is not None:
            return STOPPED
        code = (self.totals or self).verdict(self.fail_on)
        return code or (SOME_FAILED if self._fails else 0)

    @property
    def _fails(self) -> bool:
        """Is there what `fail_on` names, or too much missing to be believed?"""
        if self.missing is not None and self.missing.is_much:
            return True
        if "fields" in self.fail_on and any(d.is_empty for d in self.dropped):
            return True
        if self.nothing_due:
            return False  # what the last pass has found, its exit code has said
        return any(self.changes[word] for word in self.fail_on)

    def as_dict(self) -> dict[str, Any]:
        """The counts of the pass, as the ledger and summary.json hold them."""
        return {
            "pass": self.number,
            # slots=True makes a second class, while super() looks for the first: named.
            **Tally.as_dict(self),
            "lines": self.lines,
            "repeated": self.repeated,
            "unmodified": self.unmodified,
            "found": self.found,
            "requests": self.requests,
            "wire_bytes": self.wire_bytes,
            "duplicates": self.duplicates,
            "saved_bytes": self.saved_bytes,
            "seconds": round(self.seconds, 3),
            "messages": {
                label: text and _shown_message(text)
                for label, text in self.messages.items()
            },
            "dropped": [asdict(each) for each in self.dropped],
            "changes": dict(self.changes),
            "missing": asdict(self.missing) if self.missing else None,
            "stopped": self.stopped,
        }

    def resume(self, counts: Mapping[str, Any]) -> None:
        """Go on from what an earlier run of the same pass has counted."""
        Tally.resume(self, counts)
        for name in _ADDED_UP:
            setattr(self, name, getattr(self, name) + counts.get(name, 0))
        self.messages.update(counts.get("messages", {}))
        self.changes.update(counts.get("changes", {}))
        self.dropped = drops_of(counts.get("dropped", ()))

    def take_time(self, now: float) -> None:
        """Count the time since this was called last; `now` is of the run's clock."""
        if self.timed_at is not None:
            self.seconds += now - self.timed_at
        self.timed_at = now

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """The summary: the folder's totals, the pass if it is not the first, the reasons, and what
        recipes came to."""
        totals = self.totals or self
        lines = [self._pass_line()]
        if self.number > 1 or self.nothing_due or totals.states != self.states:
            lines = [f"{totals.headline()} · {size_text(totals.bytes)}"]
            if not self.nothing_due:
                lines.append(f"pass {self.number}: {self._pass_line()}")
        shared = self._shared_messages(totals)
        lines += self._duplicate_lines() + totals.reasons(shared)
        lines += [
            f"  {label}, such as: {_shown_message(message)}"
            for label, message in self.examples.items()
            if label not in shared
            and totals.failures[label] + totals.skips[label]
        ]
        lines += self._change_lines()
        return "\n".join(lines + self._recipe_lines(totals))

    def _recipe_lines(self, totals: Tally) -> list[str]:
        return recipe_lines(
            totals.fills,
            self.fills,
            self.dropped,
            is_tried=self.kinds.total() > 0,
            lost=totals.lost,
        )

    def _change_lines(self) -> list[str]:
        """Of the first pass all is new, which is no news."""
        lines = []
        changes = counts_text(self.changes)
        if changes and self.number > 1 and not self.nothing_due:
            lines.append(f"changes: {changes}")
        if self.missing is not None and self.missing.is_much:
            lines.append(self.missing.text())
        return lines

    def _duplicate_lines(self) -> list[str]:
        if not self.duplicates:
            return []
        line = f"duplicates: {self.duplicates:,}"
        if self.saved_bytes:
            line += f", {size_text(self.saved_bytes)} saved"
        return [line]

    def _shared_messages(self, totals: Tally) -> dict[str, str]:
        """By label, the message that all failures of `totals` share, where it says more."""
        shared = {}
        for label, message in self.messages.items():
            mine = self.failures[label] + self.skips[label]
            all_of_them = totals.failures[label] + totals.skips[label]
            # One failure has a line of its own in errors.jsonl; but a user's function that fails
            # is what he wants to mend.
            if (
                message
                and mine == all_of_them
                and (mine > 1 or label == "function_failed")
            ):
                shared[label] = _shown_message(message)
        return {
            label: text
            for label, text in shared.items()
            if not label.startswith("http_")
        }

    def _pass_line(self) -> str:
        repeated = f" · {self.repeated:,} repeated" if self.repeated else ""
        size = f"{size_text(self.bytes)} in {_time_text(self.seconds)}"
        return f"{self.headline()}{repeated} · {size}"


def _shown_message(message: str) -> str:
    return printable(redacted(message))[:MAX_MESSAGE_CHARS]


def size_text(size: float) -> str:
    """Bytes as people write them: 18.3 MB.

    >>> size_text(18_300_000)
    '18.3 MB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("the last unit returns")


def _time_text(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return (
        f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
    )
