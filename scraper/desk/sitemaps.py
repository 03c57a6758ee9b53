"""Lists that name lists: what an index or a robots.txt names, and which of it is fetched.

What cannot be had is a line of the list that names it, and fails with the reason: it costs no other
one, and is nothing that is gone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from scraper.config import InputSettings
from scraper.errors import UsageError
from scraper.model import Sender
from scraper.redaction import redacted
from scraper.sources.maps.entries import LIST_BROKEN
from scraper.sources.maps.vocabulary import COLUMNS
from scraper.sources.source import FETCHED, SITEMAPS, Source
from scraper.sources.text import TableRow, parse_line
from scraper.text import printable
from scraper.urls import BadUrl, Url, resolved

MAX_LISTS: Final = 10_000  # that one command fetches
MAX_LEVELS: Final = 4  # of indexes that name indexes
MAX_SHOWN: Final = 5  # of those that cannot be had
LIST_FAILED: Final = "list_failed"

# https://www.sitemaps.org/protocol.html#submit_robots: it belongs to no agent
_LINE = re.compile(r"[ \t]*sitemap[ \t]*:[ \t]*([^\s#]+)", re.IGNORECASE)
_LINE_END = re.compile(r"\r\n|\r|\n")


def sitemaps_in(robots: bytes, base: str) -> list[str]:
    """The sitemaps that a robots.txt names, each once.

    >>> sitemaps_in(b"User-agent: *\\nSITEMAP: /a.xml # new", "https://example.com/robots.txt")
    ['https://example.com/a.xml']
    """
    text = robots.decode("utf-8", "replace").lstrip("\ufeff")
    lines = map(_LINE.match, _LINE_END.split(text))
    named = (_absolute(line[1], base) for line in lines if line)
    return list(dict.fromkeys(named))


def _absolute(text: str, base: str) -> str:
    try:
        return resolved(base, text).href
    except BadUrl:
        return text  # it is said of that line


class Named(Struct):
    """What an index names: lists to fetch, and lines that fail."""

    urls: dict[str, int]  # with the number of the entry
    parts: dict[str, None]  # what identifies each, fetched before or not
    failed: list[TableRow] = field(default_factory=list)

    def note_failure(
        self,
        url: str,
        why: str,
    ) -> None:
        """A list that could not be had."""
        self.failed.append(
            TableRow(
                self.urls[url],
                why,
                "{}",
                LIST_FAILED,
            )
        )

    def without(self, index: Source) -> Source:
        """The index, of which nothing is left to be read but what has failed."""
        rows = sorted(self.failed, key=lambda row: row.number)
        return replace(
            index,
            lines=lambda: iter(rows),
            ahead=lambda: iter(rows),
            live=False,
            pipe=False,
            columns=index.columns[:1],
            is_sparse=False,
            parts=(*self.parts,),
            note=self._describe_failures(),
        )

    def _describe_failures(self) -> str:
        """One line for each, up to a few."""
        whys = [each.url for each in self.failed]
        more = len(whys) - MAX_SHOWN
        if more > 0:
            whys[MAX_SHOWN:] = [f"and {more:,} more (list_failed)"]
        return "\n".join(map(printable, whys))


def read_index(
    index: Source,
    above: Sequence[str],
    known: set[str],
) -> Named:
    """What it names and is not `known` yet. `above` are the indexes that have led to it, as they
    were asked for and as they have answered."""
    named = Named({}, {})
    for raw in index.lines():
        line = parse_line(
            raw,
            0,
            0,
        )
        if line is None or not isinstance(raw, TableRow):
            continue
        url = line.url.href
        if line.refusal is not None:
            named.failed.append(raw)
        elif why := _objection(url, above):
            row = TableRow(
                raw.number,
                f"{redacted(url)}: {why}",
                "{}",
            )
            named.failed.append(replace(row, refusal=LIST_FAILED))
        elif len(known) >= MAX_LISTS:
            why = f"{index.name}: more than {MAX_LISTS:,} lists, of which these are left out"
            named.failed.append(
                TableRow(
                    raw.number,
                    why,
                    "{}",
                    LIST_BROKEN,
                )
            )
            break
        else:
            named.parts[f"{FETCHED}{url}"] = None
            if url not in known:
                known.add(url)
                named.urls[url] = raw.number
    return named


def _objection(url: str, above: Sequence[str]) -> str:
    if url in above:
        return "the index names itself, or one that has led to it"
    if len(above) > 2 * MAX_LEVELS:
        return f"it is more than {MAX_LEVELS} indexes deep"
    return ""


def how_of_parts(how: InputSettings) -> InputSettings:
    """How the lists are read that an index names: what is said of tables is not said of them."""
    columns = tuple(
        name for name in how.columns if name in {*COLUMNS, "all", "none"}
    )
    return InputSettings(
        url_col=how.url_col if how.url_col in COLUMNS else "",
        columns=columns or ("none",),
        lastmod=how.lastmod,
    )


def check_sitemap(part: Source) -> None:
    """Raises UsageError if what an index names is neither sitemap nor feed, nor plain lines."""
    if part.columns and not part.is_map:
        raise UsageError(
            f"the list {part.name} was not read: an index names it, and it is a table"
        )


def of_host(
    robots: Url,
    urls: list[str],
    sender: Sender | None,
) -> Source:
    """The index that a robots.txt is; the usual place has no sender."""
    rows = [
        TableRow(
            number,
            url,
            "{}",
        )
        for number, url in enumerate(urls, 1)
    ]
    return Source(
        f"sitemaps of {robots.host}",
        f"{SITEMAPS}{robots.origin}",
        lambda: iter(rows),
        is_index=True,
        sender=sender,
    )
