import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page.images.backgrounds import background_layers


def urls_of(style: str) -> list[list[str]]:
    layers = background_layers(style, lambda media_type: media_type != "x/y")
    return [[each.url for each in layer] for layer in layers]


# What stands in style, and the URLs of each layer.
STYLES = [
    ("", []),
    ("background: url(a.png)", [["a.png"]]),
    ("background-image: url(a.png)", [["a.png"]]),
    ("BACKGROUND-IMAGE:URL(a.png)", [["a.png"]]),
    (
        "color: red; background: #fff url( a.png ) no-repeat 0 0 / cover",
        [["a.png"]],
    ),
    ("background: url('a b.png')", [["a b.png"]]),
    ('background: url( "a(b).png" )', [["a(b).png"]]),
    ("background: url('it\\'s.png')", [["it's.png"]]),
    ("background: url('a\\\nb.png')", [["ab.png"]]),
    ("background: url(a\\)b.png)", [["a)b.png"]]),
    ("background: url(a\\20 b.png)", [["a b.png"]]),
    ("background: url(a\\0000e9.png)", [["aé.png"]]),
    ("background: url(a\\0.png)", [["a\ufffd.png"]]),
    ("background: url(a\\d800.png)", [["a\ufffd.png"]]),
    ("background: u\\72l(a.png)", [["a.png"]]),
    ("background: url(a.png", [["a.png"]]),
    ("background: url('a.png", [["a.png"]]),
    ("background: url('a\n.png')", []),
    ("background: url(a b.png)", []),
    ('background: url(a"b.png)', []),
    ("background: url()", []),
    ("background: url(a.png), url(b.png)", [["a.png"], ["b.png"]]),
    (
        "background: url(a.png); background-image: url(b.png)",
        [["a.png"], ["b.png"]],
    ),
    ("background: linear-gradient(red, blue), url(b.png)", [["b.png"]]),
    ("background: url(a;b.png); color: red", [["a;b.png"]]),
    ("background: url('a;b.png')!important", [["a;b.png"]]),
    ("/* background: url(a.png) */", []),
    ("background: /* url(a.png) */ url(b.png)", [["b.png"]]),
    ("list-style: url(a.png)", []),
    ("--background: url(a.png)", []),
    ("background url(a.png)", []),
    ("background: image-set('a.png' 1x, url(b.png) 2x)", [["a.png", "b.png"]]),
    ("background: -webkit-image-set(url(a.png) 1x)", [["a.png"]]),
    (
        "background: image-set('a.png' type('x/y'), 'b.png' type('x/z') 2x)",
        [["b.png"]],
    ),
    (
        "background: image-set(linear-gradient(red, blue) 1x, 'b.png')",
        [["b.png"]],
    ),
    ("background: image-set()", [[]]),
]


@pytest.mark.parametrize(("style", "urls"), STYLES)
def test_the_pictures_of_a_background_are_read(
    style: str, urls: list[list[str]]
) -> None:
    assert urls_of(style) == urls


def test_an_image_set_has_densities() -> None:
    style = "background: image-set('a' 1x, 'b' 192dpi, 'c' 3dppx, 'd')"
    (layer,) = background_layers(style, bool)
    assert [each.density for each in layer] == [1, 2, 3, None]


@given(st.one_of(st.text(), st.text("background:url('\\);,/*a ")))
def test_any_text_is_a_style(style: str) -> None:
    for layer in background_layers("background:" + style, bool):
        assert all(each.url for each in layer)
