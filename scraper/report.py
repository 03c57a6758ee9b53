"""What a pass came to: counts that add up over resumes and shards, as text and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from scraper.model import Outcome

NOTHING_DONE, SOME_FAILED, STOPPED = 4, 3, 5


@dataclass(slots=True)
class Report:
    """Counts of one pass. `exit_code` follows them: README, "Exit codes"."""

    number: int = 0
    states: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)  # page, image, file; of those done
    failures: Counter[str] = field(default_factory=Counter)  # by label, e.g. http_404
    skips: Counter[str] = field(default_factory=Counter)
    lines: int = 0  # URLs read from the list
    repeated: int = 0  # of these, ones that the list had named before
    found: int = 0  # URLs that pages added
    requests: int = 0
    bytes: int = 0
    wire_bytes: int = 0
    seconds: float = 0.0
    stopped: str | None = None  # why the run ended before the pass did

    def count(self, outcome: Outcome) -> None:
        """Add one outcome."""
        self.states[outcome.state] += 1
        fetched, failure = outcome.fetched, outcome.failure
        if failure is not None:
            (self.skips if outcome.state == "skipped" else self.failures)[failure.label] += 1
        if fetched is not None:
            self.bytes += fetched.bytes
            self.wire_bytes += fetched.wire_bytes
            if failure is None:
                self.kinds[fetched.kind] += 1

    @property
    def total(self) -> int:
        """URLs with an outcome."""
        return sum(self.states.values())

    @property
    def done(self) -> int:
        """URLs that came out well."""
        return self.states["done"] + self.states["unchanged"]

    @property
    def exit_code(self) -> int:
        """0 all done, 3 some failed, 4 nothing done, 5 stopped by a limit or a local fault."""
        if self.stopped is not None:
            return STOPPED
        if not self.states["failed"]:
            return 0
        return SOME_FAILED if self.done else NOTHING_DONE

    def as_dict(self) -> dict[str, Any]:
        """What summary.json holds, but for the run's own facts."""
        return {
            "pass": self.number,
            "urls": self.total,
            **{state: self.states[state] for state in ("done", "unchanged", "failed", "skipped")},
            "pages": self.kinds["page"],
            "images": self.kinds["image"],
            "files": self.kinds["file"],
            "failures": dict(self.failures.most_common()),
            "skips": dict(self.skips.most_common()),
            "lines": self.lines,
            "repeated": self.repeated,
            "found": self.found,
            "requests": self.requests,
            "bytes": self.bytes,
            "wire_bytes": self.wire_bytes,
            "seconds": round(self.seconds, 3),
            "stopped": self.stopped,
        }

    def resume(self, counts: dict[str, Any]) -> None:
        """Go on from what an earlier run of the same pass has counted."""
        for state in ("done", "unchanged", "failed", "skipped"):
            self.states[state] += counts.get(state, 0)
        for kind in ("page", "image", "file"):
            self.kinds[kind] += counts.get(f"{kind}s", 0)
        self.failures.update(counts.get("failures", {}))
        self.skips.update(counts.get("skips", {}))
        for name in ("found", "requests", "bytes", "wire_bytes", "seconds"):
            setattr(self, name, getattr(self, name) + counts.get(name, 0))

    def text(self) -> str:
        """The summary in one line, and one more if something failed or was skipped."""
        parts = [f"{self.states['done']:,} done"]
        parts += [
            f"{self.states[state]:,} {state}"
            for state in ("unchanged", "failed", "skipped")
            if self.states[state]
        ]
        parts += [
            f"{self.kinds[kind]:,} {kind if self.kinds[kind] == 1 else kind + 's'}"
            for kind in ("page", "image", "file")
            if self.kinds[kind]
        ]
        if self.repeated:
            parts.append(f"{self.repeated:,} repeated")
        lines = [" · ".join(parts) + f" · {size_text(self.bytes)} in {_time_text(self.seconds)}"]
        for name, counted in (("failed", self.failures), ("skipped", self.skips)):
            if counted:
                shown = [f"{n:,} {label}" for label, n in counted.most_common(6)]
                if len(counted) > 6:
                    shown.append(f"{len(counted) - 6} more kinds")
                lines.append(f"{name}: " + " · ".join(shown))
        return "\n".join(lines)


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
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
