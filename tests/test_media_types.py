"""The first bytes decide; the server's word counts where they say nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.media_types import (
    DECODABLE,
    EXTRA_DECODERS,
    HEAD_BYTES,
    extension_of,
    parse_content_type,
    sniff,
)

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF"


@pytest.mark.parametrize(
    ("head", "declared", "kind", "type"),
    [
        (PNG, "image/png", "image", "image/png"),
        (PNG, "text/html", "image", "image/png"),
        (JPEG, None, "image", "image/jpeg"),
        (JPEG, "application/octet-stream", "image", "image/jpeg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/jpeg", "image", "image/webp"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", None, "image", "image/avif"),
        (b"P6\n2 2\n255\n", None, "image", "image/x-portable-anymap"),
        (
            b"P1\n# by hand\n2 2\n0 1 1 0\n",
            None,
            "image",
            "image/x-portable-anymap",
        ),
        (
            b"P4 8 # wide\n1\n\0",
            "text/plain",
            "image",
            "image/x-portable-anymap",
        ),
        (b"P1 outage report", "text/plain", "file", "text/plain"),
        (b"P1 3 machines are down", "text/plain", "file", "text/plain"),
        (
            b"<!DOCTYPE html><p>",
            "text/html; charset=utf-8",
            "page",
            "text/html",
        ),
        (b"<!doctype html><p>", "image/png", "page", "text/html"),
        (b"<!doctype html><p>", None, "page", "text/html"),
        (b"  \n<html>", "text/plain", "page", "text/html"),
        (b"\xef\xbb\xbf<html>", None, "page", "text/html"),
        (b"\xff\xfe<\0h\0t\0m\0l\0>\0", None, "page", "text/html"),
        (
            b"<\0h\0t\0m\0l\0>\0",
            "text/html; charset=utf-16le",
            "page",
            "text/html",
        ),
        (
            b"\0<\0t\0i\0t\0l\0e\0>",
            "text/html; charset=UTF-16BE",
            "page",
            "text/html",
        ),
        (
            "富士山〇".encode("utf-16-le"),
            "text/html; charset=utf-16",
            "page",
            "text/html",
        ),
        (
            "\ufeff富士山〇".encode("utf-16-be"),
            "text/html",
            "page",
            "text/html",
        ),
        (
            "a,b\n〇,2\n".encode("utf-16-le"),
            "text/plain; charset=unicode",
            "file",
            "text/plain",
        ),
        ("\ufeff<?xml?><rss>".encode("utf-16-le"), None, "file", "text/xml"),
        (
            b"a\0\1\0",
            "text/html; charset=utf-16le",
            "file",
            "application/octet-stream",
        ),
        (b"no tags at all", "text/html", "page", "text/html"),
        (b"", "text/html", "page", "text/html"),
        (b"\0\1\2\3", "text/html", "file", "application/octet-stream"),
        (
            b'<?xml version="1.0"?><html xmlns="x">',
            None,
            "page",
            "application/xhtml+xml",
        ),
        (
            b'<?xml version="1.0"?><rss>',
            "application/octet-stream",
            "file",
            "text/xml",
        ),
        (
            b'<?xml version="1.0"?><rss>',
            "application/rss+xml",
            "file",
            "application/rss+xml",
        ),
        (b"<svg xmlns='x'>", "image/svg+xml", "file", "image/svg+xml"),
        (b"<svg xmlns='x'>", "image/png", "file", "image/svg+xml"),
        (b"not found", "image/png", "file", "text/plain"),
        (b"%PDF-1.7", "text/html", "file", "application/pdf"),
        (
            b"%!PS-Adobe-3.0 EPSF",
            "image/jpeg",
            "file",
            "application/postscript",
        ),
        (b"PK\3\4....", None, "file", "application/zip"),
        (b"PK\3\4....", "application/epub+zip", "file", "application/epub+zip"),
        (b'{"a": 1}', "application/json", "file", "application/json"),
        (b"a,b\n1,2\n", None, "file", "text/plain"),
        (b"BMW is a car", "text/plain", "file", "text/plain"),
        (
            b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0",
            None,
            "image",
            "image/bmp",
        ),
        (b"\0\1\2\3", None, "file", "application/octet-stream"),
        (b"", None, "file", "application/octet-stream"),
    ],
)
def test_what_a_body_is(
    head: bytes, declared: str | None, kind: str, type: str
) -> None:
    assert sniff(head, declared)[:2] == (kind, type)


@given(st.binary(max_size=HEAD_BYTES), st.none() | st.text(max_size=30))
def test_whatever_comes_is_something(head: bytes, declared: str | None) -> None:
    kind, type, _ = sniff(head, declared)
    assert kind in ("page", "image", "file")
    if type not in EXTRA_DECODERS:
        assert (kind == "image") == (type in DECODABLE)


@given(st.text(max_size=30))
def test_an_extension_is_harmless_whatever_the_type(type: str) -> None:
    extension = extension_of(type)
    assert extension.startswith(".")
    assert extension[1:].replace("-", "").isalnum()
    assert len(extension) < 20


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("text/html; charset=UTF-8", ("text/html", "UTF-8")),
        ('TEXT/HTML;charset="utf-8"', ("text/html", "utf-8")),
        ("text/html; charset='utf-8'; x=y", ("text/html", "utf-8")),
        ("text/html; charset = latin-1", ("text/html", "latin-1")),
        ("text/html; charset=", ("text/html", None)),
        ("text/html", ("text/html", None)),
        ("", ("", None)),
        (None, ("", None)),
    ],
)
def test_a_content_type_is_read_leniently(
    value: str | None, parsed: tuple[str, str | None]
) -> None:
    assert parse_content_type(value) == parsed


def test_real_pages_and_pictures_are_known_without_their_names(
    corpus: Path,
) -> None:
    wrong = {
        path.name: found
        for path in sorted((corpus / "pages").glob("*.html"))
        if (found := sniff(path.read_bytes()[:HEAD_BYTES], None)[1])
        not in ("text/html", "application/xhtml+xml")
    }
    assert wrong == {}
    types = {".jpg": "image/jpeg", ".png": "image/png", ".gif": "image/gif",
             ".webp": "image/webp", ".tif": "image/tiff", ".bmp": "image/bmp",
             ".avif": "image/avif", ".ico": "image/x-icon"}  # fmt: skip
    for path in sorted((corpus / "images").iterdir()):
        if path.suffix in types:
            found = sniff(path.read_bytes()[:HEAD_BYTES], "text/plain")[1]
            assert found == types[path.suffix], path.name
