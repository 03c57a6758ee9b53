"""What of others is used, checked before the first request: functions of the user's, packages that
may be missing."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

from scraper.config.functions import function_of
from scraper.config.keys import Key
from scraper.config.loading import value_of
from scraper.config.settings import (
    KEYS,
    Config,
    FileSettings,
    ImageSettings,
    PageSettings,
)
from scraper.errors import UsageError

# AVIF comes back within three levels, whatever its encoder is asked for.
_FORMATS_WITH: Mapping[str, tuple[str, ...]] = {
    "progressive": ("jpeg", "keep"),
    "subsampling": ("jpeg", "avif", "keep"),
    "lossless": ("webp", "png"),
}


def own_functions(config: Config) -> Iterator[tuple[Key, str]]:
    """The keys that name functions of the user's, each with the module:function that it names."""
    for key in KEYS.values():
        if key.info.takes is None:
            continue
        value = value_of(config, key)
        if key.is_list:  # other words may stand in it
            of_variants = (getattr(each, key.name) for each in config.variant)
            words = chain(value, *filter(None, of_variants))
            yield from ((key, each) for each in words if ":" in each)
        elif value:
            yield key, value


def check_functions(config: Config) -> None:
    """Raises UsageError if one is named that cannot be called in a worker process."""
    for key, spec in own_functions(config):
        function_of(spec, key.name, key.info.takes)


def source_hashes(config: Config) -> dict[str, str]:
    """By the name of its key, a hash of the file in which a function stands; of several, of all."""
    files: dict[str, list[bytes]] = {}
    for key, spec in own_functions(config):
        module = sys.modules[function_of(spec, key.name).__module__]
        file = getattr(module, "__file__", None)
        source = Path(file).read_bytes() if file else b""
        files.setdefault(key.name, []).append(source)
    return {
        name: hashlib.sha256(b"".join(sources)).hexdigest()[:16]
        for name, sources in files.items()
    }


def check_page(page: PageSettings) -> None:
    """Raises UsageError if what is asked of pages cannot be done here."""
    if page.article and not _is_installed("trafilatura"):
        raise UsageError(
            "--article needs trafilatura: pip install 'scraper[article]'"
        )


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


def check_phash(image: ImageSettings) -> None:
    """Raises UsageError if hashes of pictures are asked for, and what makes them is missing."""
    if image.phash and not _is_installed("imagehash"):
        raise UsageError(
            "--phash needs ImageHash: pip install 'scraper[phash]'"
        )


def check_file(file: FileSettings) -> None:
    """Raises UsageError if the data of JSON would be two things."""
    if file.file and file.parse_json:
        raise UsageError(
            f"--file {file.file} gets bodies of JSON too (file.json()), so --parse-json would be "
            "a second meaning of `data`: leave out one of them"
        )


def _is_installed(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
