"""What is wanted of a page, said without Python: recipes to fields and items.

compile     recipes as they stand in TOML -> checked and ready
recipes     recipes, applied to one page or body after the other
extracted   what comes of it: fields, items, fill, what does not fit
fields      one field: what it finds
scope       where it is looked for: a page, an item, a body of JSON
sources     where values come from
selectors   CSS, with the attribute that is meant
json_paths  JMESPath into JSON-LD and JSON
values      the types: how an element says a value, how its text is read
amounts     numbers in any locale
dates       dates in the page's language
tables      a table by its header
flags       a field in one line
checks      what is wrong with a recipe
trial       a recipe tried field by field
suggest     selectors that fit a text
holders     the elements that hold it
steps       what an element can be called in a selector

>>> from processors.page import Page
>>> recipe = {
...     "match": "*/catalogue/*",
...     "fields": {
...         "title": "h1",
...         "price": {"select": ".price", "type": "number", "required": True},
...     },
... }
>>> recipes = compile_recipes([recipe])
>>> url = "https://example.org/catalogue/1"
>>> page = Page(url, "<h1>A light</h1><p class=price>£51.77".encode())
>>> recipes.apply(page, url).fields
{'title': 'A light', 'price': 51.77}
"""

from processors.recipes.checks import BadRecipe
from processors.recipes.compile import compile_recipes, url_pattern
from processors.recipes.extracted import Extracted, Fill, Unfit
from processors.recipes.flags import parse_select
from processors.recipes.recipes import Recipes

__all__ = [
    "BadRecipe",
    "Extracted",
    "Fill",
    "Recipes",
    "Unfit",
    "compile_recipes",
    "parse_select",
    "url_pattern",
]
