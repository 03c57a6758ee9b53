"""A file of the user that Python would take for a package of ours.

Workers look into the working folder first, so a `processors.py` there would be imported in place of
the package that processes pages and pictures.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import scraper
from scraper.errors import UsageError

NAME = "processors"


def refuse_shadows() -> None:
    """Raises UsageError, with what to do, if something else has the name of our package.

    Or if there is no working folder, which multiprocessing asks for when it starts a process.
    """
    ours = Path(scraper.__file__).resolve().parent.parent / NAME / "__init__.py"
    for found in _candidates():
        if found.resolve() != ours:
            raise UsageError(
                f"{found} has the name of a package of this program, which workers would import "
                "in its place: rename it, or start from another folder"
            )


def _candidates() -> Iterator[Path]:
    """What the name stands for here, and in a process that looks into the working folder first."""
    loaded = sys.modules.get(NAME)
    spec = (
        loaded.__spec__
        if loaded is not None
        else importlib.util.find_spec(NAME)
    )
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin)
    folder = _working_folder()
    for name in (f"{NAME}.py", f"{NAME}/__init__.py"):
        path = folder / name
        if path.is_file():
            yield path


def _working_folder() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise UsageError(
            "the working folder has been removed: start from a folder that is there"
        ) from None
