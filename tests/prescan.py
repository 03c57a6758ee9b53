"""The WHATWG's prescan written down step by step, slowly: what the quick one is compared with.

https://html.spec.whatwg.org/multipage/parsing.html#prescan-a-byte-stream-to-determine-its-encoding
"""

from __future__ import annotations

import re
import string

from processors.page.charset import encoding_of

SPACES = b"\t\n\f\r "
LETTERS = string.ascii_letters.encode()


class OutOfBytes(Exception):
    """The position goes beyond the end of the bytes."""


class Prescan:
    """Bytes and a position in them."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream
        self.position = 0

    @property
    def byte(self) -> int:
        if self.position >= len(self.stream):
            raise OutOfBytes
        return self.stream[self.position]

    def at(self, *sets: bytes) -> bool:
        """Do the bytes here belong to these sets, one after the other?"""
        here = self.stream[self.position : self.position + len(sets)]
        return len(here) == len(sets) and all(
            byte in each for byte, each in zip(here, sets, strict=True)
        )

    def advance_to(self, wanted: bytes) -> None:
        while self.byte not in wanted:
            self.position += 1

    def encoding(self) -> str | None:
        while True:
            _ = self.byte
            if self.stream[self.position : self.position + 4] == b"<!--":
                end = self.stream.find(b"-->", self.position + 2)
                if end < 0:
                    raise OutOfBytes
                self.position = end + 2
            elif self.at(b"<", b"mM", b"eE", b"tT", b"aA", SPACES + b"/"):
                self.position += 5
                if found := self.meta():
                    return found
            elif self.at(b"<", LETTERS) or self.at(b"<", b"/", LETTERS):
                self.advance_to(SPACES + b">")
                while self.attribute():
                    pass
            elif self.at(b"<", b"!/?"):
                self.advance_to(b">")
            self.position += 1

    def meta(self) -> str | None:
        names = set()
        got_pragma = False
        need_pragma: bool | None = None
        charset: str | None = None  # "" is failure
        while attribute := self.attribute():
            name, value = attribute
            if name in names:
                continue
            names.add(name)
            if name == "http-equiv":
                got_pragma = got_pragma or value == "content-type"
            elif name == "content":
                found = extracted(value)
                if found and charset is None:
                    charset, need_pragma = found, True
            elif name == "charset":
                charset, need_pragma = encoding_of(value) or "", False
        if (
            need_pragma is None
            or (need_pragma and not got_pragma)
            or not charset
        ):
            return None
        return "utf-8" if charset.startswith("utf-16") else charset

    def attribute(self) -> tuple[str, str] | None:
        while self.byte in SPACES + b"/":
            self.position += 1
        if self.byte == ord(">"):
            return None
        name = value = ""
        while True:
            if self.byte == ord("=") and name:
                break
            if self.byte in SPACES:
                while self.byte in SPACES:
                    self.position += 1
                if self.byte != ord("="):
                    return name, value
                break
            if self.byte in b"/>":
                return name, value
            name += chr(self.byte).lower()
            self.position += 1
        self.position += 1
        while self.byte in SPACES:
            self.position += 1
        if self.byte in b"\"'":
            quote = self.byte
            while True:
                self.position += 1
                if self.byte == quote:
                    self.position += 1
                    return name, value
                value += chr(self.byte).lower()
        while self.byte not in SPACES + b">":
            value += chr(self.byte).lower()
            self.position += 1
        return name, value


def extracted(content: str) -> str | None:
    """Extracting a character encoding from a meta element."""
    position = 0
    while True:
        position = content.find("charset", position)
        if position < 0:
            return None
        position += 7
        rest = content[position:].lstrip("\t\n\f\r ")
        if not rest.startswith("="):
            continue
        rest = rest[1:].lstrip("\t\n\f\r ")
        if rest[:1] in ('"', "'"):
            inside, quote, _ = rest[1:].partition(rest[0])
            return encoding_of(inside) if quote else None
        return encoding_of(re.split("[\t\n\f\r ;]", rest)[0])


def by_the_letter(stream: bytes) -> str | None:
    """The encoding that a page declares."""
    try:
        return Prescan(stream).encoding()
    except OutOfBytes:
        return xml_encoding(stream)


def xml_encoding(stream: bytes) -> str | None:
    """Get an XML encoding."""
    declaration, end, _ = stream.partition(b">")
    position = declaration.find(b"encoding")
    if not stream.startswith(b"<?xml") or not end or position < 0:
        return None
    blanks = bytes(range(0x21))
    rest = declaration[position + 8 :].lstrip(blanks)
    if rest[:1] != b"=":
        return None
    rest = rest[1:].lstrip(blanks)
    if rest[:1] not in (b'"', b"'"):
        return None
    inside, quote, _ = rest[1:].partition(rest[:1])
    if not quote or any(byte <= 0x20 for byte in inside):
        return None
    name = encoding_of(inside.decode("latin-1"))
    return "utf-8" if name in ("utf-16le", "utf-16be") else name
