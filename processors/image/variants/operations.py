"""What is done to a picture beside what its size asks for: a chain of operations.

    crop=LEFT,TOP,RIGHT,BOTTOM  what lies in the box: pixels, below zero from the right or from
                                below, or percent: 10%,10%,90%,90%
    rotate=DEGREES              clockwise
    blur=RADIUS                 in pixels
    sharpen, sharpen=PERCENT    150 is strong
    autocontrast, autocontrast=PERCENT  from black to white, but for so many of the pixels
    module:function             the user's own
    resize, gray                where in the chain that is done; else it is first

A chain is read, and its functions are imported, once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

from processors.functions import import_function
from processors.image import colours
from processors.image.original import check_pixels
from processors.image.resample import resample
from processors.image.variants import effects
from processors.image.variants.framing import frame
from processors.image.variants.own import apply_function

if TYPE_CHECKING:
    from PIL import Image

    from processors.image.plan import Variant

RESIZE, GRAY = "resize", "gray"
_MARKS: Final = (RESIZE, GRAY)
_EDGE: Final = re.compile(r"(-?[0-9]{1,9})|([0-9]{1,3}(?:\.[0-9]+)?)%")
_MOST_BLUR: Final = 1_000

Effect = Callable[["Image.Image"], "Image.Image"]


class Chain(NamedTuple):
    """The operations of a variant in their order."""

    words: tuple[str, ...]
    """As they are asked for, `resize` and `gray` among them where they are done."""

    @property
    def leading(self) -> tuple[str, ...]:
        """What is done before any operation: by who decodes."""
        count = next(
            (
                place
                for place, word in enumerate(self.words)
                if word not in _MARKS
            ),
            len(self.words),
        )
        return self.words[:count]

    @property
    def is_gray_first(self) -> bool:
        return GRAY in self.leading

    @property
    def is_resized_first(self) -> bool:
        return RESIZE in self.leading


def chain_of(variant: Variant) -> Chain:
    """Its operations; what they do not place is done first."""
    words = variant.op
    first = [
        mark
        for mark, is_asked in ((RESIZE, True), (GRAY, variant.grayscale))
        if is_asked and mark not in words
    ]
    return Chain((*first, *words))


def operate(
    picture: Image.Image,
    variant: Variant,
    changes: list[str],
    max_pixels: int,
) -> Image.Image:
    """The picture after all operations but the leading ones; and what was changed.

    Raises Unusable if a function of the user's fails, or if it has too many pixels.
    """
    chain = chain_of(variant)
    for word in chain.words[len(chain.leading) :]:
        if word == RESIZE:
            picture = _resize(
                picture,
                variant,
                changes,
                max_pixels,
            )
        elif word == GRAY:
            picture = _make_gray(picture, changes)
        else:
            effect = effect_of(
                word,
                variant.matte,
                max_pixels,
            )
            picture = effect(picture)
            check_pixels(picture.size, max_pixels)
            changes.append(word)
    return picture


def _resize(
    picture: Image.Image,
    variant: Variant,
    changes: list[str],
    max_pixels: int,
) -> Image.Image:
    target = variant.sizes.target_of(picture.size)
    for size in target:
        check_pixels(size, max_pixels)
    if target.scaled != picture.size:
        changes.append("resized")
        picture = resample(picture, target.scaled)
    return frame(
        picture,
        target.final,
        variant.matte,
        changes,
    )


def _make_gray(picture: Image.Image, changes: list[str]) -> Image.Image:
    if colours.is_gray(picture):
        return picture
    changes.append("grayscale")
    return colours.to_gray(picture)


# -- words ----------------------------------------------------------------------------------------


def check_words(words: Sequence[str]) -> None:
    """Raises ValueError, with what is wrong, if they are no chain; functions are not imported."""
    for mark in _MARKS:
        if words.count(mark) > 1:
            raise ValueError(f"{mark} stands twice in {', '.join(words)}")
    for word in words:
        if word not in _MARKS and not is_function(word):
            _parse(word, "white")


def is_function(word: str) -> bool:
    return ":" in word


@cache
def effect_of(
    word: str,
    matte: str,
    max_pixels: int,
) -> Effect:
    """What a word does to a picture. Raises ValueError, or what importing the function raises."""
    if is_function(word):
        return partial(
            apply_function,
            function=import_function(word),
            max_pixels=max_pixels,
        )
    return _parse(word, matte)


def _parse(word: str, matte: str) -> Effect:
    name, _, value = word.partition("=")
    if name not in _PARSERS:
        raise ValueError(f"{word!r} is no operation; those are {_ALL}")
    parser, form = _PARSERS[name]
    try:
        return parser(value, matte)
    except ValueError:
        raise ValueError(f"{word!r} is not right: write {form}") from None


def _crop(value: str, _matte: str) -> Effect:
    box = [_edge_of(each) for each in value.split(",")]
    left, top, right, bottom = box
    _check_order(left, right)
    _check_order(top, bottom)
    return partial(effects.crop, box=box)


def _edge_of(text: str) -> effects.Edge:
    found = _EDGE.fullmatch(text.strip())
    if found is None:
        raise ValueError
    if found[1]:
        return effects.Edge(int(found[1]))
    return effects.Edge(_number(found[2], 0, 100), is_percent=True)


def _check_order(begin: effects.Edge, end: effects.Edge) -> None:
    """Where they are counted alike, it can be known of all pictures."""
    is_alike = begin.is_percent is end.is_percent and (
        (begin.at < 0) is (end.at < 0)
    )
    if is_alike and begin.at >= end.at:
        raise ValueError


def _rotate(value: str, matte: str) -> Effect:
    degrees = _number(value, -360, 360)
    return partial(
        effects.rotate,
        degrees=degrees,
        matte=matte,
    )


def _blur(value: str, _matte: str) -> Effect:
    return partial(effects.blur, radius=_number(value, 0, _MOST_BLUR))


def _sharpen(value: str, _matte: str) -> Effect:
    percent = _number(value or "100", 0, 1_000)
    return partial(effects.sharpen, percent=percent)


def _autocontrast(value: str, _matte: str) -> Effect:
    return partial(effects.autocontrast, cutoff=_number(value or "0", 0, 49))


def _number(
    text: str,
    low: float,
    high: float,
) -> float:
    number = float(text)
    if not (math.isfinite(number) and low <= number <= high):
        raise ValueError
    return number


_PARSERS: Final[dict[str, tuple[Callable[[str, str], Effect], str]]] = {
    "crop": (
        _crop,
        "crop=LEFT,TOP,RIGHT,BOTTOM in pixels or percent, as in crop=10%,10%,90%,90%",
    ),
    "rotate": (_rotate, "degrees from -360 to 360, as in rotate=90"),
    "blur": (_blur, f"a radius from 0 to {_MOST_BLUR:,}, as in blur=2"),
    "sharpen": (_sharpen, "sharpen, or percent from 0 to 1,000: sharpen=150"),
    "autocontrast": (
        _autocontrast,
        "autocontrast, or percent from 0 to 49: autocontrast=2",
    ),
}
WORDS: Final = (*_PARSERS, *_MARKS)
_ALL: Final = f"{', '.join(WORDS)}, and module:function"
