"""CSS selectors, with the attribute that is meant: `a.title@href`."""

import re
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from processors.recipes.checks import Place

SELF: Final = ":self"  # the item's own element
# No selector ends so: an @ of its own stands in quotes, and these end with a bracket.
_ATTRIBUTE: Final = re.compile(r"(.*?)@([\w:.-]+)", re.DOTALL)
_COMBINATORS: Final = (">", "+", "~")
_HINTS: Final = (
    ("::text", "leave out ::text: the text is what is taken anyway"),
    ("::attr", "an attribute is written a@href"),
    (":contains(", 'write :lexbor-contains("text" i)'),
    ("//", "this is CSS, not XPath"),
    ("@", "an attribute stands at the end: a@href"),
)


class Selector(NamedTuple):
    """Which elements are meant, and what of them."""

    css: str  # empty: the item's own element
    attribute: str | None

    def __str__(self) -> str:
        return (self.css or SELF) + (
            f"@{self.attribute}" if self.attribute else ""
        )

    def find(
        self, top: LexborNode, is_item: bool, limit: int
    ) -> list[LexborNode]:
        """The elements below an item, or of a page, each once; at most so many."""
        if not self.css:
            return [top]
        try:
            first = top.css_first(self.css)
            if first is None:
                return []
            own = top.mem_id if is_item else 0
            if limit == 1 and first.mem_id != own:
                return [first]
            found = {node.mem_id: node for node in top.css(self.css)}
        except SelectolaxError as error:
            # It was checked, so what Lexbor lacks is memory.
            raise MemoryError(f"{self.css}: {error}") from error
        found.pop(own, None)
        return list(found.values())[:limit]


def parse_selector(
    text: str, place: Place, *, in_item: bool, key: str = "select"
) -> Selector:
    """A selector as it is written; BadRecipe if it cannot be parsed."""
    split = _ATTRIBUTE.fullmatch(text.strip())
    css, attribute = split.groups() if split else (text, None)
    css = css.strip()
    if css in ("", SELF):
        if in_item:
            return Selector("", attribute)
        place.fail(
            f"{key} {text!r} names no element; only in an item is there one that it may mean"
        )
    check_css(css, place, key)
    return Selector(css, attribute)


def check_css(css: str, place: Place, key: str) -> None:
    """Raise BadRecipe if it is no selector."""
    try:
        LexborHTMLParser("").css(css)
    except (SelectolaxError, ValueError):
        place.fail(f"{key} {css!r} is no CSS selector{_advice(css)}")


def _advice(css: str) -> str:
    """What its writer may have meant."""
    if css.startswith(_COMBINATORS):
        return f"; it cannot begin with {css[0]}: name what stands before it, as in .item {css}"
    return next((f"; {hint}" for sign, hint in _HINTS if sign in css), "")
