"""How long each frame of a moving picture is shown, and how often all of them."""

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from PIL import Image

FOREVER: Final = 0

# Browsers show a frame with a shorter delay for this long: it says "as fast as you can".
_SHORTEST_MS: Final = 11
_INSTEAD_MS: Final = 100


class Timeline(NamedTuple):
    """When the frames of a moving picture are shown."""

    durations: tuple[int, ...]
    """Of each frame, in milliseconds, as browsers show it."""
    loop: int = FOREVER
    """How often all of it is shown; 0: forever."""
    is_whole: bool = True
    """Whether the file holds all that it begins."""
    lost: int = 0
    """How many frames at its end are not there whole."""
    may_clear: bool = False
    """Whether a frame may make transparent what another one has drawn."""

    @property
    def frames(self) -> int:
        return len(self.durations)

    @property
    def duration_ms(self) -> int:
        return sum(self.durations)

    def without_lost(self) -> "Timeline | None":
        """The same of the frames that are there; None if one is left."""
        left = self.frames - self.lost
        if left < 2:
            return None
        return self._replace(
            durations=self.durations[:left], is_whole=True, lost=0
        )


class Disposal(IntEnum):
    """What becomes of a frame's place on the canvas before the next one is drawn."""

    KEEP = 0
    CLEAR = 1
    RESTORE = 2


class Drawing(NamedTuple):
    """A frame as it stands in the file, decoded."""

    picture: Image.Image
    left: int
    top: int
    disposal: Disposal
    blends: bool = True
    """Is it laid over the canvas? Otherwise it takes the canvas's place, transparency included."""


def as_shown(delays: Iterable[float]) -> tuple[int, ...]:
    """The milliseconds that browsers show, whole ones; what rounding leaves is carried over."""
    durations = []
    begin = 0.0
    for delay in delays:
        end = begin + (delay if delay >= _SHORTEST_MS else _INSTEAD_MS)
        durations.append(round(end) - round(begin))
        begin = end
    return tuple(durations)
