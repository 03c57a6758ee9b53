"""`--select price:number=.price_color`: a field in one line."""

import re
from typing import Any, Final

from processors.recipes.checks import Place

FLAG_RECIPE: Final = "select"  # the name of the recipe that they are together
_FORM: Final = re.compile(
    r"([^:=\[\]]+)(?::([^=\[\]]*))?(\[\])?=(.*)", re.DOTALL
)


def parse_select(text: str) -> tuple[str, dict[str, Any]]:
    """The name of a field, and the field: `NAME[:TYPE][[]]=SELECTOR[@ATTR]`.

    >>> parse_select("links:url[]=article a@href")
    ('links', {'select': 'article a@href', 'type': 'url', 'list': True})

    Raises BadRecipe if it is not of this form. Selector and type are checked with all the others.
    """
    split = _FORM.fullmatch(text)
    if split is None:
        Place(FLAG_RECIPE).fail(
            f"{text!r} is not NAME=SELECTOR, such as title=h1, "
            "price:number=.price, link=a@href or tags[]=.tag; "
            "no space stands around the sign, and quotes around all of it"
        )
    name, type_name, is_list, selector = split.groups()
    field: dict[str, Any] = {"select": selector.strip()}
    if type_name is not None:
        field["type"] = type_name.strip()
    if is_list:
        field["list"] = True
    return name.strip(), field
