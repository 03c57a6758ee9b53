"""JSON-LD of a page: as it stands, and as one flat table."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import orjson
from selectolax.lexbor import LexborNode

MAX_CHARS: Final = 1_000_000  # of all blocks together
MAX_BLOCKS: Final = 200
MAX_DEPTH: Final = (
    32  # deeper ones are broken: what encodes them has its limits, too
)
MAX_KEYS: Final = 1_000  # of the flat table
MAX_KEY_CHARS: Final = 200
MAX_VALUE_CHARS: Final = 10_000

_CONTROLS: Final = re.compile(r"[\x00-\x1f]")
_WRAPPINGS: Final = (
    ("<!--", "-->"),
    ("<![CDATA[", "]]>"),
    ("//<![CDATA[", "//]]>"),
    ("/*<![CDATA[*/", "/*]]>*/"),
)


class JsonLd(NamedTuple):
    """What the blocks of a page hold."""

    blocks: list[Any]
    broken: int  # how many blocks are no JSON
    is_cut: bool


def read_json_ld(scripts: Iterable[LexborNode]) -> JsonLd:
    """The blocks of JSON-LD among these script elements, decoded, in their order."""
    blocks: list[Any] = []
    broken = 0
    chars_left = MAX_CHARS
    for node in scripts:
        if "ld+json" not in (node.attrs.get("type") or "").lower():
            continue
        text = node.text()
        if not text.strip():
            continue
        chars_left -= len(text)
        if chars_left < 0 or len(blocks) + broken == MAX_BLOCKS:
            return JsonLd(blocks, broken, True)
        try:
            blocks.append(_decode(text))
        except ValueError:
            broken += 1
    return JsonLd(blocks, broken, False)


def _decode(text: str) -> Any:
    """JSON, also if it is wrapped as scripts once were, or has line breaks in its texts."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = orjson.loads(_CONTROLS.sub(" ", _unwrapped(text)))
    if is_deeper(value, MAX_DEPTH):
        raise ValueError("nested too deeply")
    return value


def _unwrapped(text: str) -> str:
    text = text.strip().rstrip("; \t\r\n")
    for begin, end in _WRAPPINGS:
        if text.startswith(begin) and text.endswith(end):
            return text[len(begin) : -len(end)]
    return text


def is_deeper(value: Any, depth: int) -> bool:
    """Does it nest beyond so many levels?"""
    level = [value]
    for _ in range(depth):
        level = [
            each
            for above in level
            for each in _values_of(above)
            if isinstance(each, dict | list)
        ]
        if not level:
            return False
    return True


def _values_of(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


# -- what it says ------------------------------------------------------------------------------


def objects_of(blocks: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """What the blocks describe: their objects, those of lists and of `@graph`."""
    waiting: list[Any] = [list(blocks)]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += reversed(value)
        elif isinstance(value, dict):
            yield value
            waiting.append(value.get("@graph"))


def flatten(blocks: Iterable[Any]) -> tuple[dict[str, Any], bool]:
    """One table of all objects, and whether there is more: `Product.offers.price` is a price of an
    offer of a product. Of several values the first counts.

    Keys begin with the type. The members of a list share the key of the list.
    """
    flat: dict[str, Any] = {}
    for top in objects_of(blocks):
        for key, value in _leaves(top):
            if len(flat) == MAX_KEYS:
                return flat, True
            if isinstance(value, str):
                value = value[:MAX_VALUE_CHARS]
            flat.setdefault(key, value)
    return flat, False


def _leaves(top: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What an object says, with the way to it; of what it is, and of null, nothing."""
    waiting: list[tuple[str, Any]] = [(_type_of(top), top)]
    while waiting:
        way, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [
                (f"{way}.{name}"[:MAX_KEY_CHARS], each)
                for name, each in reversed(value.items())
                if not name.startswith("@")
            ]
        elif isinstance(value, list):
            waiting += [(way, each) for each in reversed(value)]
        elif value is not None:
            yield way, value


def _type_of(top: dict[str, Any]) -> str:
    return next(iter(types_of(top)), "Thing")


def types_of(top: dict[str, Any]) -> list[str]:
    """The names of its types, without the vocabulary's address."""
    said = top.get("@type")
    types = said if isinstance(said, list) else [said]
    return [
        re.split(r"[/#]", each)[-1] for each in types if isinstance(each, str)
    ]
