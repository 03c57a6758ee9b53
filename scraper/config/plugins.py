""" "module:function" -> callable, checked before the first request, with one message."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scraper.config.settings import Config, ImageSettings, PageSettings
from scraper.errors import UsageError
from scraper.machine.main_module import imported_by_workers, importing_functions

_FILE = re.compile(r"\.py$|[/\\]")
# AVIF comes back within three levels, whatever its encoder is asked for.
_FORMATS_WITH: Mapping[str, tuple[str, ...]] = {
    "progressive": ("jpeg", "keep"),
    "subsampling": ("jpeg", "avif", "keep"),
    "lossless": ("webp", "png"),
}


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


def check_page(page: PageSettings) -> None:
    """Raises UsageError if what is asked of pages cannot be done here."""
    if page.html:
        function_of(page.html, "html")
    if page.article and not _is_installed("trafilatura"):
        raise UsageError(
            "--article needs trafilatura: pip install 'scraper[article]'"
        )


def own_functions(config: Config) -> Iterator[tuple[str, str]]:
    """The key and the name of each function of the user's."""
    if config.page.html:
        yield "html", config.page.html
    for word in config.image.op:
        if ":" in word:
            yield "op", word


def check_image(image: ImageSettings) -> None:
    """Raises UsageError if pictures cannot be written as they are asked for."""
    for key, formats in _FORMATS_WITH.items():
        if getattr(image, key) and image.format not in formats:
            raise UsageError(
                f"{key} does not go with format = {image.format}, "
                f"but with {' and '.join(formats)}"
            )
    if image.format == "avif" and not _is_installed("PIL._avif"):
        raise UsageError(
            "--format avif needs a Pillow that was built with libavif, as its "
            "wheels are: pip install --force-reinstall pillow"
        )
    if image.phash and not _is_installed("imagehash"):
        raise UsageError(
            "--phash needs ImageHash: pip install 'scraper[phash]'"
        )


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def function_of(spec: str, key: str) -> Callable[..., Any]:
    """The function that `spec` names; `key` is the setting that it comes from.

    Raises UsageError if it cannot be found, or could not be found again in a worker process.
    """
    module_name, colon, name = spec.partition(":")
    if not colon or not module_name or not name or _FILE.search(module_name):
        near = f"; did you mean {meant}?" if (meant := _meant_by(spec)) else ""
        raise UsageError(
            f"{key} = {spec!r} is not right: write module:function{near}"
        )
    if module_name == "__main__" and imported_by_workers() is None:
        raise UsageError(f"{key}: {name} stands in no file that worker processes could import (but "
                         "at a prompt, in a notebook, on standard input): write it into a file "
                         f"such as mysite.py, and {key} = \"mysite:{name}\"")  # fmt: skip
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:
        # a console script does not look into the working folder
        sys.path.insert(0, here)
    try:
        with importing_functions():
            found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name and module_name.startswith(error.name):
            raise UsageError(
                f"{key}: no module {module_name!r} in {here} or installed"
            ) from error
        raise UsageError(
            f"{key}: {module_name} needs {error.name!r}, which is missing"
        ) from error
    except UsageError as error:
        raise UsageError(f"{key}: {module_name}: {error}") from None
    except Exception as error:
        raise UsageError(
            f"{key}: importing {module_name} fails: {type(error).__name__}: {error}"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{key}: {module_name} has no {name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(
            f"{key}: {spec} is a {type(found).__name__}, not a function"
        )
    qualname = getattr(found, "__qualname__", name)
    if "<lambda>" in qualname or "<locals>" in qualname:
        raise UsageError(f"{key}: {spec} is a lambda or a local function; a worker process cannot "
                         "find it: write it with `def` at the top of its module")  # fmt: skip
    function: Callable[..., Any] = found
    return function
