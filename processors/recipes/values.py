"""What a field may be: how an element says it, and how its text becomes a value."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from selectolax.lexbor import LexborNode

from processors.page.dates import iso_date
from processors.page.references import MAX_URL_CHARS, without_fragment
from processors.page.visible_text import collapse_spaces, read_visible
from processors.recipes.amounts import (
    check_size,
    read_integer,
    read_number,
    whole,
)
from processors.recipes.dates import read_date, read_formatted
from processors.recipes.scope import Origin


class Manner(NamedTuple):
    """How the values of a field are read, where its writer knows more than the page says."""

    decimal: str | None = None
    format: str | None = None
    language: str | None = None


class Type(NamedTuple):
    """What a value is made of."""

    said_by: Callable[[LexborNode], str | None]
    """What an element says, of which an attribute is not named."""
    read: Callable[[str, Manner, Origin], Any]
    """The value of a text that is not empty; raises ValueError if it has none."""
    manner: tuple[str, ...] = ()
    """The keys that say more about it."""
    of_number: Callable[[int | float], Any] | None = None
    """The value of a number that JSON has as one."""


# -- what an element says ----------------------------------------------------------------------


def text_of(node: LexborNode) -> str | None:
    """What a reader sees of an element, as in the page's `text`, but on one line."""
    inner = node.first_child
    if inner is None:
        return None
    if inner.next is None and inner.tag == "-text":
        return collapse_spaces(inner.text_content)  # most have but this
    return collapse_spaces(read_visible(node).text)


def _html_of(node: LexborNode) -> str | None:
    return node.html


def _reference_of(node: LexborNode) -> str | None:
    has = node.attrs
    return has.get("href") or has.get("src")


def _date_of(node: LexborNode) -> str | None:
    """`datetime` counts first, if it is a date."""
    said = node.attrs.get("datetime")
    if said and iso_date(said):
        return said
    return text_of(node)


# -- what a text means -------------------------------------------------------------------------


def _read_text(text: str, manner: Manner, origin: Origin) -> str | None:
    return collapse_spaces(text)


def _read_html(text: str, manner: Manner, origin: Origin) -> str:
    return text


def _read_number(text: str, manner: Manner, origin: Origin) -> int | float:
    return read_number(text, manner.decimal)


def _read_integer(text: str, manner: Manner, origin: Origin) -> int:
    return read_integer(text, manner.decimal)


def _read_date(text: str, manner: Manner, origin: Origin) -> str:
    if manner.format:
        return iso_date(text) or read_formatted(text, manner.format)
    return read_date(text, manner.language, origin.language)


def _read_url(text: str, manner: Manner, origin: Origin) -> str | None:
    """Absolute; None for what leads to no other page, such as `#top` and `mailto:`."""
    reference = without_fragment(text)
    if reference is None:
        return None
    try:
        url = str(origin.base + reference)
    except ValueError:
        raise ValueError("it is no URL") from None
    if not url.startswith(("http://", "https://")):
        return None
    if len(url) > MAX_URL_CHARS:
        raise ValueError(f"it has more than {MAX_URL_CHARS:,} characters")
    return url.partition("#")[0]


TYPES: Final = {
    "text": Type(text_of, _read_text),
    "html": Type(_html_of, _read_html),
    "number": Type(text_of, _read_number, ("decimal",), check_size),
    "integer": Type(text_of, _read_integer, ("decimal",), whole),
    "date": Type(_date_of, _read_date, ("format", "language")),
    "url": Type(_reference_of, _read_url),
}
TABLE: Final = "table"  # is made of elements, not of texts
