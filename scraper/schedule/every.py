"""The schedule: which beats there are, and what is said of them."""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence

from scraper.cli.arguments import configuration_of
from scraper.cli.terminal import complain, say
from scraper.config import Config
from scraper.config.values import seconds_of
from scraper.errors import ScraperError, UsageError
from scraper.schedule.beats import Beat, Grid
from scraper.schedule.process import Beats, name_of_end
from scraper.schedule.waiting import Waker, schedule_clock
from scraper.text import clock_text, counted, duration

_FLAG = "--every"
_USAGE = 2  # the exit code of a command that cannot be followed
_ASKING_AGAIN = ("retry", "refresh", "max_age")


def keep_running(
    arguments: argparse.Namespace, words: Sequence[str], config: Config
) -> int:
    """Run the command of these words beat by beat, until a signal comes; returns the exit code."""
    interval = _interval_of(arguments)
    with Waker() as waker:
        beats = Beats(waker)
        schedule = Schedule(arguments, without_every(words), beats, config)
        return schedule.keep(interval, waker)


def without_every(words: Sequence[str]) -> list[str]:
    """The words of a command line without its interval.

    >>> without_every(["urls.txt", "--every", "6h", "-q", "--every=1h"])
    ['urls.txt', '-q']
    """
    left = []
    rest = iter(words)
    for word in rest:
        if word == _FLAG:
            next(rest, None)
        elif not word.startswith(f"{_FLAG}="):
            left.append(word)
    return left


def _interval_of(arguments: argparse.Namespace) -> float:
    seconds = seconds_of(_FLAG, arguments.every)
    if not seconds:
        raise UsageError(f"{_FLAG} {arguments.every}: give a time such as 6h")
    if "demo" in arguments:
        raise UsageError(f"{_FLAG} and --demo exclude each other")
    if "-" in arguments.inputs:
        raise UsageError(
            f"{_FLAG} reads the list again each time, which standard input cannot be: name a file"
        )
    return seconds


class Schedule:
    """The configuration is that of the last beat which had one."""

    def __init__(
        self,
        arguments: argparse.Namespace,
        words: Sequence[str],
        beats: Beats,
        config: Config,
        clock: Callable[[], float] = schedule_clock,
    ) -> None:
        self._arguments = arguments
        self._words = words
        self._beats = beats
        self._config = config
        self._clock = clock

    def keep(self, interval: float, waker: Waker) -> int:
        grid = Grid(self._clock(), interval)
        beat = Beat(0, grid.first)
        while waker.wait_until(beat.at, self._clock):
            if grid.is_late(beat, self._clock()):
                self._say("a beat is skipped: the machine has slept")
            elif self._run_beat() == _USAGE and beat.number == 0:
                return _USAGE  # nothing has ever gone well with it
            if waker.signal is None:
                beat = self._next_beat(grid, beat)
        assert waker.signal is not None
        return 128 + waker.signal

    def _next_beat(self, grid: Grid, beat: Beat) -> Beat:
        now = self._clock()
        following = grid.next_after(beat.number, now, random.random)
        if following.left_out:
            skipped = counted(following.left_out, "beat")
            self._say(
                f"{skipped} skipped: what was under way took"
                f" {duration(now - beat.at)}"
            )
        from_when = clock_text(time.time() + following.at - now)
        self._say(f"next at {from_when} (every {duration(grid.interval)})")
        return following

    def _run_beat(self) -> int | None:
        """The exit code; None if it could not be begun."""
        try:
            self._config, _ = configuration_of(self._arguments)
            code = self._beats.run([*self._words, *self._refresh()])
        except ScraperError as error:
            complain(error)
            return error.exit_code
        except OSError as error:
            say(f"a beat could not be started: {error.strerror}")
            return None
        if name := name_of_end(code):
            say(f"the run was ended by {name}; the next beat goes on with it")
        return code

    def _refresh(self) -> list[str]:
        """A beat asks all again, or what its flags and its configuration leave of that."""
        says_itself = any(each in self._arguments for each in _ASKING_AGAIN)
        ages = [self._config.run.max_age]
        ages += [each.max_age for each in self._config.recipe]
        return [] if says_itself or any(ages) else ["--refresh"]

    def _say(self, text: str) -> None:
        if not self._config.output.quiet:
            say(text)
