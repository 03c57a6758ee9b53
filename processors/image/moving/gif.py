"""The blocks of a GIF (GIF89a), read as browsers read them, and written."""

import struct
from collections.abc import Iterable, Iterator
from functools import reduce
from io import BytesIO
from typing import Any, Final, NamedTuple

from PIL import Image, ImageChops

from processors.image.moving.timeline import (
    FOREVER,
    Disposal,
    Drawing,
    Timeline,
    as_shown,
)

IMAGE: Final = 0x2C
CONTROL: Final = 0xF9
APPLICATION: Final = 0xFF
_EXTENSION: Final = 0x21
_HEADER_BYTES: Final = 13
_LOOPS: Final = (b"\x0bNETSCAPE2.0\x03\x01", b"\x0bANIMEXTS1.0\x03\x01")
_DISPOSALS: Final = {2: Disposal.CLEAR, 3: Disposal.RESTORE}
_FLAGS_OF: Final = {
    Disposal.KEEP: 1 << 2,
    Disposal.CLEAR: 2 << 2,
    Disposal.RESTORE: 3 << 2,
}
_MOST_COLOURS: Final = 256
_MOST_REPETITIONS: Final = 65_535
# Less counts as 10.
_SHORTEST_CS: Final = 2
_LONGEST_CS: Final = 65_535
_HALF: Final = 128


# -- reading ----------------------------------------------------------------------------------


class Block(NamedTuple):
    """An image, or an extension, by its label."""

    label: int
    begin: int
    content: int
    """Where its sub-blocks begin."""
    end: int
    """Beyond the end of the file if it is cut short."""


class RawFrame(NamedTuple):
    """An image with the control block that stands before it."""

    left: int
    top: int
    width: int
    height: int
    is_interlaced: bool
    palette: bytes
    data: bytes
    """The size of the first code, and the sub-blocks."""
    delay_cs: int
    disposal: Disposal
    transparent: int | None


def blocks(body: bytes) -> Iterator[Block]:
    """The blocks up to the trailer, or up to what is none, where browsers stop too."""
    position = end_of_header(body)
    while position < len(body):
        label = body[position]
        if label not in (_EXTENSION, IMAGE):
            return
        block = _block_at(body, position)
        yield block
        position = block.end


def end_of_header(body: bytes) -> int:
    """Where the screen descriptor ends, with the global table of colours."""
    if len(body) < _HEADER_BYTES:
        return len(body)
    return _HEADER_BYTES + _table_bytes(body[10])


def loops(body: bytes, block: Block) -> bool:
    """Is it the extension that says how often the animation is repeated?"""
    return block.label == APPLICATION and body.startswith(_LOOPS, block.content)


def timeline(body: bytes) -> Timeline | None:
    """When its frames are shown; None if there is but one."""
    delays: list[int] = []
    loop, delay, is_whole, lost = 1, 0, True, 0
    disposals = set()
    for block in blocks(body):
        # An image may be the last there is; what only describes one is not.
        is_whole = block.end < len(body) + (block.label == IMAGE)
        if block.label == CONTROL and is_whole:
            flags, delay, _ = _control(body, block)
            disposals.add((bool(delays), _disposal(flags)))
        elif block.label == IMAGE:
            delays.append(10 * delay)
            delay = 0
            lost = not is_whole
        elif is_whole and loops(body, block):
            loop = _times_shown(body, block)
    if len(delays) < 2:
        return None
    may_clear = (False, Disposal.RESTORE) in disposals or any(
        disposal is Disposal.CLEAR for _, disposal in disposals
    )
    return Timeline(
        as_shown(delays),
        loop,
        is_whole=is_whole,
        lost=int(lost),
        may_clear=may_clear,
    )


def drawings(body: bytes) -> Iterator[Drawing]:
    """What is drawn, frame by frame."""
    for frame in raw_frames(body):
        yield Drawing(
            _decode(frame),
            frame.left,
            frame.top,
            frame.disposal,
        )


