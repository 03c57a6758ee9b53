"""When the frames of a moving WebP are shown (RFC 9649)."""

import struct
from collections.abc import Iterator
from typing import Final

from processors.image.moving.timeline import Timeline, as_shown

_FIRST_CHUNK: Final = 12


def timeline(body: bytes) -> Timeline | None:
    """When its frames are shown; None if there is but one."""
    loop, delays = 0, []
    for name, begin in _chunks(body):
        if name == b"ANIM" and begin + 6 <= len(body):
            (loop,) = struct.unpack_from(
                "<H",
                body,
                begin + 4,
            )
        elif name == b"ANMF":
            delays.append(
                int.from_bytes(body[begin + 12 : begin + 15], "little")
            )
    if len(delays) < 2:
        return None
    return Timeline(as_shown(delays), loop)


def _chunks(body: bytes) -> Iterator[tuple[bytes, int]]:
    """The name of each chunk, and where its content begins, up to the end that the file names."""
    position = _FIRST_CHUNK
    end = int.from_bytes(body[4:8], "little") + 8
    while position + 8 <= min(end, len(body)):
        name, size = struct.unpack_from(
            "<4sI",
            body,
            position,
        )
        yield name, position + 8
        position += 8 + size + size % 2
