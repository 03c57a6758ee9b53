"""Pages and pictures spoiled at random, from a seed: what processing has to bear."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

LABELS: Final = (
    None, "utf-8", "utf-16", "utf-16be", "gbk", "shift_jis", "iso-2022-jp", "windows-1252", "rot13",
)  # fmt: skip
PIECES: Final = (
    b"<table><tr><td>", b"</table>", b"<select><option>", b"<svg><title>", b"<math><mi>",
    b"<template>", b"<b><p>", b"</b>", b"<a href='http://[::1'>", b"<base href='//x:99999999/'>",
    b"<!--", b"-->", b"<script>", b"</script>", b"<style>", b"<plaintext>", b"<![CDATA[",
    b"<meta charset=utf-16>", b"<meta charset=gbk>", b"<link rel=canonical href='\xff'>", b"\0",
    b"&#xD800;", b"&#0;", b"&#x110000;", b"&lt", b"\xef\xbf\xbf", b"\xed\xa0\x80", b"\x1b$B", b"<",
    b"\xf4\x90\x80\x80", b'"', b"'", b"=", b">", b"\r\n", b"\xff\xfe", b"<frameset>", b"<noscript>",
    b"<script type='application/ld+json'>{\"a\":[[[1e999,NaN]]]}</script>",
    b"<script type='application/ld+json'>" + b"[" * 3_000 + b"</script>",
    b"<time datetime='99999-99-99T99:99'>", b"<meta property=og:image content='data:,'>",
    b"<img srcset='a 1w, b 1e999x,,, c -1h'>", b"<meta http-equiv=refresh content='1e9;url='>",
    b"<p style=\"background:url('\\\\')\">", b"<html lang='\xe2\x80\xae'>",
)  # fmt: skip


class Mutation(NamedTuple):
    """A spoiled body, and which kind of harm it has come to."""

    kind: str
    body: bytes
    charset: str | None


Harm = Callable[[random.Random, bytes], bytes]


def mutations(
    seeds: Sequence[bytes],
    count: int,
    seed: int,
    kinds: Mapping[str, Harm] | None = None,
) -> Iterator[Mutation]:
    """So many of them, the same ones for the same seed; pages, unless other kinds are named."""
    kinds = kinds or _KINDS
    chance = random.Random(seed)
    for _ in range(count):
        kind = chance.choice(tuple(kinds))
        body = kinds[kind](chance, chance.choice(seeds))
        yield Mutation(kind, body, chance.choice(LABELS))


def _flip(chance: random.Random, body: bytes) -> bytes:
    spoiled = bytearray(body)
    for _ in range(chance.randint(1, 1 + len(body) // 50)):
        spoiled[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(spoiled)


def _cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body))]


def _drop(chance: random.Random, body: bytes) -> bytes:
    for _ in range(chance.randint(1, 20)):
        begin = chance.randrange(len(body))
        body = body[:begin] + body[begin + chance.randint(1, 500) :] or b"<p>"
    return body


def _insert(chance: random.Random, body: bytes) -> bytes:
    for _ in range(chance.randint(1, 30)):
        place = chance.randrange(len(body))
        body = body[:place] + chance.choice(PIECES) + body[place:]
    return body


def _repeat(chance: random.Random, body: bytes) -> bytes:
    begin = chance.randrange(len(body))
    piece = body[begin : begin + chance.randint(1, 200)]
    times = chance.randint(2, 20_000 // len(piece) + 2)
    return body[:begin] + piece * times + body[begin:]


def _shuffle(chance: random.Random, body: bytes) -> bytes:
    tags = body.split(b"<")
    chance.shuffle(tags)
    return b"<".join(tags)


def _recode(chance: random.Random, body: bytes) -> bytes:
    text = body.decode("utf-8", "replace")
    codec = chance.choice(["utf-16", "utf-16-be", "gb18030", "cp932", "cp1251"])
    return text.encode(codec, "replace")


def _noise(chance: random.Random, body: bytes) -> bytes:
    return chance.randbytes(chance.randint(1, len(body)))


def _flip_few(chance: random.Random, body: bytes) -> bytes:
    spoiled = bytearray(body)
    for _ in range(chance.randint(1, 8)):
        spoiled[chance.randrange(len(body))] = chance.randrange(256)
    return bytes(spoiled)


def _exaggerate(chance: random.Random, body: bytes) -> bytes:
    """A number of the header is as large as it can be, or as small."""
    place = chance.randrange(min(100, len(body)))
    width = chance.choice((1, 2, 4))
    number = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * width
    return body[:place] + number + body[place + width :]


_KINDS: Final[dict[str, Harm]] = {
    "bytes flipped": _flip,
    "cut off": _cut,
    "pieces dropped": _drop,
    "pieces inserted": _insert,
    "a piece repeated": _repeat,
    "tags shuffled": _shuffle,
    "written otherwise": _recode,
    "noise": _noise,
}

PICTURE_KINDS: Final[dict[str, Harm]] = {
    "bytes flipped": _flip,
    "few bytes flipped": _flip_few,
    "header exaggerated": _exaggerate,
    "cut off": _cut,
    "pieces dropped": _drop,
    "a piece repeated": _repeat,
    "noise": _noise,
}
