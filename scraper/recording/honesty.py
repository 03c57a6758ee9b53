"""Whether what came is what was asked for: what it should be, and what it seems to be instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson
from msgspec import Struct, field

from scraper.config import Config
from scraper.errors import FILTERED, is_filtered, is_unsaid, new_failure
from scraper.messages import Processed
from scraper.model import Failure, Fetched, Flag, Kind, Task, flags_in
from scraper.recording.alike import Alike, AlikeStore
from scraper.redaction import redacted
from scraper.text import printable

MAX_TITLE_CHARS = 100

Expected = Literal["any", "image", "page", "file"]

_PICTURES = frozenset(
    "jpg jpeg jpe jfif png apng gif webp avif bmp tif tiff ico svg".split()  # noqa: SIM905
)
# What holds no page, whatever it is.
_FILES = frozenset(
    """pdf zip gz tgz bz2 xz zst 7z rar tar jar whl deb rpm apk iso dmg exe msi
    doc docx xls xlsx ppt pptx odt ods odp epub mobi parquet csv json ndjson
    mp3 mp4 m4a m4v webm ogg oga ogv opus wav flac avi mov mkv
    woff woff2 ttf otf heic psd stl""".split()  # noqa: SIM905  a line a word would be many
)


class Honesty(Struct):
    """What is expected, and which flags make failures."""

    expect: str = "auto"
    fail_flags: frozenset[str] = frozenset()
    alike: Alike = field(default_factory=Alike)

    def judge(
        self,
        fetched: Fetched,
        processed: Processed | None,
        earlier: Mapping[str, Any] | None = None,
    ) -> tuple[tuple[Flag, ...], Failure | None]:
        """What a body seems to be, and why it is of no use, if that is so.

        `earlier` is the record of a body that has not changed: it holds where nothing was
        processed. What filters leave out is not judged any further.
        """
        flags: tuple[Flag, ...] = ()
        facts: Mapping[str, Any] = {}
        if processed is not None:
            flags = processed.flags
        elif earlier is not None:
            facts = earlier
            flags = tuple(Flag(**each) for each in earlier.get("flags", ()))
        flags = self._with_alike(flags, fetched)
        if filtered := _filter_failure(processed, earlier):
            return flags, filtered
        if _is_wrong(self._expected(fetched.task), fetched):
            if processed is not None:
                facts = orjson.loads(processed.facts)
            expected = self._expected(fetched.task)
            return flags, _wrong_content(expected, fetched, facts.get("title"))
        failure = processed.failure if processed is not None else None
        return flags, self._flagged(flags) or failure

    def holds(self, fetched: Fetched) -> bool:
        """Is what was said of a body, which has not changed, still all that is to be said?"""
        stored = fetched.task.stored
        self._alike(fetched)
        return (
            stored is not None
            and stored.error_kind is None
            and not _is_wrong(self._expected(fetched.task), fetched)
            and self.fail_flags.isdisjoint(flags_in(stored.flags))
        )

    def _with_alike(
        self, flags: tuple[Flag, ...], fetched: Fetched
    ) -> tuple[Flag, ...]:
        alike = self._alike(fetched)
        if alike is None or alike.flag in names_of(flags):
            return flags
        return (*flags, alike)

    def _alike(self, fetched: Fetched) -> Flag | None:
        return None if fetched.kind == "file" else self.alike.look(fetched)

    def _flagged(self, flags: Sequence[Flag]) -> Failure | None:
        for flag, evidence in flags:
            if flag in self.fail_flags:
                return new_failure("flagged", f"{flag}: {evidence}")
        return None

    def _expected(self, task: Task) -> Expected:
        """What a URL should come to: a picture if a page names it as one, else what the user says,
        else what its extension does."""
        if task.is_picture:
            return "image"
        match self.expect:
            case "image" | "page" | "file" | "any":
                return self.expect
        return _expected_of(_extension_of(task))


def _extension_of(task: Task) -> str:
    """The extension of the URL's path, in lower case. A name with a colon is a wiki's page about a
    file (`/wiki/File:Cat.jpg`)."""
    path = task.origin_url.href.partition("?")[0]
    name, dot, extension = path.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot and ":" not in name else ""


def _expected_of(extension: str) -> Expected:
    if extension in _PICTURES:
        return "image"
    return "file" if extension in _FILES else "any"


def _is_wrong(expected: Expected, fetched: Fetched) -> bool:
    match expected:
        case "image":
            return not _is_picture(fetched)
        case "page":
            return fetched.kind != "page"
        case "file":
            return fetched.kind == "page"
        case "any":
            return False


def _is_picture(fetched: Fetched) -> bool:
    """Is it one, decoded here or not? An SVG may be sent as any text."""
    if fetched.kind == "image" or fetched.type.startswith("image/"):
        return True
    may_be_svg = fetched.type in ("text/xml", "application/xml", "text/plain")
    return may_be_svg and _extension_of(fetched.task) == "svg"


def is_no_picture(fetched: Fetched) -> bool:
    """Is it not what it should be, if nothing but a page names it, as a picture?"""
    return _is_wrong("image", fetched)


def _filter_failure(
    processed: Processed | None, earlier: Mapping[str, Any] | None
) -> Failure | None:
    """Why a filter leaves a picture out, or has left it out."""
    if processed is not None:
        return left_out(processed.failure)
    if earlier is None or earlier["error_kind"] not in FILTERED:
        return None
    return new_failure(earlier["error_kind"], earlier["error_message"])


_NAMES: Mapping[Kind, str] = {"page": "a page", "image": "an image"}
_EXPECTED = {"image": "an image", "page": "a page", "file": "a file"}


def _wrong_content(
    expected: Expected, fetched: Fetched, title: str | None
) -> Failure:
    came = _NAMES.get(fetched.kind, fetched.type)
    if title:
        shown = printable(redacted(" ".join(title.split()))[:MAX_TITLE_CHARS])
        came += f": '{shown}'"
    return new_failure(
        "wrong_content", f"expected {_EXPECTED[expected]}, got {came}"
    )


def left_out(failure: Failure | None) -> Failure | None:
    """The failure, if a filter leaves the picture out."""
    return failure if is_filtered(failure) else None


def flags_beside(
    failure: Failure | None, flags: tuple[Flag, ...]
) -> tuple[Flag, ...]:
    """Those that may be said of what has come to this."""
    return () if is_unsaid(failure) else flags


def names_of(flags: Sequence[Flag]) -> tuple[str, ...]:
    """The flags alone, each in a word."""
    return tuple(each.flag for each in flags)


def honesty_of(config: Config, store: AlikeStore | None = None) -> Honesty:
    """The honesty that a configuration asks for."""
    return Honesty(
        config.fetch.expect, frozenset(config.page.fail_flags), Alike(store)
    )
