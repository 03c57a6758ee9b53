"""A user's own function for pictures: a picture in, a picture out."""

from collections.abc import Callable
from typing import Any

from PIL import Image

from processors import Unusable
from processors.functions import call, failure_of
from processors.image import colours
from processors.image.original import check_pixels


def apply_function(
    picture: Image.Image,
    function: Callable[[Image.Image], Any],
    max_pixels: int,
) -> Image.Image:
    """What the user's function makes of a copy of the picture, in L, LA, RGB or RGBA.

    Raises Unusable `function_failed` if it raises, or returns what is no picture; `image_too_large`
    if that has more pixels than are allowed; MemoryError passes through.
    """
    given = picture.copy()
    given.info = {}
    returned = call(function, given)
    if not isinstance(returned, Image.Image):
        raise failure_of(
            function, f"returned a {type(returned).__name__}, not a PIL image"
        )
    if 0 in returned.size:
        raise failure_of(function, "returned a picture without pixels")
    check_pixels(returned.size, max_pixels)
    return _plain(returned, function)


def _plain(returned: Image.Image, function: Callable[..., Any]) -> Image.Image:
    """A copy, since the function may keep what it returns."""
    try:
        picture = colours.to_plain_mode(returned.copy())
        return colours.to_srgb(picture, None)
    except (MemoryError, Unusable):
        raise
    except Exception as error:
        # a file that was opened and not read, a mode of another program
        reason = " ".join(str(error).split())
        what = f"returned a picture that cannot be read: {reason}"
        raise failure_of(function, what) from error
