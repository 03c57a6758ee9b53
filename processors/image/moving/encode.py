"""Frames to the bytes of a file that moves, one after the other."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final

from PIL import Image

from processors.image import colours
from processors.image.moving import apng, avif, gif
from processors.image.moving.timeline import Timeline

_MOST_TIMES: Final = 65_535
_LONGEST_MS: Final = 2**24 - 1
# Of WebP, as of stills; Pillow's own for films is 0. With no further key frames ("minimize_size")
# a film of a screen has a fifth of the bytes, in the same time.
_EFFORT: Final = 2


def encode_frames(
    frames: Iterator[Image.Image],
    timeline: Timeline,
    format: str,
    options: dict[str, Any],
) -> bytes:
    """The frames as one file; `options` are those of the encoder of stills."""
    durations, loop = timeline.durations, timeline.loop
    if format == "gif":
        return b"".join(
            gif.write(
                frames,
                durations,
                loop,
            )
        )
    if format == "png":
        return b"".join(
            apng.write(
                frames,
                durations,
                loop,
            )
        )
    plain = (
        frame.convert("RGBA" if colours.has_alpha(frame) else "RGB")
        for frame in frames
    )
    film, written = _Film(plain, len(durations)), BytesIO()
    film.save(
        written,
        format,
        save_all=True,
        duration=[min(duration, _LONGEST_MS) for duration in durations],
        loop=min(loop, _MOST_TIMES),
        minimize_size=True,
        method=_EFFORT,
        **options,
    )
    if format == "avif":
        return avif.shown_times(written.getvalue(), loop)
    return written.getvalue()


class _Film(Image.Image):
    """A picture that makes each frame when its encoder seeks it, and forgets the one before."""

    def __init__(self, frames: Iterator[Image.Image], count: int) -> None:
        super().__init__()
        self.n_frames = count
        self.is_animated = True
        self._frames = frames
        self._position = -1
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError("there is no such frame")
        # Encoders go back to the frame from which they began, once they are done.
        if frame == self._position + 1:
            picture = next(self._frames)
            self.im = picture.im
            self._mode, self._size = picture.mode, picture.size
            self._position = frame

    def tell(self) -> int:
        return self._position
