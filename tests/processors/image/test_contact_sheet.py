"""The sheet of docs/contact_sheet.png: its cases show what they are meant to show."""

import pytest
from PIL import Image, ImageChops, ImageStat

from docs.contact_sheet import (
    MARGIN,
    SIZE,
    Case,
    cases,
    properly,
    sheet,
)
from tests.conftest import PROJECT

CASES = cases()
COMPARED = [case for case in CASES if case.meant]


@pytest.mark.parametrize("case", COMPARED, ids=lambda case: case.name)
def test_a_case_shows_what_it_is_meant_to(case: Case) -> None:
    assert case.meant
    difference = ImageChops.difference(properly(case), case.meant)
    # At the edges of patches Lanczos and the mean of an area differ.
    assert max(ImageStat.Stat(difference).median) <= 2
    assert max(ImageStat.Stat(difference).mean) <= 4


def test_what_has_not_come_is_the_only_case_without_a_meaning() -> None:
    left = [case for case in CASES if case not in COMPARED]
    assert [case.name for case in left] == ["JPEG, ends too early"]
    top = properly(left[0]).getpixel((8, 8))
    assert isinstance(top, tuple)
    assert all(abs(a - b) <= 3 for a, b in zip(top, (115, 82, 68), strict=True))


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_a_sheet_shows_before_and_after() -> None:
    some = [CASES[1], CASES[7]]
    small = sheet(some)
    places = [MARGIN, MARGIN + SIZE[0] + MARGIN]
    before, after = (
        small.crop((x, 34, x + SIZE[0], 34 + SIZE[1])) for x in places
    )
    assert before.tobytes() != after.tobytes()
    assert after.tobytes() == properly(some[0]).tobytes()


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_the_sheet_in_the_docs_has_every_case() -> None:
    path = PROJECT / "docs" / "contact_sheet.png"
    assert path.stat().st_size < 300_000
    with Image.open(path) as image:
        assert image.size == sheet(CASES).size
