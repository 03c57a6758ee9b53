"""What a picture or page becomes is said in the configuration, and taken by the processors."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from typing import Any

from processors.image import Plan
from processors.page.facts import PageOptions
from scraper.config.settings import ImageSettings, PageSettings


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
    assert defaults_of_fields(Plan) == ImageSettings.defaults


def test_the_options_of_a_page_are_keys_of_the_page_section() -> None:
    assert (
        defaults_of_fields(PageOptions).items() <= PageSettings.defaults.items()
    )
