"""Pages and pictures of the demo sites, drawn in code."""

from __future__ import annotations

import json
import struct
import zlib
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scraper.faulty import Behaviour, Exchange

SWATCH_WIDTH, SWATCH_HEIGHT = 240, 160


def html(
    title: str, content: str, *, language: str = "", head: str = ""
) -> str:
    """A page, with a little style for those who open it in a browser."""
    lang = f' lang="{language}"' if language else ""
    return (
        f"<!doctype html><html{lang}><head><title>{escape(title)}</title>"
        "<style>body{font:18px/1.5 sans-serif;max-width:40em;margin:2em auto}"
        f"img{{max-width:100%}}</style>{head}</head><body>{content}</body></html>"
    )


def json_ld(node: dict[str, object]) -> str:
    """A node of JSON-LD, as it stands in a page's head."""
    text = json.dumps({"@context": "https://schema.org", **node})
    return f'<script type="application/ld+json">{text}</script>'


def picture_of(colour: str) -> Behaviour:
    """The swatch of a colour, drawn when it is asked for."""

    def answer(exchange: Exchange) -> None:
        from scraper.faulty import body

        body(swatch(colour), "image/png")(exchange)

    return answer


def swatch(colour: str) -> bytes:
    """A PNG on which a colour, as in `#1f4e79`, runs out from left to right like a brush stroke."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    row = bytearray(b"\0")  # no filter
    for x in range(SWATCH_WIDTH):
        paper = x / SWATCH_WIDTH * 0.8
        for light in (red, green, blue):
            row.append(round(light + (255 - light) * paper))
    header = struct.pack(">2I5B", SWATCH_WIDTH, SWATCH_HEIGHT, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(bytes(row) * SWATCH_HEIGHT, 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes) -> bytes:
    check = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)