def raw_frames(body: bytes) -> Iterator[RawFrame]:
    table = body[_HEADER_BYTES : end_of_header(body)]
    nothing = flags, delay, transparent = 0, 0, 0
    for block in blocks(body):
        if block.end > len(body):
            return
        if block.label == CONTROL:
            flags, delay, transparent = _control(body, block)
        elif block.label == IMAGE:
            left, top, width, height, kind = struct.unpack_from(
                "<4HB", body, block.begin + 1
            )
            colours = body[block.begin + 10 : block.content - 1]
            yield RawFrame(
                left,
                top,
                width,
                height,
                bool(kind & 0x40),
                colours or table,
                body[block.content - 1 : block.end],
                delay,
                _disposal(flags),
                transparent if flags & 1 else None,
            )
            flags, delay, transparent = nothing


def _block_at(body: bytes, position: int) -> Block:
    label, end = body[position], len(body) + 1
    content = position + 2
    try:
        if label == IMAGE:
            content = position + 11 + _table_bytes(body[position + 9])
        else:
            label = body[position + 1]
        end = content
        while size := body[end]:
            end += size + 1
        return Block(
            label,
            position,
            content,
            end + 1,
        )
    except IndexError:
        return Block(
            label,
            position,
            content,
            len(body) + 1,
        )


def _table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _control(body: bytes, block: Block) -> tuple[int, int, int]:
    """Flags, delay in hundredths of a second, the transparent colour."""
    if body[block.content] < 4:
        return 0, 0, 0
    flags, delay, transparent = struct.unpack_from(
        "<BHB", body, block.content + 1
    )
    return flags, delay, transparent


def _disposal(flags: int) -> Disposal:
    return _DISPOSALS.get(flags >> 2 & 7, Disposal.KEEP)


def _times_shown(body: bytes, block: Block) -> int:
    """It names the repetitions, and browsers show the animation once before them."""
    (repetitions,) = struct.unpack_from(
        "<H",
        body,
        block.content + 14,
    )
    return repetitions + 1 if repetitions else FOREVER


def _decode(frame: RawFrame) -> Image.Image:
    """By way of a GIF of that frame alone."""
    size = frame.width, frame.height
    if 0 in size:
        return Image.new("RGBA", size)
    alone = frame._replace(
        left=0,
        top=0,
        disposal=Disposal.KEEP,
    )
    body = b"".join((_header(size, loop=1), *_blocks_of(alone), b";"))
    with Image.open(BytesIO(body), formats=("GIF",)) as image:
        return image.convert("RGBA")


# -- writing ----------------------------------------------------------------------------------


def quantize(picture: Image.Image) -> Image.Image:
    """The picture with a palette; what is more than half transparent is wholly so."""
    plain = _without_half_tones(picture)
    opaque = plain.getchannel("A")
    colours = plain.convert("RGB")
    has_clear = opaque.getextrema() != (255, 255)
    most = _MOST_COLOURS - has_clear
    if has_clear:
        # Below what is clear lies one of the other colours, not one more.
        seen: Any = plain.getcolors(_MOST_COLOURS) or []
        colour = next((each for _, each in seen if each[3]), (0, 0, 0, 0))
        colours.paste(colour[:3], mask=ImageChops.invert(opaque))
    reduced = colours.quantize(most, Image.Quantize.MEDIANCUT)
    if colours.getcolors(most) is None:
        reduced = colours.quantize(
            palette=reduced, dither=Image.Dither.FLOYDSTEINBERG
        )
    reduced.info = {}
    if has_clear:
        reduced.paste(most, mask=ImageChops.invert(opaque))
        reduced.info["transparency"] = most
    return reduced


def encode(picture: Image.Image) -> bytes:
    """A GIF of one picture with a palette."""
    written = BytesIO()
    clear = picture.info.get("transparency")
    options = {} if clear is None else {"transparency": clear}
    picture.save(
        written,
        "GIF",
        interlace=False,
        **options,
    )
    return written.getvalue()


