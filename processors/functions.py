"""Users' own functions: found by their names, and called so that a failure is one line."""

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import orjson

from processors import Unusable


def import_function(spec: str) -> Callable[..., Any]:
    """What "module:function" names. Raises what importing it raises."""
    module, _, name = spec.partition(":")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = found
    return function


def apply_function(function: Callable[..., Any], *given: Any) -> Any:
    """What the user's function returns of what it is given, as plain data: what JSON can hold.

    Dates become ISO 8601 text, tuples lists. The result shares nothing with what was given, though
    its strings may have come out of a soup. Raises Unusable `function_failed` if the function
    raises or returns something else, with the line of the user's file; MemoryError passes through.
    """
    returned = call(function, *given)
    try:
        # as deep as it will stand in a record
        return orjson.loads(orjson.dumps({"data": returned}))["data"]
    except orjson.JSONEncodeError as error:
        what = f"returned what is not plain data: {error}"
        raise failure_of(function, what) from error


# The names of the module that a program began with, there and in its children.
_SCRIPTS = ("__main__", "__mp_main__")


def call(function: Callable[..., Any], *given: Any) -> Any:
    """What a user's function returns.

    Raises Unusable `function_failed` if it raises, with the line of the user's file; MemoryError
    passes through.
    """
    try:
        return function(*given)
    except MemoryError:
        raise
    except (Exception, SystemExit) as error:
        reason = " ".join(str(error).split())
        what = f"raised {type(error).__name__}: {reason}"
        raise failure_of(function, what + _where(error, function)) from error


def failure_of(function: Callable[..., Any], what: str) -> Unusable:
    """That a user's function did this."""
    return Unusable("function_failed", f"{_name_of(function)} {what}")


def _name_of(function: Callable[..., Any]) -> str:
    """As its user would call it: a script has another name in a worker than where it was
    started."""
    name = getattr(function, "__qualname__", type(function).__qualname__)
    module = getattr(function, "__module__", None) or "?"
    if module in _SCRIPTS:
        file = getattr(sys.modules.get(module), "__file__", None)
        module = PurePath(file).name if file else module
    return f"{module}:{name}"


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
