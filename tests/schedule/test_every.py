"""The schedule with a clock, a wait and beats that are played."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import pytest

from scraper.cli.arguments import build_parser
from scraper.config import configure
from scraper.schedule.every import Schedule, without_every
from scraper.schedule.process import Beats
from scraper.schedule.waiting import Waker, schedule_clock

HOUR = 3_600.0


class Played:
    """Beats that take hours of a clock and end as they are told; after them comes a SIGTERM."""

    def __init__(
        self, *ends: tuple[float, int | OSError], sleeps_at: int = -1
    ) -> None:
        self.now = 1_000.0
        self.signal: int | None = None
        self.commands: list[list[str]] = []
        self.began: list[float] = []
        self._ends = list(ends)
        self._waits = 0
        self._sleeps_at = sleeps_at

    def clock(self) -> float:
        return self.now

    def wait_until(self, at: float, clock: Callable[[], float]) -> bool:
        assert at >= self.now
        self.now = at
        if self._waits == self._sleeps_at:
            self.now += 30 * HOUR
        self._waits += 1
        if not self._ends:
            self.signal = 15
        return self.signal is None

    def run(self, arguments: Sequence[str]) -> int:
        self.commands.append(list(arguments))
        self.began.append(self.now)
        hours, end = self._ends.pop(0)
        self.now += hours * HOUR
        if isinstance(end, OSError):
            raise end
        return end


def keep(played: Played, *words: str) -> int:
    arguments = build_parser().parse_args(words)
    schedule = Schedule(
        arguments,
        without_every(words),
        cast("Beats", played),
        configure(),
        played.clock,
    )
    return schedule.keep(6 * HOUR, cast("Waker", played))


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)


def test_beats_go_on_whatever_becomes_of_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ends: list[tuple[float, int | OSError]] = [
        (0.1, 0),
        (0.1, 3),
        (0.1, -9),
        (0.1, OSError(11, "Resource temporarily unavailable")),
        (0.1, 1),
        (0.1, 2),
        (0.1, 6),
        (0.1, 0),
    ]
    played = Played(*ends)
    assert keep(played, "urls.txt", "--every", "6h") == 143
    assert len(played.commands) == len(ends)
    gaps = [b - a for a, b in zip(played.began, played.began[1:], strict=False)]
    assert all(5.4 * HOUR <= gap <= 6.6 * HOUR for gap in gaps)
    said = capsys.readouterr().err
    assert "the run was ended by SIGKILL; the next beat goes on with it" in said
    assert "a beat could not be started: Resource temporarily" in said
    assert said.count("next at ") == len(ends)


def test_a_command_that_is_wrong_from_the_first_ends_it() -> None:
    played = Played((0.1, 2), (0.1, 0))
    assert keep(played, "nothing.txt", "--every", "6h") == 2
    assert len(played.commands) == 1


def test_a_pass_that_takes_longer_has_the_next_beat_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    played = Played((13.0, 0), (0.1, 0))
    keep(played, "urls.txt", "--every", "6h")
    assert played.began[1] - played.began[0] == pytest.approx(
        18 * HOUR, abs=0.4 * HOUR
    )
    said = capsys.readouterr().err
    assert "2 beats skipped: what was under way took 13 h\n" in said


def test_a_beat_that_was_slept_over_is_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    played = Played((0.1, 0), (0.1, 0), sleeps_at=1)
    keep(played, "urls.txt", "--every", "6h")
    assert len(played.began) == 2, "not one for each that was missed"
    assert "a beat is skipped: the machine has slept" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "ends_with"),
    [
        (["urls.txt"], "--refresh"),
        (["urls.txt", "--max-age", "7d"], "7d"),
        (["urls.txt", "--retry"], "--retry"),
        (["urls.txt", "-N"], "-N"),
    ],
)
def test_a_beat_is_a_refresh_unless_its_flags_say_otherwise(
    words: list[str], ends_with: str
) -> None:
    played = Played((0.1, 0))
    keep(played, "--every=6h", *words)
    assert played.commands[0][-1] == ends_with
    assert played.commands[0][: len(words)] == words


def test_the_configuration_is_read_again_at_each_beat(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toml = tmp_path / "scraper.toml"
    contents = ['[run]\nmax_age = "7d"', "[run]\nmax_age = 7w", "", None]

    class Edited(Played):
        def wait_until(self, at: float, clock: Callable[[], float]) -> bool:
            text = contents.pop(0)
            toml.unlink(missing_ok=True)
            if text is not None:
                toml.write_text(text)
            return super().wait_until(at, clock)

    played = Edited((0.1, 0), (0.1, 0), (0.1, 0))
    contents.append(None)
    keep(played, "urls.txt", "--every", "6h")
    refreshed = [each[-1] == "--refresh" for each in played.commands]
    assert refreshed == [False, True, True], "the second is broken, and skipped"
    said = capsys.readouterr().err
    assert said.count("error: scraper.toml is not TOML") == 1


def test_the_words_of_a_beat_are_those_of_the_schedule() -> None:
    words = ["a", "--every", "6h", "-H", "x: y", "--every=5s", "--quiet"]
    assert without_every(words) == ["a", "-H", "x: y", "--quiet"]


def test_the_clock_is_not_that_of_the_wall(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = schedule_clock()
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert before <= schedule_clock() < before + 60
