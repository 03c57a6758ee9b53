"""The chunks of an animated PNG (W3C PNG, Third Edition), read and written."""

import struct
import zlib
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Final, NamedTuple

from PIL import Image, ImageChops

from processors.image import colours, samples
from processors.image.moving.timeline import (
    Disposal,
    Drawing,
    Timeline,
    as_shown,
)

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_CONTROL: Final = ">4I2H2B"
_SEQUENCE_BYTES: Final = 4
# What each frame needs beside its pixels.
_SHARED: Final = (b"PLTE", b"tRNS")
_COLOUR_TYPE: Final = 9
_ALPHA: Final = 4
_MILLISECOND: Final = 1_000
_HUNDREDTH: Final = 100
_MOST_TICKS: Final = 65_535


# -- reading ----------------------------------------------------------------------------------


class Chunk(NamedTuple):
    name: bytes
    begin: int
    """Of its content."""
    end: int


class Control(NamedTuple):
    """Where a frame is shown, for how long, and what of it stays."""

    width: int
    height: int
    left: int
    top: int
    numerator: int
    denominator: int
    disposal: int
    blend: int

    @property
    def delay_ms(self) -> float:
        return 1_000 * self.numerator / (self.denominator or _HUNDREDTH)


def chunks(body: bytes) -> Iterator[Chunk]:
    """The chunks that are there whole."""
    position = len(_SIGNATURE)
    while position + 8 <= len(body):
        length, name = struct.unpack_from(
            ">I4s",
            body,
            position,
        )
        begin, end = position + 8, position + 8 + length
        if end > len(body):
            return
        yield Chunk(
            name,
            begin,
            end,
        )
        position = end + 4


def timeline(body: bytes) -> Timeline | None:
    """When its frames are shown; None if it does not move."""
    controls: list[Control] = []
    named: dict[bytes, Chunk] = {}
    for chunk in chunks(body):
        name = chunk.name
        if name == b"IDAT" and b"acTL" not in named:
            # That a picture moves is said before its pixels.
            return None
        if name == b"fcTL":
            controls.append(_control(body, chunk))
        named.setdefault(name, chunk)
    if b"acTL" not in named:
        return None
    frames, loop = struct.unpack_from(
        ">2I",
        body,
        named[b"acTL"].begin,
    )
    del controls[frames:]
    if len(controls) < 2 and not _has_poster(controls, list(named)):
        return None
    kind = body[named[b"IHDR"].begin + _COLOUR_TYPE]
    return Timeline(
        as_shown(control.delay_ms for control in controls),
        loop,
        is_whole=b"IEND" in named,
        lost=int(b"IEND" not in named),
        may_clear=_may_clear(controls, bool(kind & _ALPHA) or b"tRNS" in named),
    )


def _has_poster(controls: list[Control], names: list[bytes]) -> bool:
    """Does it begin with a picture for those who show no animations?"""
    return bool(controls) and b"IDAT" in names[: names.index(b"fcTL")]


def drawings(body: bytes) -> Iterator[Drawing]:
    """What is drawn, frame by frame."""
    header, shared, control = b"", b"", None
    pieces: list[bytes] = []
    for chunk in chunks(body):
        name, begin, end = chunk
        if name == b"IHDR":
            header = body[begin:end]
        elif name in _SHARED:
            shared += body[begin - 8 : end + 4]
        elif name == b"IDAT":
            pieces.append(body[begin:end])
        elif name == b"fdAT":
            pieces.append(body[begin + _SEQUENCE_BYTES : end])
        elif name in (b"fcTL", b"IEND"):
            if control is not None:
                yield _drawing(
                    control,
                    header,
                    shared,
                    pieces,
                )
            pieces = []
        if name == b"fcTL":
            control = _control(body, chunk)


def _control(body: bytes, chunk: Chunk) -> Control:
    return Control(
        *struct.unpack_from(
            _CONTROL,
            body,
            chunk.begin + _SEQUENCE_BYTES,
        )
    )


def _may_clear(controls: list[Control], has_alpha: bool) -> bool:
    return controls[0].disposal == Disposal.RESTORE or any(
        control.disposal == Disposal.CLEAR or (has_alpha and not control.blend)
        for control in controls
    )


def _drawing(
    control: Control, header: bytes, shared: bytes, pieces: list[bytes]
) -> Drawing:
    """By way of a PNG of that frame alone."""
    width, height = struct.unpack_from(">2I", header)
    if (
        control.left + control.width > width
        or control.top + control.height > height
    ):
        raise ValueError("a frame lies outside of its picture")
    size = struct.pack(
        ">2I",
        control.width,
        control.height,
    )
    pieces = [
        _SIGNATURE,
        _chunk(b"IHDR", size + header[len(size) :]),
        shared,
        _chunk(b"IDAT", b"".join(pieces)),
        _chunk(b"IEND"),
    ]
    alone = b"".join(pieces)
    with Image.open(BytesIO(alone), formats=("PNG",)) as image:
        plain = colours.to_plain_mode(samples.load(image, alone))
        picture = plain.convert("RGBA")
    return Drawing(
        picture,
        control.left,
        control.top,
        Disposal(control.disposal),
        bool(control.blend),
    )


# -- writing ----------------------------------------------------------------------------------


def write(
    frames: Iterable[Image.Image], durations: tuple[int, ...], loop: int
) -> Iterator[bytes]:
    """The pieces of an animated PNG. Of a frame only the part that differs from the one before
    is written."""
    shown: Image.Image | None = None
    number = 0
    for frame, duration in zip(
        frames,
        durations,
        strict=True,
    ):
        box: tuple[int, int, int, int] | None = (0, 0, *frame.size)
        if shown is not None:
            difference = ImageChops.difference(shown, frame)
            box = difference.getbbox(alpha_only=False)
        part = frame.crop(box or (0, 0, 1, 1))
        encoded = _encode(part)
        if shown is None:
            yield _SIGNATURE
            yield _chunk(b"IHDR", encoded[b"IHDR"])
            yield _chunk(
                b"acTL",
                struct.pack(
                    ">2I",
                    len(durations),
                    loop,
                ),
            )
        left, top = box[:2] if box else (0, 0)
        control = Control(
            *part.size,
            left,
            top,
            *_ticks(duration),
            0,
            0,
        )
        numbered = struct.pack(">I", number)
        yield _chunk(b"fcTL", numbered + struct.pack(_CONTROL, *control))
        number += 1
        if shown is None:
            yield _chunk(b"IDAT", encoded[b"IDAT"])
        else:
            numbered = struct.pack(">I", number)
            yield _chunk(b"fdAT", numbered + encoded[b"IDAT"])
            number += 1
        shown = frame
    yield _chunk(b"IEND")


def _encode(picture: Image.Image) -> dict[bytes, bytes]:
    """What the encoder of stills makes of it: the content of its chunks, by their names."""
    written = BytesIO()
    picture.save(written, "PNG")
    body = written.getvalue()
    found: dict[bytes, bytes] = {}
    for name, begin, end in chunks(body):
        found[name] = found.get(name, b"") + body[begin:end]
    return found


def _ticks(milliseconds: int) -> tuple[int, int]:
    """As a fraction of seconds."""
    for ticks in (_MILLISECOND, _HUNDREDTH):
        count = milliseconds * ticks // _MILLISECOND
        if count <= _MOST_TICKS:
            return count, ticks
    return min(_MOST_TICKS, milliseconds // _MILLISECOND), 1


def _chunk(name: bytes, content: bytes = b"") -> bytes:
    named = name + content
    length, check = len(content), zlib.crc32(named)
    return struct.pack(">I", length) + named + struct.pack(">I", check)
