"""The sheet of docs/variants.png: it shows each mode, operation and format, as they are now."""

from PIL import Image

from docs.variants_sheet import faded, modes, parts, sheet
from processors.image.formats import EXTENSIONS
from processors.image.variants.operations import WORDS
from processors.image.variants.sizes import MODES
from tests.conftest import PROJECT

CASES = [case for part in parts() for case in part.cases]


def test_each_of_them_is_shown() -> None:
    chains = [word for case in CASES for word in case.options.get("op", ())]
    words = {chain.partition("=")[0] for chain in chains}
    assert set(WORDS) <= words
    assert "docs.variants_sheet:faded" in words
    assert [case.options["resize_mode"] for case in modes().cases] == [*MODES]
    assert {case.options.get("format") for case in CASES} >= {*EXTENSIONS}


def test_an_operation_of_the_sheet() -> None:
    assert faded(Image.new("L", (1, 1), 90)).getpixel((0, 0)) == 140


def test_the_sheet_in_the_docs_is_that_of_now() -> None:
    """But for what an encoder of another version makes of it."""
    path = PROJECT / "docs" / "variants.png"
    assert path.stat().st_size < 400_000
    with Image.open(path) as image:
        assert image.size == sheet(parts()).size
