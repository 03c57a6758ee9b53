"""What a picture or page becomes is said in the configuration, and taken by the processors."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from processors.image import Plan
from processors.page.facts import PageOptions
from scraper import configure
from scraper.config.settings import Config, ImageSettings, PageSettings
from scraper.run_folder.options import page_options


def defaults_of_fields(kind: Any) -> dict[str, Any]:
    """The fields of a dataclass and what they are if nothing is said."""
    return {each.name: _default_of(each) for each in fields(kind)}


def _default_of(field: Field[Any]) -> Any:
    return (
        field.default
        if field.default is not MISSING
        else field.default_factory()
    )  # type: ignore[misc]


def test_the_plan_of_a_picture_is_the_image_section() -> None:
    of_several = {"name": "default", "variants": ()}
    expected = {**ImageSettings.defaults, **of_several}
    del expected["image"]  # a function, which is given the picture itself
    assert defaults_of_fields(Plan) == expected


def test_the_options_of_a_page_are_made_of_the_configuration() -> None:
    options = page_options(Config())
    assert options.keys() == defaults_of_fields(PageOptions).keys()
    # as wide as the pictures become, unless it is said
    assert options["image_width"] == int(ImageSettings.defaults["resize"])
    config = configure(resize=0, image_width=300)
    assert page_options(config)["image_width"] == 300


def test_the_options_of_a_page_are_keys_of_the_page_section() -> None:
    assert (
        defaults_of_fields(PageOptions).items() <= PageSettings.defaults.items()
    )
