"""What is asked of pictures is checked before the first request."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.config import Config, configure
from scraper.config.plugins import check_functions
from scraper.errors import UsageError
from scraper.run_folder.options import page_options
from scraper.run_folder.pictures import check_pictures, widest_of


def check(config: Config) -> None:
    """As a run does, functions first."""
    check_functions(config)
    check_pictures(config)


def complaint(**asked: object) -> str:
    config = configure(**asked)
    with pytest.raises(UsageError) as refused:
        check(config)
    return str(refused.value)


@pytest.mark.parametrize("format", ["keep", "jpeg", "avif"])
def test_lossless_needs_a_format_that_is(format: str) -> None:
    assert complaint(lossless=True, format=format) == (
        f"lossless does not go with format = {format}, but with webp and png"
    )


@pytest.mark.parametrize(
    ("key", "value", "format"),
    [
        ("progressive", True, "webp"),
        ("progressive", True, "avif"),
        ("subsampling", "4:4:4", "webp"),
        ("subsampling", "4:2:0", "png"),
    ],
)
def test_an_option_that_a_format_does_not_have(
    key: str, value: object, format: str
) -> None:
    told = complaint(**{key: value, "format": format})
    assert told.startswith(f"{key} does not go with format = {format}, but")


def test_an_operation_that_is_none() -> None:
    told = complaint(op="blurr=2")
    assert told.startswith("op: 'blurr=2' is no operation; those are crop, ")
    assert told.endswith("and module:function")


def test_an_operation_that_is_wrong() -> None:
    assert complaint(op=["sharpen", "rotate"]) == (
        "op: 'rotate' is not right: write degrees from -360 to 360, as in rotate=90"
    )


def test_a_function_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert complaint(op="nowhere:f").startswith("op: no module 'nowhere'")
    assert "did you mean stamps:f?" in complaint(op="./stamps.py:f")


def test_what_can_be_done() -> None:
    words = "crop=1,2,-3,4 gray blur=.5 resize rotate=-12.5 sharpen PIL.ImageOps:flip"
    check(configure(op=words.split(), format="webp", lossless=True))


@pytest.mark.parametrize(
    ("variants", "width"),
    [
        ([], 512),
        (["thumb=64x64,cover"], 64),
        (["thumb=64", "big=1024x10"], 1024),
        (["thumb=64", "same=webp"], 512),
        (["thumb=64", "whole=0"], 0),
    ],
)
def test_the_files_of_pages_are_chosen_for_the_widest_variant(
    variants: list[str], width: int
) -> None:
    config = configure(variant=variants)
    assert widest_of(config) == width
    assert page_options(config)["image_width"] == width
    asked = configure(variant=variants, image_width=300)
    assert page_options(asked)["image_width"] == 300
