import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page.images.media_queries import matches_media

# A list of media queries, a width in pixels, and whether they match.
QUERIES = [
    ("", 600, True),
    (" ", 600, True),
    ("/* nothing */", 600, True),
    ("all", 600, True),
    ("screen", 600, True),
    ("SCREEN", 600, True),
    ("print", 600, False),
    ("speech", 600, False),
    ("unheard-of", 600, False),
    ("print, screen", 600, True),
    (",", 600, False),
    ("not print", 600, True),
    ("not all", 600, False),
    ("only screen", 600, True),
    ("only", 600, False),
    ("not not", 600, False),
    ("and", 600, False),
    ("(min-width: 600px)", 600, True),
    ("(min-width: 600px)", 599, False),
    ("(max-width: 600px)", 600, True),
    ("(max-width: 600px)", 601, False),
    ("(max-width: 600px)", float("inf"), False),
    ("(min-width: 600px)", float("inf"), True),
    ("(width: 600px)", 600, True),
    ("(WIDTH: 600PX)", 600, True),
    ("(width)", 600, True),
    ("(width)", 0, False),
    ("(width >= 600px)", 600, True),
    ("(width>=600px)", 599, False),
    ("(width > 600px)", 600, False),
    ("(width < 601px)", 600, True),
    ("(width <= 600px)", 601, False),
    ("(width = 600px)", 600, True),
    ("(600px <= width)", 600, True),
    ("(600px > width)", 600, False),
    ("(400px <= width <= 700px)", 600, True),
    ("(400px <= width <= 700px)", 701, False),
    ("(700px >= width > 400px)", 400, False),
    ("(400px < width > 300px)", 600, False),
    ("(400px = width = 400px)", 400, False),
    ("(400px <= width <= )", 600, False),
    ("(width < = 600px)", 600, False),
    ("(width ! 600px)", 600, False),
    ("(min-width >= 600px)", 600, False),
    ("(min-width: 37.5em)", 600, True),
    ("(min-width: 37.5rem)", 599, False),
    ("(min-width: calc(500px + 100px))", 599, False),
    ("(min-width: 0)", 0, True),
    ("(min-width: 600)", 600, False),
    ("(min-width)", 600, False),
    ("(min-width: 600px", 600, True),
    ("[min-width: 600px]", 600, False),
    ("min-width: 600px", 600, False),
    ("screen and (min-width: 600px)", 600, True),
    ("screen and (min-width: 600px)", 599, False),
    ("print and (min-width: 600px)", 600, False),
    ("not screen and (min-width: 600px)", 599, True),
    ("screen (min-width: 600px)", 600, False),
    ("screen or (min-width: 600px)", 600, False),
    ("screen and", 600, False),
    ("screen and(width)", 600, False),
    ("screen and (width) or (width)", 600, False),
    ("screen and (width) and (min-width: 1px)", 600, True),
    ("(width) and (width) or (width)", 600, False),
    ("(min-width: 900px) or (max-width: 600px)", 600, True),
    ("(min-width: 500px) and (max-width: 600px)", 600, True),
    ("not (min-width: 900px)", 600, True),
    ("not (min-width: 900px) and (width)", 600, False),
    ("((min-width: 500px) and (not (width: 600px)))", 600, False),
    ("(((width)))", 600, True),
    ("(orientation: landscape)", 600, False),
    ("not (orientation: landscape)", 600, False),
    ("(orientation: landscape) or (width)", 600, True),
    ("(orientation: landscape) and (width)", 600, False),
    ("not ((orientation: landscape) and (width: 1px))", 600, True),
    ("not all and (orientation: landscape)", 600, False),
    ("supports(width)", 600, False),
    ("()", 600, False),
    ("(" * 33 + "width" + ")" * 33, 600, False),
]


@pytest.mark.parametrize(("text", "viewport", "expected"), QUERIES)
def test_media_queries_match_as_the_standard_says(
    text: str, viewport: float, expected: bool
) -> None:
    assert matches_media(text, viewport) is expected


@given(
    st.lists(
        st.sampled_from(
            [*"():<= ,", "width", "min-width", "600px", "and", "or", "not"]
        )
    )
)
def test_any_words_are_media_queries(words: list[str]) -> None:
    assert matches_media(" ".join(words), 600) in (True, False)
