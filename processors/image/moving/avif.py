"""When the frames of a moving AVIF are shown, and how often (ISO/IEC 14496-12: its boxes)."""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from processors.image.moving.timeline import FOREVER, Timeline, as_shown

_FILM: Final = (b"moov",)
_TRACK: Final = (b"moov", b"trak")
_REPEATS: Final = 1
_MILLISECONDS: Final = 1_000


class Box(NamedTuple):
    name: bytes
    begin: int
    """Of its content."""
    end: int


class Field(NamedTuple):
    """Where a number stands in a box of version 0, and in one of version 1; and how."""

    places: tuple[int, int]
    forms: tuple[str, str] = (">I", ">Q")


_UNITS_A_SECOND: Final = Field((12, 20), (">I", ">I"))
_FILM_LENGTH: Final = Field((16, 24))
_TRACK_LENGTH: Final = Field((20, 28))
_SEGMENT_LENGTH: Final = Field((8, 8))


def timeline(body: bytes, frames: int) -> Timeline | None:
    """When its frames are shown, as many as the decoder has found; None if there is but one."""
    if frames < 2:
        return None
    clock = _find(body, (*_TRACK, b"mdia", b"mdhd"))
    table = _find(body, (*_TRACK, b"mdia", b"minf", b"stbl", b"stts"))
    delays: list[float] = []
    if clock and table:
        unit = _MILLISECONDS / (
            _read(
                body,
                clock,
                _UNITS_A_SECOND,
            )
            or 1
        )
        for count, length in _runs(body, table):
            missing = frames - len(delays)
            delays += min(count, missing) * [length * unit]
    delays += (frames - len(delays)) * [0]
    return Timeline(as_shown(delays), _times_shown(body))


def shown_times(body: bytes, loop: int) -> bytes:
    """The same moving AVIF, shown that often."""
    changed = bytearray(body)
    edits = _find(body, (*_TRACK, b"edts", b"elst"))
    film = _find(body, (*_FILM, b"mvhd"))
    if loop == FOREVER or edits is None or film is None:
        return body
    length = loop * _read(
        body,
        edits,
        _SEGMENT_LENGTH,
    )
    _write(
        changed,
        film,
        _FILM_LENGTH,
        length,
    )
    for track in _all(body, _TRACK):
        for box in _boxes(
            body,
            track.begin,
            track.end,
        ):
            if box.name == b"tkhd":
                _write(
                    changed,
                    box,
                    _TRACK_LENGTH,
                    length,
                )
    return bytes(changed)


def _times_shown(body: bytes) -> int:
    """The track is as long as all its repetitions; what says nothing is repeated for ever."""
    edits = _find(body, (*_TRACK, b"edts", b"elst"))
    header = _find(body, (*_TRACK, b"tkhd"))
    if edits is None or header is None:
        return FOREVER
    once = _read(
        body,
        edits,
        _SEGMENT_LENGTH,
    )
    if not body[edits.begin + 3] & _REPEATS or not once:
        return 1
    length = _read(
        body,
        header,
        _TRACK_LENGTH,
    )
    is_endless = length in (2**32 - 1, 2**64 - 1)
    return FOREVER if is_endless else -(-length // once)


def _runs(body: bytes, table: Box) -> Iterator[tuple[int, int]]:
    """How many frames are shown for how many units."""
    return struct.iter_unpack(
        ">2I", body[table.begin + 8 : table.end - (table.end - table.begin) % 8]
    )


def _read(body: bytes, box: Box, field: Field) -> int:
    version = body[box.begin] & 1
    place = box.begin + field.places[version]
    (value,) = struct.unpack_from(
        field.forms[version],
        body,
        place,
    )
    return int(value)


def _write(body: bytearray, box: Box, field: Field, value: int) -> None:
    version = body[box.begin] & 1
    place = box.begin + field.places[version]
    struct.pack_into(
        field.forms[version],
        body,
        place,
        value,
    )


def _find(body: bytes, path: tuple[bytes, ...]) -> Box | None:
    """The first of that name."""
    return next(_all(body, path), None)


def _all(body: bytes, path: tuple[bytes, ...]) -> Iterator[Box]:
    """What stands at the end of the path, in the first box of each name on the way."""
    begin, end = 0, len(body)
    for name in path[:-1]:
        inside = (
            box
            for box in _boxes(
                body,
                begin,
                end,
            )
            if box.name == name
        )
        _, begin, end = next(
            inside,
            Box(
                name,
                end,
                end,
            ),
        )
    for box in _boxes(
        body,
        begin,
        end,
    ):
        if box.name == path[-1]:
            yield box


def _boxes(body: bytes, position: int, end: int) -> Iterator[Box]:
    while position + 8 <= end:
        size, name = struct.unpack_from(
            ">I4s",
            body,
            position,
        )
        begin = position + 8
        if size == 1:
            # a length of 64 bits
            (size,) = struct.unpack_from(
                ">Q",
                body,
                begin,
            )
            begin += 8
        elif size == 0:
            size = end - position
        if begin > position + size or position + size > end:
            return
        yield Box(
            name,
            begin,
            position + size,
        )
        position += size
