"""Variants of pictures: tables, and the same in one line."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from processors.image.plan import Variant
from processors.image.variants.operations import WORDS
from scraper.config import ImageSettings, VariantSettings, configure
from scraper.config.settings import SCHEMA
from scraper.config.variants import OPERATIONS
from scraper.errors import UsageError
from scraper.run_folder.pictures import check_pictures, plan_of


def own_values(line: str) -> dict[str, Any]:
    (variant,) = configure(variant=[line]).variant
    return variant.own_values()


@pytest.mark.parametrize(
    ("line", "table"),
    [
        ("thumb=128", {"resize": "128"}),
        (
            "thumb=128x96,cover,gray,webp",
            {
                "resize": "128x96",
                "resize_mode": "cover",
                "grayscale": True,
                "format": "webp",
            },
        ),
        ("thumb=center_crop", {"resize_mode": "cover"}),
        ("thumb=jpg,quality=40", {"format": "jpeg", "quality": 40}),
        ("thumb = no-enlarge , 0", {"enlarge": False, "resize": "0"}),
        (
            "thumb=blur=2,64,sharpen",
            {"op": ("blur=2", "sharpen"), "resize": "64"},
        ),
        (
            "thumb=crop=1,2,-3,90%,autocontrast,resize,gray,a.b:c",
            {
                "op": (
                    "crop=1,2,-3,90%",
                    "autocontrast",
                    "resize",
                    "gray",
                    "a.b:c",
                )
            },
        ),
        ("thumb=subsampling=4:4:4", {"subsampling": "4:4:4"}),
        (
            "thumb=4:4:4,progressive",
            {"subsampling": "4:4:4", "progressive": True},
        ),
        (
            "thumb=no-grayscale,matte=#123",
            {"grayscale": False, "matte": "#123"},
        ),
    ],
)
def test_words_stand_for_keys(line: str, table: dict[str, Any]) -> None:
    assert own_values(line) == {"name": "thumb", **table}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("thumb", "expected NAME=WORDS"),
        ("thumb=", "expected NAME=WORDS"),
        ("thumb=12,,gray", "expected NAME=WORDS"),
        ("thumb=12,13x13", "'12' and '13x13' both say its resize"),
        ("thumb=cover,pad", "'cover' and 'pad' both say its resize_mode"),
        ("thumb=wepb", "'wepb' is no word of a variant; did you mean webp?"),
        ("thumb=name=x", "'name=x' is no word"),
        ("thumb=quality=0", "quality = '0' from the script is invalid"),
        (
            "Thumb=12",
            "name = 'Thumb' from the script is invalid: expected small",
        ),
        ("a/b=12", "name = 'a/b'"),
        ("thumb=100000", "resize = '100000'"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_wrong_in_it(
    line: str, told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        configure(variant=[line])

    assert f"variant {line!r}: " in str(caught.value)
    assert told in str(caught.value)


def test_no_word_means_two_keys() -> None:
    keys = SCHEMA.tables["variant"].keys.by_name.values()
    words = [
        word
        for key in keys
        for word in (*key.info.choices, *key.info.aliases)
        if word
    ]

    assert len(words) == len(set(words))


def test_a_variant_has_the_keys_of_the_processor_and_each_but_its_name_of_all() -> (
    None
):
    names = [each.name for each in fields(Variant)]

    assert sorted(VariantSettings.keys) == sorted(names)
    assert set(names) - set(ImageSettings.keys) == {"name"}


def test_every_operation_is_a_word() -> None:
    assert {*OPERATIONS, "gray"} == set(WORDS)
    for word in (
        "crop=1,1,9,9",
        "rotate=9",
        "blur=1",
        "sharpen",
        "autocontrast",
    ):
        check_pictures(configure(variant=[f"a=9,{word}"]))


@pytest.mark.parametrize("word", ["crop=1,2,gray", "rotate=much"])
def test_a_wrong_operation_is_named_with_its_variant(word: str) -> None:
    with pytest.raises(UsageError, match="variant 'a': op"):
        check_pictures(configure(variant=[f"a={word}"]))


def test_what_is_not_said_is_as_for_all() -> None:
    config = configure(
        quality=70,
        grayscale=True,
        variant=["a=64", {"name": "b", "grayscale": False}],
    )

    a, b = plan_of(config)["variants"]
    assert (a["name"], a["resize"], a["quality"], a["grayscale"]) == (
        "a",
        "64",
        70,
        True,
    )
    assert (b["resize"], b["grayscale"]) == ("512", False)
    assert plan_of(configure())["variants"] == []


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"variant": ["a=1", "a=2"]}, "two variants are called 'a'"),
        (
            {"variant": ["a=matte=whit"]},
            "variant 'a': matte = 'whit' is no colour",
        ),
        ({"matte": "whit"}, "matte = 'whit' is no colour"),
    ],
)
def test_what_cannot_be_made_is_refused(
    keys: dict[str, Any], told: str
) -> None:
    with pytest.raises(UsageError) as caught:
        check_pictures(configure(**keys))

    assert str(caught.value).startswith(told)
