"""The pictures in a `style` attribute.

CSS Backgrounds: https://www.w3.org/TR/css-backgrounds-3/#the-background-image
CSS Images: https://www.w3.org/TR/css-images-4/#image-set-notation
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from processors.page.images.css import (
    NOTHING,
    Component,
    parse_components,
    split_at,
    without_space,
)
from processors.page.images.srcset import Candidate

_PROPERTIES: Final = ("background", "background-image")
_IMAGE_SETS: Final = ("image-set", "-webkit-image-set")
_DENSITY: Final = {"x": 1.0, "dppx": 1.0, "dpi": 1 / 96, "dpcm": 2.54 / 96}


def background_layers(
    style: str,
    can_decode: Callable[[str], bool],
) -> Iterator[list[Candidate]]:
    """The candidates of each layer of an element's background; gradients have none.

    >>> list(background_layers("background: #eee url('a b.jpg') no-repeat", bool))
    [[Candidate(url='a b.jpg', width=None, density=None)]]
    """
    for declaration in split_at(";", parse_components(style)):
        name, colon, *value = (*without_space(declaration), NOTHING, NOTHING)
        if name.text.lower() not in _PROPERTIES or not colon.is_sign(":"):
            continue
        for each in value:
            if each.kind == "call" and each.text in _IMAGE_SETS:
                yield list(_image_set(each, can_decode))
            elif address := _address(each):
                yield [Candidate(address)]


def _image_set(
    images: Component,
    can_decode: Callable[[str], bool],
) -> Iterator[Candidate]:
    for part in split_at(",", images.inside):
        image, *descriptors = without_space(part) or [NOTHING]
        address = image.text if image.kind == "text" else _address(image)
        if address and all(map(can_decode, _types_of(descriptors))):
            yield Candidate(address, density=_density_of(descriptors))


def _types_of(descriptors: Iterable[Component]) -> Iterator[str]:
    for each in descriptors:
        if each.kind == "call" and each.text == "type":
            yield from (inner.text for inner in each.inside)


def _density_of(descriptors: Iterable[Component]) -> float | None:
    for each in descriptors:
        if each.kind == "number" and each.unit in _DENSITY:
            return float(each.text) * _DENSITY[each.unit]
    return None


def _address(value: Component) -> str:
    """What stands in `url()`, with quotes or without."""
    if value.kind == "url":
        return value.text
    inside = without_space(value.inside)
    if value.kind == "call" and value.text == "url" and inside:
        return inside[0].text if inside[0].kind == "text" else ""
    return ""
