"""A function of the user's: "module:function", or itself in a script; checked before the first
request, with one message."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

from scraper.errors import UsageError
from scraper.machine.main_module import imported_by_workers, importing_functions

_FILE = re.compile(r"\.py$|[/\\]")


def names_in(given: Any, key: str) -> Any:
    """Functions, by the names under which a worker process finds them; what else is given as it is.

    `key` is the setting that they are given to. Raises UsageError for one that cannot be found.
    """
    if isinstance(given, list | tuple):
        return [names_in(each, key) for each in given]
    return _name_of(given, key) if callable(given) else given


def _name_of(function: Callable[..., Any], key: str) -> str:
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None)
    if not module or not name:
        raise UsageError(
            f"{key}: {function!r} is no function with a name, and a worker process could not find "
            "it: write one with `def` at the top of its module"
        )
    _check_name(name, f"{module}:{name}", key)
    try:
        found = reduce(getattr, name.split("."), _loaded(module))
    except AttributeError:
        found = None
    if found != function:
        raise UsageError(
            f"{key}: {module}:{name} is not this function, and a worker process could not find it: "
            "write it with `def` at the top of its module"
        )
    return f"{module}:{name}"


def _loaded(module: str) -> Any:
    return sys.modules.get(module)


def _check_name(qualname: str, spec: str, key: str) -> None:
    if "<lambda>" in qualname or "<locals>" in qualname:
        raise UsageError(f"{key}: {spec} is a lambda or a local function; a worker process cannot "
                         "find it: write it with `def` at the top of its module")  # fmt: skip


def function_of(
    spec: str, key: str, takes: Sequence[str] | None = None
) -> Callable[..., Any]:
    """The function that `spec` names; `key` is the setting that it comes from, `takes` is what it
    is called with.

    Raises UsageError if it cannot be found, or could not be found again in a worker process.
    """
    module_name, name = _parts_of(spec, key)
    if module_name == "__main__" and imported_by_workers() is None:
        raise UsageError(f"{key}: {name} stands in no file that worker processes could import (but "
                         "at a prompt, in a notebook, on standard input): write it into a file "
                         f"such as mysite.py, and {key} = \"mysite:{name}\"")  # fmt: skip
    found: Any = _import(module_name, key)
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{key}: {module_name} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(
            f"{key}: {spec} is a {type(found).__name__}, not a function"
        )
    _check_name(getattr(found, "__qualname__", name), spec, key)
    if takes is not None:
        _check_call(found, spec, key, takes)
    function: Callable[..., Any] = found
    return function


def _parts_of(spec: str, key: str) -> tuple[str, str]:
    module, colon, name = spec.partition(":")
    if not colon or not module or not name or _FILE.search(module):
        near = f"; did you mean {meant}?" if (meant := _meant_by(spec)) else ""
        raise UsageError(
            f"{key} = {spec!r} is not right: write module:function{near}"
        )
    return module, name


def _meant_by(spec: str) -> str:
    """mysite.py:f, ./mysite.py:f, shop/mysite:f, mysite.f: as module:function; or nothing."""
    module, colon, name = spec.partition(":")
    if not colon:
        module, _, name = spec.rpartition(".")
    parts = (
        module.removesuffix(".py")
        .removeprefix("./")
        .replace("\\", "/")
        .split("/")
    )
    words = [*parts, *name.split(".")]
    is_name = all(
        word.isidentifier() for part in words for word in part.split(".")
    )
    return f"{'.'.join(parts)}:{name}" if is_name and name != "py" else ""


def _import(module: str, key: str) -> ModuleType:
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        # a console script does not look into the working folder
        sys.path.insert(0, here)
    try:
        with importing_functions():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise UsageError(
                f"{key}: no module {module!r} in {here} or installed"
            ) from error
        raise UsageError(
            f"{key}: {module} needs {error.name!r}, which is missing"
        ) from error
    except UsageError as error:
        raise UsageError(f"{key}: {module}: {error}") from None
    except Exception as error:
        raise UsageError(
            f"{key}: importing {module} fails: {type(error).__name__}: {error}"
        ) from error


def _check_call(
    function: Callable[..., Any], spec: str, key: str, takes: Sequence[str]
) -> None:
    import inspect  # only where there is a function

    try:
        signature = inspect.signature(function)
    except ValueError:  # one of C may have none
        return
    try:
        signature.bind(*takes)
    except TypeError:
        name = spec.rpartition(":")[2]
        raise UsageError(
            f"{key}: {spec} takes {signature}, and is called with ({', '.join(takes)}): write "
            f"`def {name}({', '.join(takes)})`"
        ) from None
