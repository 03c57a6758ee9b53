"""A user's own function for pages, whose result becomes plain data."""

import sys
import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import orjson

from processors import Unusable
from processors.page.page import Page


def apply_function(page: Page, function: Callable[[Page], Any]) -> Any:
    """What the user's function returns for this page, as plain data: what JSON can hold.

    Dates become ISO 8601 text, tuples lists. The result shares nothing with the page, though its
    strings may have come out of a soup. Raises Unusable `function_failed` if the function raises
    or returns something else, with the line of the user's file; MemoryError passes through.
    """
    try:
        returned = function(page)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        message = (
            f"{_name_of(function)} raised {type(error).__name__}: {reason}"
        )
        raise Unusable(
            "function_failed", message + _where(error, function)
        ) from error
    try:
        return orjson.loads(orjson.dumps(returned))
    except orjson.JSONEncodeError as error:
        message = (
            f"{_name_of(function)} returned what is not plain data: {error}"
        )
        raise Unusable("function_failed", message) from error


def _name_of(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{getattr(function, '__module__', None) or '?'}:{name}"


def _where(error: BaseException, function: Callable[..., Any]) -> str:
    """The last line of the user's own file that ran, else the last line that ran at all."""
    frames = traceback.extract_tb(error.__traceback__)[1:]  # the first is ours
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    own = getattr(module, "__file__", None)
    frame = next((f for f in reversed(frames) if f.filename == own), None)
    frame = frame or (frames[-1] if frames else None)
    return (
        f" ({PurePath(frame.filename).name}, line {frame.lineno})"
        if frame
        else ""
    )
