"""`--select price:number=.price_color`: a field in one line."""

import re
from typing import Any, Final

from processors.recipes.checks import Place, hint
from processors.recipes.values import TABLE, TYPES

FLAG_RECIPE: Final = "select"  # the name of the recipe that they are together
_FORM: Final = re.compile(
    r"([^:=\[\]]+)(?::([^=\[\]]*))?(\[\])?=(.*)", re.DOTALL
)


def parse_select(text: str) -> tuple[str, dict[str, Any]]:
    """The name of a field, and the field: `NAME[:TYPE][[]]=SELECTOR[@ATTR]`.

    >>> parse_select("links:url[]=article a@href")
    ('links', {'select': 'article a@href', 'type': 'url', 'list': True})

    Raises BadRecipe if it is not of this form. The selector is checked with all the others.
    """
    place = Place(FLAG_RECIPE)
    split = _FORM.fullmatch(text)
    if split is None:
        place.fail(
            f"{text!r} is not NAME=SELECTOR, such as title=h1, "
            "price:number=.price, link=a@href or tags[]=.tag; "
            "no space stands around the sign, and quotes around all of it"
        )
    name, type_name, is_list, selector = split.groups()
    field: dict[str, Any] = {"select": selector.strip()}
    if type_name is not None:
        if type_name not in (*TYPES, TABLE):
            known = (*TYPES, TABLE)
            place.below(name).fail(
                f"there is no type {type_name!r}{hint(type_name, known)}"
            )
        field["type"] = type_name
    if is_list:
        field["list"] = True
    return name.strip(), field
