"""A user's own function for pages, whose result becomes plain data."""

from collections.abc import Callable
from typing import Any

import orjson

from processors.functions import call, failed
from processors.page.page import Page


def apply_function(page: Page, function: Callable[[Page], Any]) -> Any:
    """What the user's function returns for this page, as plain data: what JSON can hold.

    Dates become ISO 8601 text, tuples lists. The result shares nothing with the page, though its
    strings may have come out of a soup. Raises Unusable `function_failed` if the function raises
    or returns something else, with the line of the user's file; MemoryError passes through.
    """
    returned = call(function, page)
    try:
        return orjson.loads(orjson.dumps(returned))
    except orjson.JSONEncodeError as error:
        what = f"returned what is not plain data: {error}"
        raise failed(function, what) from error
