"""What is wrong with a recipe, in words that its writer can use."""

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

_NUMBERED = re.compile(r"recipe \d+")
_NAMES = {bool: "true or false", str: "text", dict: "a table", list: "a list"}


class BadRecipe(ValueError):
    """A recipe that cannot be followed; the message names recipe and field."""


def recipe_text(name: str) -> str:
    """How messages call a recipe; one without a name is called by its number.

    >>> recipe_text("books"), recipe_text("recipe 1")
    ("recipe 'books'", 'recipe 1')
    """
    return name if _NUMBERED.fullmatch(name) else f"recipe {name!r}"


class Place:
    """Where in the recipes something stands, such as `recipe 'books': fields.price`."""

    def __init__(self, recipe: str, way: str = "") -> None:
        self.recipe = recipe
        self.way = way

    def below(self, name: str) -> "Place":
        """The field of this name, here."""
        return Place(self.recipe, f"{self.way}.{name}" if self.way else name)

    def fail(self, what: str) -> NoReturn:
        """Raise BadRecipe: something is wrong here."""
        place = f"{recipe_text(self.recipe)}: "
        raise BadRecipe(place + (f"{self.way}: " if self.way else "") + what)

    def check_keys(
        self, given: Mapping[str, Any], known: Collection[str]
    ) -> None:
        """Raise BadRecipe for a key that is none."""
        for key in given:
            if key not in known:
                self.fail(f"there is no key {key!r}{hint(key, known)}")

    def read(self, given: Mapping[str, Any], key: str, default: Any) -> Any:
        """The value of a key, which has the type of its default."""
        value = given.get(key, default)
        kind = type(default)
        if not isinstance(value, Mapping if kind is dict else kind):
            self.fail(f"{key} is {_NAMES[kind]}, not {value!r}")
        return value


def hint(word: Any, known: Collection[str]) -> str:
    """What was probably meant, and what is possible."""
    meant = get_close_matches(str(word).lower(), known, 1)
    if meant:
        return f"; did you mean {meant[0]!r}?"
    return f"; there are {', '.join(known)}"
