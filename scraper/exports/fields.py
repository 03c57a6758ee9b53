"""The fields of a record as columns of a table: names, order and types of docs/records.md.

A test keeps both equal. They never follow from the records at hand, so that the exports of two
folders have the same columns. What recipes have found, in `fields`, has columns of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

# `objects` is a list of objects with known keys; `json` is what may be anything.
Kind = Literal[
    "integer",
    "number",
    "text",
    "boolean",
    "time",
    "integers",
    "numbers",
    "texts",
    "objects",
    "json",
]
LISTS = frozenset({"integers", "numbers", "texts", "objects"})


class Field(NamedTuple):
    """One column: a key of a record, or with a dot a key of an object in it."""

    name: str
    kind: Kind
    members: Mapping[str, Kind] = MappingProxyType({})  # of `objects`


_FEED: Mapping[str, Kind] = {
    "url": "text",
    "type": "text",
    "title": "text",
    "hreflang": "text",
}
_PAGE_IMAGE: Mapping[str, Kind] = {
    "url": "text",
    "alt": "text",
    "width": "integer",
    "height": "integer",
    "where": "text",
}
_PROCESSED: Mapping[str, Kind] = {
    "variant": "text",
    "path": "text",
    "width": "integer",
    "height": "integer",
    "format": "text",
    "mode": "text",
    "frames": "integer",
    "duration_ms": "integer",
    "bytes": "integer",
    "sha256": "text",
    "changes": "texts",
}

_OF_EVERY_RECORD = (
    Field("schema", "integer"),
    Field("pass", "integer"),
    Field("index", "integer"),
    Field("key", "text"),
    Field("url", "text"),
    Field("canonical_url", "text"),
    Field("final_url", "text"),
    Field("redirects", "objects", {"url": "text", "status": "integer"}),
    Field("parent", "text"),
    Field("depth", "integer"),
    Field("source", "text"),
    Field("line", "integer"),
    Field("state", "text"),
    Field("error_kind", "text"),
    Field("error_stage", "text"),
    Field("error_message", "text"),
    Field("retryable", "boolean"),
    Field("attempts", "integer"),
    Field("status", "integer"),
    Field("kind", "text"),
    Field("content_type", "text"),
    Field("bytes", "integer"),
    Field("wire_bytes", "integer"),
    Field("sha256", "text"),
    Field("path", "text"),
    Field("duplicate_of", "text"),
    Field("robots", "text"),
    Field("x_robots_tag", "texts"),
    Field("flags", "objects", {"flag": "text", "evidence": "text"}),
    Field("fetched_at", "time"),
    Field("seconds.connect", "number"),
    Field("seconds.first_byte", "number"),
    Field("seconds.fetch", "number"),
    Field("seconds.process", "number"),
)
_OF_SOME_RECORDS = (
    Field("not_before", "time"),
    Field("same_as", "integer"),
)
_OF_PAGES = (
    Field("title", "text"),
    Field("description", "text"),
    Field("canonical", "text"),
    Field("language", "text"),
    Field("robots_meta", "texts"),
    Field("charset", "text"),
    Field("links", "objects", {"url": "text", "text": "text", "rel": "texts"}),
    Field("images", "objects", _PAGE_IMAGE),
    Field("text", "text"),
    Field("watched", "text"),
    Field("encoding.won", "text"),
    Field("encoding.http", "text"),
    Field("encoding.bom", "text"),
    Field("encoding.meta", "text"),
    Field("encoding.bytes", "text"),
    Field("encoding.disagreed", "boolean"),
    Field("author", "text"),
    Field("published", "text"),
    Field("modified", "text"),
    Field("headings", "objects", {"level": "integer", "text": "text"}),
    Field("feeds", "objects", _FEED),
    Field("alternates", "objects", _FEED),
    Field("open_graph", "json"),
    Field("twitter", "json"),
    Field("json_ld", "json"),
    Field("json_ld_broken", "integer"),
    Field("json_ld_flat", "json"),
    Field("meta_refresh.seconds", "number"),
    Field("meta_refresh.url", "text"),
    Field("word_count", "integer"),
    Field("text_hash", "text"),
    Field("article", "text"),
    Field("cut", "texts"),
    Field("items", "json"),
    Field("data", "json"),
)
_OF_PICTURES = (
    Field("format", "text"),
    Field("mode", "text"),
    Field("original_width", "integer"),
    Field("original_height", "integer"),
    Field("frames", "integer"),
    Field("duration_ms", "integer"),
    Field("loop", "integer"),
    Field("exif", "json"),
    Field("truncated", "boolean"),
    Field("phash", "text"),
    Field("pixels_hash", "text"),
    Field("width", "integer"),
    Field("height", "integer"),
    Field("processed", "objects", _PROCESSED),
)
FIELDS = (*_OF_EVERY_RECORD, *_OF_SOME_RECORDS, *_OF_PAGES, *_OF_PICTURES)
