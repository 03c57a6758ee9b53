"""What comes of recipes: fields, items, how many were filled, and what does not fit."""

from typing import Any, NamedTuple

from processors import Unusable


class Fill(NamedTuple):
    """How well a recipe fitted one page."""

    recipe: str
    of: int  # 1 page, or so many items
    filled: dict[str, int]
    """By field, how many of them had it."""


class Extracted(NamedTuple):
    """What the recipes that match a page have found."""

    fields: dict[str, Any]
    items: list[dict[str, Any]] | None
    """None if no recipe has `each`."""
    fill: tuple[Fill, ...]
    cut: tuple[str, ...] = ()
    """`fields` or `items`, if there is more than the limits allow."""


class Unfit(Unusable):
    """A required field is missing, or a value does not fit its type."""

    def __init__(
        self, kind: str, message: str, fill: tuple[Fill, ...] = ()
    ) -> None:
        super().__init__(kind, message)
        self.args = (kind, message, fill)
        self.fill = fill
