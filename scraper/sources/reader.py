"""The thread that reads the lists, in slices of lines.

A pipe may stay silent for an hour, so that the coordinator does not read itself. The thread is
never more than two slices ahead of it: a long list costs no memory.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from msgspec import Struct, field

from scraper.errors import UsageError
from scraper.messages import InputExhausted, LinesReady, Message
from scraper.model import Line
from scraper.sources.forms import LINES_EXAMINED, explain_other_form
from scraper.sources.source import Source
from scraper.sources.text import parse_line

SLICE = 1_000
STOP_SECONDS = 0.2  # for the thread that reads to notice that it is to stop
EXAMINE_SECONDS = 1.0  # after its first line, for which a pipe is examined before it is believed


class _Look(Struct):
    """The first lines of a pipe, kept back until it is clear that they are a list."""

    name: str
    clock: threading.Timer | None = None
    raw: list[bytes | str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)


class Reader(threading.Thread):
    """Reads all sources; posts `LinesReady` when lines are there, which `take` then gives.

    Lines of a file come in slices, the first of them short; lines of a pipe or of a script's
    generator come as soon as they are there, for the next ones may wait for their outcomes. Only
    the first lines of a pipe are looked at together: those that come within a second.
    """

    def __init__(self, sources: Iterable[tuple[int, Source]], post: Callable[[Message], None],
                 first: int = 64,) -> None:  # fmt: skip
        super().__init__(name="list-reader", daemon=True)
        self._sources = list(sources)
        self._post = post
        # The first request need not wait for a long slice, nor for one that finds no room.
        self._size = min(first, SLICE)
        self._room = threading.Condition()  # guards what follows
        self._lines: list[Line] = []
        self._look: _Look | None = None
        self._posted = False
        self._stopped = False
        self._ended = False

    def take(self) -> list[Line]:
        """The lines that have come."""
        with self._room:
            lines, self._lines = self._lines, []
            self._posted = False
            self._room.notify()
        return lines

    def stop(self) -> None:
        """Read no further; a thread that is not stuck in a read is gone after this."""
        with self._room:
            self._stopped = True
            self._room.notify()
        if self.is_alive():
            self.join(STOP_SECONDS)

    def run(self) -> None:
        error: BaseException | None = None
        try:
            self._read()
        except BaseException as raised:  # noqa: BLE001 - raised again by the coordinator
            error = raised
        self._end(error)

    def _read(self) -> None:
        for id, source in self._sources:
            look = self._look = _Look(source.name) if source.pipe else None
            for number, raw in enumerate(source.lines(), 1):
                if (
                    look is not None
                    and number <= LINES_EXAMINED
                    and isinstance(raw, bytes | str)
                ):
                    self._look_at(raw, look)
                line = parse_line(
                    raw,
                    id,
                    number,
                )
                if self._stopped:
                    return
                if line is not None:
                    self._add(line, source.live)
            if look is not None:
                self._believe(look)

    # -- the first lines of a pipe --------------------------------------------------------------

    def _look_at(
        self,
        raw: bytes | str,
        look: _Look,
    ) -> None:
        if look.clock is None:
            look.clock = threading.Timer(
                EXAMINE_SECONDS,
                self._believe,
                [look],
            )
            look.clock.daemon = True
            look.clock.start()
        look.raw.append(raw)
        if len(look.raw) == LINES_EXAMINED:
            self._believe(look)

    def _believe(self, look: _Look) -> None:
        """Enough was seen: go on with these lines, or refuse them. Once, on whichever thread."""
        with self._room:
            if self._look is not look:
                return
            refusal = explain_other_form(look.raw, look.name)
            self._look = None
            self._stopped |= refusal is not None
            self._room.notify()
            if refusal is None:
                self._lines += look.lines
        if look.clock is not None:
            look.clock.cancel()
        if refusal is None:
            self._offer(1)
        else:
            self._end(UsageError(refusal))

    def _end(self, error: BaseException | None) -> None:
        """Post the end, once: the thread may hang in a pipe that was refused."""
        with self._room:
            if self._ended:
                return
            self._ended = True
        self._offer(1)
        self._post(InputExhausted(error))

    # -- what is handed over ------------------------------------------------------------------

    def _add(
        self,
        line: Line,
        live: bool,
    ) -> None:
        with self._room:
            while len(self._lines) >= 2 * SLICE and not self._stopped:
                self._room.wait()
            if self._look is not None:
                self._look.lines.append(line)
                return
            self._lines.append(line)
        if self._offer(1 if live else self._size):
            self._size = SLICE

    def _offer(self, least: int) -> bool:
        """Say that lines are there, unless that was said already; True if it was said now."""
        with self._room:
            if self._posted or len(self._lines) < least:
                return False
            self._posted = True
        self._post(LinesReady())
        return True
