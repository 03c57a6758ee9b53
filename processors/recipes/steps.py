"""What an element can be called in a selector: by its own names first, by its place last."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from selectolax.lexbor import LexborNode

from processors.recipes.holders import fold
from processors.recipes.values import text_of

MAX_NAME_CHARS: Final = 60
MAX_CLASSES: Final = 8  # of an element, that are looked at

# What authors call things by, but for class and id.
_NAMING: Final = ("itemprop", "property", "name", "rel", "role")
_NAMING_DATA: Final = re.compile(r"data-(?!v-)[a-z][a-z-]*")
# What a tag alone says.
_SAYING: Final = dict.fromkeys(
    """h1 title time main caption figcaption address cite data meter""".split(),  # noqa: SIM905
    1,
) | dict.fromkeys(
    """h2 h3 h4 h5 h6 figure article aside section nav header footer table dl form blockquote
    strong em code dt th label""".split(),  # noqa: SIM905
    3,
)
PLAIN_COST: Final = 4  # of what is but a tag
# They come and go with what a visitor does, or with an element's place.
_STATES: Final = frozenset(
    """active current selected checked disabled hidden visible show open closed first last odd even
    collapsed expanded loading loaded lazy lazyload lazyloaded""".split()  # noqa: SIM905
)
_TAG: Final = re.compile(r"[a-z][a-z0-9-]*")
_WORD: Final = re.compile(r"-?[^\W\d](?:[\w-]*\w)?")
_NUMBERED: Final = re.compile(r"\d{3}|\d[^\W\d]|[^\W\d_]\d+[^\W\d_]")
_LABELS: Final = frozenset("th dt label b strong span em".split())  # noqa: SIM905
_LABEL: Final = re.compile(r"[^\W\d][\w .,:?()/-]{0,40}")
_SCRAMBLED: Final = re.compile(
    r"[a-z](?:[A-Z][a-z]?){2,}|[A-Z]{2,}[a-z]{1,2}[A-Z]"
)


class Step(NamedTuple):
    """One way to name an element, and how little it is worth."""

    css: str
    cost: int


def steps_of(node: LexborNode, holding: str = "") -> list[Step]:
    """The ways to name an element, the best first; `holding` is a folded text.

    Nothing that looks as if a machine had made it up, and nothing that holds the very text that
    is looked for: it would find no other page's.
    """
    tag = tag_of(node)
    named = [
        step
        for step in _named_steps(node)
        if not holding or holding not in fold(step.css)
    ]
    both = [
        Step(f"{tag}{step.css}", step.cost + 1) for step in named if step.cost
    ]
    plain = Step(tag, _SAYING.get(tag, PLAIN_COST))
    return sorted(
        [*named, *both, plain], key=lambda step: (step.cost, len(step.css))
    )


def tag_of(node: LexborNode) -> str:
    """Its tag as a selector has it: of one like `o:p`, any."""
    tag = node.tag or ""
    return tag if _TAG.fullmatch(tag) else "*"


def place_of(node: LexborNode) -> str:
    """The element by its place among its siblings."""
    number = 1
    same = 0
    sibling = node.prev
    while sibling is not None:
        number += sibling.is_element_node
        same += sibling.tag == node.tag
        sibling = sibling.prev
    if not same and not _has_later_alike(node):
        return tag_of(node)
    return f"{tag_of(node)}:nth-child({number})"


def _has_later_alike(node: LexborNode) -> bool:
    sibling = node.next
    while sibling is not None:
        if sibling.tag == node.tag:
            return True
        sibling = sibling.next
    return False


def step_by_label(node: LexborNode, holding: str = "") -> str | None:
    """The element by what stands before it: `th:lexbor-contains("Price") + td`."""
    label = node.prev
    while label is not None and not label.is_element_node:
        label = label.prev
    if label is None or label.tag not in _LABELS or label.tag == node.tag:
        return None
    said = text_of(label) or ""
    if not _LABEL.fullmatch(said) or (holding and holding in fold(said)):
        return None
    return f'{label.tag}:lexbor-contains("{said}") + {tag_of(node)}'


def field_name_of(css: str, attribute: str | None = None) -> str:
    """What a field may be called that such a selector fills.

    >>> field_name_of(".product_main .price_color"), field_name_of("h3 > a", "href")
    ('price', 'link')
    """
    if attribute in _BY_ATTRIBUTE:
        return _BY_ATTRIBUTE[attribute]
    label = _IN_QUOTES.search(css)
    last = label[1] if label else re.split(r"[\s>]+", css)[-1]
    parts: list[str] = re.findall(r"[^\W\d_]+", last.lower())
    for part in parts:
        if part in _COMMON:
            return part
    named = re.search(r"[.#]([\w-]+)", last)
    if label or named:
        return "_".join(re.findall(r"\w+", named[1] if named else last)).lower()
    tags = reversed(re.split(r"[\s>]+", css))
    return next((_BY_TAG[tag] for tag in tags if tag in _BY_TAG), "value")


_IN_QUOTES: Final = re.compile(r'"([^"]+)"')
_BY_ATTRIBUTE: Final = {
    "href": "link",
    "src": "image",
    "datetime": "date",
    "alt": "alt",
}
_COMMON: Final = frozenset(
    """price title name date author stock availability rating stars image link description
    currency sku brand category summary headline location address phone email""".split()  # noqa: SIM905
)
_BY_TAG: Final = {
    **dict.fromkeys(("h1", "h2", "h3", "h4"), "title"),
    "title": "title",
    "time": "date",
    "figcaption": "caption",
    "caption": "caption",
}


def _named_steps(node: LexborNode) -> Iterator[Step]:
    for attribute, value in node.attributes.items():
        said = value or ""
        if attribute == "class":
            yield from _steps_by_class(said)
        elif not _is_name(said.replace(":", "-")):
            continue
        elif attribute in _NAMING or _NAMING_DATA.fullmatch(attribute):
            yield Step(f'[{attribute}="{said}"]', 1)
        elif attribute == "id" and ":" not in said:
            yield Step(f"#{said}", 0)


def _steps_by_class(said: str) -> Iterator[Step]:
    for word in said.split()[:MAX_CLASSES]:
        if _is_name(word) and word.lower() not in _STATES:
            yield Step(f".{word}", 1)


def _is_name(word: str) -> bool:
    """Does it look as if a person had chosen it, for more than this one page?"""
    return (
        len(word) <= MAX_NAME_CHARS
        and _WORD.fullmatch(word) is not None
        and _NUMBERED.search(word) is None
        and _SCRAMBLED.search(word) is None
    )
