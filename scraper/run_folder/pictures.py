"""The plan of what becomes of pictures, as a configuration asks for it, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scraper.config import KEYS, Config, ImageSettings
from scraper.config.pictures import SHARED, pictures_by_name
from scraper.config.plugins import check_image, check_phash
from scraper.errors import UsageError

Table = dict[str, Any]
# The keys of `processors.image.filters.rules.Filters`.
FILTERS = (
    "min_size",
    "max_size",
    "min_area",
    "max_area",
    "max_aspect_ratio",
    "min_filesize_bytes",
    "max_filesize_bytes",
    "skip_blank",
)


def plan_of(config: Config) -> Table:
    """The fields of `processors.image.Plan`, as plain data."""
    variants = [
        {name: getattr(image, name) for name in SHARED} | {"name": name}
        for name, image in pictures_by_name(config).items()
        if config.variant
    ]
    options = config.image.as_dict()
    del options["image"]  # a function, which is given the picture itself
    return {**options, "variants": variants}


def tables_of(config: Config) -> list[Table]:
    """What each of [[variant]] says itself."""
    return [each.own_values() for each in config.variant]


def variant_names_of(config: Config) -> tuple[str, ...]:
    """What the variants are called."""
    return tuple(pictures_by_name(config))


def widest_of(config: Config) -> int:
    """The width of the widest variant; 0 if one of them keeps every size."""
    widths = [
        int(image.resize.partition("x")[0])
        for image in pictures_by_name(config).values()
    ]
    return max(widths) if all(widths) else 0


def check_pictures(config: Config) -> None:
    """Raises UsageError if pictures cannot be made as they are asked for."""
    names = [each.name for each in config.variant]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(
                f"two variants are called {name!r}: give each a name of its own"
            )
    for name, image in pictures_by_name(config).items():
        try:
            check_image(image)
            _check_matte(image.matte)
            _check_operations(image.op)
        except UsageError as error:
            place = f"variant {name!r}: " if config.variant else ""
            raise UsageError(f"{place}{error}") from None
    check_phash(config.image)
    _check_filters(config.image)


def _check_operations(words: Sequence[str]) -> None:
    """To know them loads Pillow."""
    if not words:
        return
    from processors.image.variants.operations import check_words

    try:
        check_words(words)
    except ValueError as error:
        raise UsageError(f"op: {error}") from None


def _check_matte(matte: str) -> None:
    """To look up a colour loads Pillow."""
    if matte == KEYS["matte"].default:
        return
    from processors.image.colours import parse_colour

    try:
        parse_colour(matte)
    except ValueError:
        raise UsageError(
            f"matte = {matte!r} is no colour: "
            "write a name such as white, or #rgb or #rrggbb"
        ) from None


def _check_filters(image: ImageSettings) -> None:
    """Raises UsageError if they let no picture through; to look into them loads Pillow."""
    given = {name: getattr(image, name) for name in FILTERS}
    if given.items() <= image.defaults.items():
        return
    from processors.image.filters.rules import Filters

    names = Filters(**given).contradiction()
    if names:
        shown = " and ".join(f"{name} = {given[name]!r}" for name in names)
        verb = "lets" if len(names) == 1 else "let"
        raise UsageError(f"{shown} {verb} no picture through: change one")