def write(
    frames: Iterable[Image.Image], durations: Iterable[int], loop: int
) -> Iterator[bytes]:
    """The pieces of a GIF. Of a frame only the pixels that differ from the last one are drawn."""
    waiting = b""
    shown, last_delay = Image.new("RGBA", (1, 1)), 0
    delays = _hundredths(durations)
    for frame, delay in zip(frames, delays, strict=True):
        picture = _without_half_tones(frame)
        drawn = picture
        if not waiting:
            yield _header(picture.size, loop)
        elif _uncovers(shown, picture):
            # What lies below shows again once all that is shown has been cleared away.
            yield _frame(
                shown,
                last_delay,
                Disposal.CLEAR,
            )
        else:
            yield waiting
            drawn = _but_for_what_is_shown(picture, shown)
        waiting = _frame(
            drawn,
            delay,
            Disposal.KEEP,
        )
        shown, last_delay = picture, delay
    yield waiting
    yield b";"


def _without_half_tones(picture: Image.Image) -> Image.Image:
    """As RGBA, each pixel opaque, or transparent and black."""
    plain = picture.convert("RGBA")
    opaque = plain.getchannel("A").point([0] * _HALF + [255] * _HALF)
    plain.putalpha(opaque)
    clear = Image.new("RGBA", plain.size)
    return Image.composite(
        plain,
        clear,
        opaque,
    )


def _but_for_what_is_shown(
    picture: Image.Image,
    shown: Image.Image,
) -> Image.Image:
    difference = ImageChops.difference(picture, shown)
    differs = reduce(ImageChops.lighter, difference.split())
    clear = Image.new("RGBA", picture.size)
    return Image.composite(
        picture,
        clear,
        differs.point([0] + [255] * 255),
    )


def _uncovers(shown: Image.Image, picture: Image.Image) -> bool:
    """Is a pixel transparent that was not?"""
    uncovered = ImageChops.subtract(
        shown.getchannel("A"), picture.getchannel("A")
    )
    return uncovered.getbbox() is not None


def _hundredths(durations: Iterable[int]) -> Iterator[int]:
    """In hundredths of a second; what rounding leaves is carried over, so that all keep step."""
    late = 0
    for duration in durations:
        delay = max(_SHORTEST_CS, min(_LONGEST_CS, (duration + late + 5) // 10))
        late += duration - 10 * delay
        yield delay


def _header(size: tuple[int, int], loop: int) -> bytes:
    header = struct.pack(
        "<6s2H3B",
        b"GIF89a",
        *size,
        0,
        0,
        0,
    )
    if loop == 1:
        return header
    repetitions = min(loop - 1, _MOST_REPETITIONS) if loop else 0
    return header + struct.pack(
        "<2B14sHB", _EXTENSION, APPLICATION, _LOOPS[0], repetitions, 0
    )


def _frame(
    picture: Image.Image,
    delay: int,
    disposal: Disposal,
) -> bytes:
    """One frame, with a palette of its own. The encoder of stills compresses it."""
    box = picture.getbbox() or (0, 0, 1, 1)
    (encoded,) = raw_frames(encode(quantize(picture.crop(box))))
    frame = encoded._replace(
        left=box[0],
        top=box[1],
        delay_cs=delay,
        disposal=disposal,
    )
    return b"".join(_blocks_of(frame))


def _blocks_of(frame: RawFrame) -> Iterator[bytes]:
    has_transparent = frame.transparent is not None
    yield struct.pack(
        "<4BH2B",
        _EXTENSION,
        CONTROL,
        4,
        _FLAGS_OF[frame.disposal] | has_transparent,
        frame.delay_cs,
        frame.transparent or 0,
        0,
    )
    colours = len(frame.palette) // 3
    flags = 0x40 * frame.is_interlaced
    if colours:
        flags |= 0x80 | colours.bit_length() - 2
    yield struct.pack(
        "<B4HB",
        IMAGE,
        frame.left,
        frame.top,
        frame.width,
        frame.height,
        flags,
    )
    yield frame.palette
    yield frame.data
