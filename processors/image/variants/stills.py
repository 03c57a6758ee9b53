"""The still that is made of a picture for a variant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from processors.image import colours, metadata, truncated
from processors.image.decode import Decoded, Wanted
from processors.image.encode import encode, format_for, to_mode_of_format
from processors.image.original import Original
from processors.image.variants.framing import frame
from processors.image.variants.operations import chain_of, operate
from processors.image.variants.pixels import hash_of_copied
from processors.image.variants.sizes import Size, Target

if TYPE_CHECKING:
    from PIL import Image

    from processors.image.plan import Variant


class Result(NamedTuple):
    """What has come of a picture for one variant: its facts, and its bytes."""

    facts: dict[str, Any]
    content: bytes
    pixels_hash: str | None = None
    """Of the pixels, where the bytes do not follow from them."""


def wanted_of(variant: Variant, original: Original) -> Wanted:
    """What a variant asks of the picture as it lies in its file."""
    chain = chain_of(variant)
    size = original.size
    if chain.is_resized_first:
        size = _lying(_target_of(variant, original).scaled, original)
    return Wanted(size, chain.is_gray_first)


def fitted_upright(
    decoded: Decoded,
    original: Original,
    variant: Variant,
    max_pixels: int,
) -> tuple[Image.Image, list[str]]:
    """The picture as a variant has it, but for its format; and what was changed."""
    picture, changes = decoded.fitted(wanted_of(variant, original))
    if original.orientation != 1:
        changes.insert(0, "rotated")
        picture = original.upright(picture)
    if original.is_truncated:
        truncated.check_decoded(picture)
        changes.insert(0, "truncated")
    if chain_of(variant).is_resized_first:
        picture = frame(
            picture,
            _target_of(variant, original).final,
            variant.matte,
            changes,
        )
    picture = operate(
        picture,
        variant,
        changes,
        max_pixels,
    )
    return picture, changes


def _target_of(variant: Variant, original: Original) -> Target:
    return variant.sizes.target_of(original.upright_size)


def _lying(size: Size, original: Original) -> Size:
    """A size of the upright picture, as that of the pixels before they are turned."""
    is_turned = original.upright_size != original.size
    return size[::-1] if is_turned else size


def derive_still(
    decoded: Decoded,
    body: bytes,
    original: Original,
    variant: Variant,
    max_pixels: int,
) -> Result:
    """What one variant has of a picture that is decoded for all of them."""
    picture, changes = fitted_upright(
        decoded,
        original,
        variant,
        max_pixels,
    )
    format = variant.asked_format or original.kept_format or format_for(picture)
    has_kept_format = format == original.own_format
    may_copy = not changes and has_kept_format and original.is_single
    if original.has_more:
        changes.append("first_frame")
    if not has_kept_format:
        changes.append("converted")
    mode = original.mode
    content = metadata.without_metadata(body, format) if may_copy else None
    pixels_hash = None
    if content is not None:
        pixels_hash = hash_of_copied(picture)
    else:
        is_gray = colours.is_gray(picture)
        picture = to_mode_of_format(
            picture,
            format,
            variant,
            changes,
        )
        mode = picture.mode
        content = encode(
            picture,
            format,
            variant,
            is_gray,
        )
    if may_copy and content is not body:
        changes.append("metadata_removed")
    facts = {
        "width": picture.width,
        "height": picture.height,
        "format": format,
        "mode": mode,
        "frames": 1,
        "duration_ms": None,
        "changes": changes,
    }
    return Result(facts, content, pixels_hash)
