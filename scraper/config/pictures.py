"""What holds for each variant of a picture: what it says, and what [image] says for all."""

from __future__ import annotations

from typing import Final

from scraper.config.settings import Config, ImageSettings, VariantSettings

DEFAULT: Final = "default"  # the variant that is made if none is asked for
SHARED: Final = tuple(name for name in VariantSettings.keys if name != "name")


def pictures_by_name(config: Config) -> dict[str, ImageSettings]:
    """By the name of each variant, what holds for it; of all pictures if there are none."""
    if not config.variant:
        return {DEFAULT: config.image}
    return {each.name: _with_own(config.image, each) for each in config.variant}


def _with_own(image: ImageSettings, variant: VariantSettings) -> ImageSettings:
    own = variant.own_values()
    return image.__replace__(
        **{name: own[name] for name in SHARED if name in own}
    )
