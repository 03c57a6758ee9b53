"""Written from the steps of the HTML standard, not from what the code does."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page.images.srcset import (
    Candidate,
    parse_sizes,
    parse_srcset,
    select_candidate,
    source_set,
)

# "parse a srcset attribute": text, and the candidates as (url, width, density)
SRCSETS = {
    "nothing": ("", []),
    "only white space": (" \t\n\f\r", []),
    "only commas": (" ,, , ,", []),
    "one URL": ("a.jpg", [("a.jpg", None, None)]),
    "a density": ("a.jpg 2x", [("a.jpg", None, 2.0)]),
    "a width": ("a.jpg 640w", [("a.jpg", 640, None)]),
    "a width and a height": ("a.jpg 640w 480h", [("a.jpg", 640, None)]),
    "a height before the width": ("a.jpg 480h 640w", [("a.jpg", 640, None)]),
    "a list": (
        "a 1x, b 1.5x , c\t3x",
        [("a", None, 1.0), ("b", None, 1.5), ("c", None, 3.0)],
    ),
    "a list without spaces": (
        "a 1x,b 2x",
        [("a", None, 1.0), ("b", None, 2.0)],
    ),
    "line ends": ("\n a 1w,\r\n b\f2w \n", [("a", 1, None), ("b", 2, None)]),
    "a comma before the first": (",a 2x", [("a", None, 2.0)]),
    "commas between": ("a 1x,, ,b 2x", [("a", None, 1.0), ("b", None, 2.0)]),
    "a comma that ends a URL": (
        "a, b 2x",
        [("a", None, None), ("b", None, 2.0)],
    ),
    "many commas that end a URL": (
        "a,,, b 2x",
        [("a", None, None), ("b", None, 2.0)],
    ),
    "a comma within a URL": ("a,b 2x", [("a,b", None, 2.0)]),
    "a data URI": (
        "data:image/gif;base64,R0lGOD== 1x, b 2x",
        [("data:image/gif;base64,R0lGOD==", None, 1.0), ("b", None, 2.0)],
    ),
    "no-break space is no white space": (
        "a\u00a0b 2x",
        [("a\u00a0b", None, 2.0)],
    ),
    "brackets in a URL": ("a(1,2) 2x", [("a(1,2)", None, 2.0)]),
    "a comma in brackets": ("a (1x, 2x), b 2x", [("b", None, 2.0)]),
    "brackets that stay open": ("a 1x, b (2x, c 3x", [("a", None, 1.0)]),
    "brackets in brackets end with the first": (
        "a (b(c)), d 1x",
        [("d", None, 1.0)],
    ),
    "an unknown descriptor": ("a 100q, b", [("b", None, None)]),
    "a bare number": ("a 100, b", [("b", None, None)]),
    "upper case": ("a 100W, b 2X, c", [("c", None, None)]),
    "two densities": ("a 1x 2x, b", [("b", None, None)]),
    "two widths": ("a 1w 2w, b", [("b", None, None)]),
    "two heights": ("a 1w 2h 3h, b", [("b", None, None)]),
    "a width and a density": ("a 100w 2x, b", [("b", None, None)]),
    "a density and a width": ("a 2x 100w, b", [("b", None, None)]),
    "a density and a height": ("a 2x 100h, b", [("b", None, None)]),
    "a height alone": ("a 100h, b", [("b", None, None)]),
    "no width": ("a 0w, b", [("b", None, None)]),
    "no height": ("a 1w 0h, b", [("b", None, None)]),
    "a negative width": ("a -1w, b", [("b", None, None)]),
    "a width with a sign": ("a +1w, b", [("b", None, None)]),
    "a width with a fraction": ("a 1.0w, b", [("b", None, None)]),
    "a width with zeros before it": ("a 0010w", [("a", 10, None)]),
    "a width beyond all pictures": ("a 99999999999w, b", [("b", None, None)]),
    "a negative density": ("a -1x, b", [("b", None, None)]),
    "a density with a sign": ("a +1x, b", [("b", None, None)]),
    "a density of nothing": ("a 0x", [("a", None, 0.0)]),
    "a density of minus nothing": ("a -0x", [("a", None, 0.0)]),
    "a density without a whole part": ("a .5x", [("a", None, 0.5)]),
    "a density that ends with its point": ("a 1.x, b", [("b", None, None)]),
    "a density with an exponent": (
        "a 1e1x, b 2E-1x",
        [("a", None, 10.0), ("b", None, 0.2)],
    ),
    "a density without end": ("a 1e999x, b", [("b", None, None)]),
    "a density in words": ("a infx, b nanx, c", [("c", None, None)]),
    "digits of other scripts": ("a ٢x, b", [("b", None, None)]),
}


@pytest.mark.parametrize("case", SRCSETS)
def test_a_srcset_is_parsed_as_the_standard_says(case: str) -> None:
    text, expected = SRCSETS[case]
    assert list(parse_srcset(text)) == [Candidate(*each) for each in expected]


# "parse a sizes attribute": text, how wide the viewport is, how wide the picture is drawn
SIZES = {
    "nothing": ("", 600, 600),
    "pixels": ("300px", 600, 300),
    "a part of the viewport": ("50vw", 600, 300),
    "nothing, with no unit": ("0", 600, 0),
    "a number without unit": ("300", 600, 600),
    "a percentage": ("50%", 600, 600),
    "fonts": ("10em", 600, 160),
    "other units": ("1in", 600, 96),
    "upper case": ("300PX", 600, 300),
    "a negative length": ("-300px", 600, 600),
    "a condition that holds": ("(max-width: 600px) 100px, 200px", 600, 100),
    "one that does not": ("(max-width: 600px) 100px, 200px", 601, 200),
    "the first that holds": (
        "(min-width: 900px) 1px, (min-width: 500px) 2px, 3px",
        600,
        2,
    ),
    "none that holds": ("(min-width: 900px) 1px", 600, 600),
    "conditions together": (
        "(min-width: 1px) and (max-width: 9px) 1px, 2px",
        5,
        1,
    ),
    "a choice": ("(width: 1px) or (width: 2px) 1px, 2px", 2, 1),
    "the opposite": ("not (width: 1px) 1px, 2px", 5, 1),
    "a range": ("(400px <= width < 700px) 1px, 2px", 699, 1),
    "a condition that is not known": ("(hover: hover) 1px, 2px", 600, 2),
    "the opposite of it": ("not (hover: hover) 1px, 2px", 600, 2),
    "no condition but a word": ("screen 1px, 2px", 600, 2),
    "auto": ("auto, 200px", 600, 200),
    "a sum": ("calc(100vw - 2 * 20px)", 600, 560),
    "the smaller one": ("min(50vw, 200px)", 600, 200),
    "the larger one": ("max(50vw, 200px)", 600, 300),
    "between": ("clamp(100px, 50vw, 200px)", 600, 200),
    "a function that is none": ("fit(100px)", 600, 600),
    "a comment": ("/* 1px, */ 200px", 600, 200),
    "commas": (",, 200px", 600, 200),
    "what follows the last": ("200px, (width) 300px", 600, 200),
}


@pytest.mark.parametrize("case", SIZES)
def test_sizes_are_parsed_as_the_standard_says(case: str) -> None:
    text, viewport, expected = SIZES[case]
    assert parse_sizes(text, viewport) == pytest.approx(expected)


# "select an image source": srcset, src, wanted width, width attribute, the URL that is chosen
CHOICES = {
    "nothing": ("", "", 500, None, None),
    "src alone": ("", "s", 500, None, "s"),
    "the smallest that is wide enough": (
        "a 400w, b 900w, c 600w",
        "s",
        500,
        None,
        "c",
    ),
    "just wide enough": ("a 400w, b 500w, c 600w", "s", 500, None, "b"),
    "the widest": ("a 100w, b 300w, c 200w", "s", 500, None, "b"),
    "the largest, if none is wanted": (
        "a 400w, b 900w, c 600w",
        "s",
        None,
        None,
        "b",
    ),
    "the first of equal ones": ("a 600w, b 600w", "s", 500, None, "a"),
    "the first of equal ones, too small": ("a 60w, b 60w", "s", 500, None, "a"),
    "src beside widths does not count": ("a 100w", "s", 500, None, "a"),
    "the greatest density": ("a 1x, b 3x, c 2x", "s", 500, None, "b"),
    "the density that covers": ("a 1x, b 2x, c 3x", "s", 500, 300, "b"),
    "src is once the width": ("b 2x", "s", 300, 300, "s"),
    "src is not, if another one is": ("a 1x, b 2x", "s", 300, 300, "a"),
    "src is the same as no descriptor": ("a, b 2x", "s", 300, 300, "a"),
    "no density covers": ("a 1x, b 2x", "s", 900, 300, "b"),
    "the first of equal densities": ("a 2x, b 2x", "", 500, 300, "a"),
    "mixed, by sizes": ("a 100w, b 1x, c 2x", "s", 500, None, "b"),
    "no density at all": ("a 0x", "", 500, 300, "a"),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_candidate_is_selected_as_the_standard_says(case: str) -> None:
    srcset, src, wanted, drawn, expected = CHOICES[case]
    chosen = select_candidate(source_set(srcset, src), wanted, drawn)
    assert (chosen and chosen.url) == expected


def test_sizes_make_densities_widths_where_both_stand() -> None:
    mixed = source_set("a 800w, b 1x, c 2x")
    assert [
        select_candidate(mixed, wanted, 4000, "50vw")
        for wanted in (300, 1000, None)
    ] == [mixed[2], mixed[2], mixed[2]]
    chosen = select_candidate(mixed, 1000, 4000, "900px")
    assert chosen == mixed[2]
    assert select_candidate(mixed, 700, 4000, "750px") == mixed[1]


@given(
    st.one_of(st.text(), st.text("a ,(1wxh.e-\t")), st.text("(1p x,vw)<:min-")
)
def test_any_text_is_a_srcset_and_sizes(text: str, sizes: str) -> None:
    candidates = list(parse_srcset(text))
    for url, width, density in candidates:
        assert url
        assert not url.startswith(",")
        assert not url.endswith(",")
        assert width is None or width > 0
        assert density is None or density >= 0
        assert width is None or density is None
    size = parse_sizes(sizes, 600)
    assert size >= 0
    for wanted in (None, 300):
        chosen = select_candidate(candidates, wanted, size, sizes)
        assert (chosen in candidates) if candidates else (chosen is None)


@given(
    st.lists(
        st.tuples(
            st.from_regex(
                r"[^ \t\n\f\r,][^ \t\n\f\r]*[^ \t\n\f\r,]", fullmatch=True
            ),
            st.integers(1, 10**9 - 1),
        ),
        unique=True,
    )
)
def test_what_is_written_as_a_srcset_is_read_again(
    files: list[tuple[str, int]],
) -> None:
    text = ", ".join(f"{url} {width}w" for url, width in files)
    assert [tuple(each[:2]) for each in parse_srcset(text)] == files


@pytest.mark.parametrize(
    "piece", ["a 1x,", "a (", ",", "(", "\\", "'", "/*", "url(", "calc(", "a"]
)
def test_a_long_attribute_takes_no_longer_than_its_length(piece: str) -> None:
    """200,000 pieces; what walks them once for each of them takes minutes."""
    text = "x " + piece * 200_000
    began = time.process_time()
    source_set(text + " 1x", "src")
    parse_sizes(text + " 1px", 600)
    assert time.process_time() - began < 10


@pytest.mark.parametrize("unit", ["w", "x", "px"])
def test_a_long_number_takes_no_longer_than_its_length(unit: str) -> None:
    text = "1" * 1_000_000 + unit
    began = time.process_time()
    assert len(source_set(f"a {text}, b")) == 1
    assert parse_sizes(text, 600) >= 600
    assert time.process_time() - began < 10
