"""A picture on disk to a smaller, upright one, with the facts of both."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from processors import Unusable
from processors.functions import import_function
from processors.image import truncated
from processors.image.blame import blaming_the_picture
from processors.image.decode import Decoded, decode
from processors.image.exif import read_exif
from processors.image.filters.blank import check_not_blank
from processors.image.filters.rules import Rejected
from processors.image.formats import EXTENSIONS, FORMATS
from processors.image.original import (
    Original,
    check_pixels,
    moving_format,
    original_of,
)
from processors.image.plan import DEFAULT, MAX_PIXELS, Plan, Variant
from processors.image.variants import phash, pixels
from processors.image.variants.moving import derive_moving
from processors.image.variants.operations import is_function
from processors.image.variants.stills import (
    Result,
    derive_still,
    fitted_upright,
    wanted_of,
)


@dataclass(frozen=True, slots=True)
class ProcessedImage:
    """What was found and made: plain facts, and what is to be renamed to where."""

    facts: dict[str, Any]
    files: tuple[tuple[str, str], ...]
    """Pairs of a file written and its final path, the one that the facts name."""
    rejected: Rejected | None = None
    """Why a filter leaves it out: nothing is made of it, and the facts say what it was."""


class _Derived(NamedTuple):
    """The facts of the original, and the results in the order of their variants; none if it is
    rejected."""

    facts: dict[str, Any]
    results: list[Result]
    rejected: Rejected | None = None


def process(path: str, plan: Plan, out: str, final: str) -> ProcessedImage:
    """Read the picture at `path`, write its variants to files whose names begin with `out`.

    In the facts the path of a variant is `final`, an @ and its name unless it is the default one,
    and an extension. `width` and `height` are those of the first variant, `original_width` and
    `original_height` those of the upright original. A variant that needs no change is a copy, byte
    for byte but for its metadata. A picture that is rejected has no variants.

    Raises Unusable `image_broken`, `image_truncated` or `image_too_large`. MemoryError, and
    OSError about our own files, pass through; nothing written stays behind then.
    """
    body = Path(path).read_bytes()
    # Between reading and writing no file is touched: an OSError in here is about the picture.
    facts, results, rejected = _judge_and_derive(body, plan)
    if rejected is not None:
        return ProcessedImage(facts, (), rejected)
    processed = [
        {
            "variant": variant.name,
            "path": final + _ending(variant, result),
            **result.facts,
        }
        for variant, result in zip(plan.wanted, results, strict=True)
    ]
    first = results[0].facts
    facts |= {
        "width": first["width"],
        "height": first["height"],
        "processed": processed,
    }
    written = [f"{out}.v{number}" for number in range(len(results))]
    _write(written, results)
    published = (each["path"] for each in processed)
    return ProcessedImage(facts, tuple(zip(written, published, strict=True)))


def import_functions(plan: Plan) -> None:
    """Those of its operations that are the user's. Raises what importing them raises."""
    for variant in plan.wanted:
        for word in filter(is_function, variant.op):
            import_function(word)


def _ending(variant: Variant, result: Result) -> str:
    name = "" if variant.name == DEFAULT else f"@{variant.name}"
    return name + EXTENSIONS[result.facts["format"]]


def read(body: bytes, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture itself, decoded whole: not turned, in its own mode, with its `format`.

    Of moving pictures the first frame; the others can be sought. Raises Unusable as `process` does.
    """
    with blaming_the_picture(body, max_pixels):
        image = Image.open(BytesIO(body), formats=FORMATS)
        image.load()
        return image


def upright(body: bytes, plan: Plan) -> Image.Image:
    """The picture as its variants begin: its first frame, whole, upright, at its own size, in gray
    or sRGB: the modes L, LA, RGB and RGBA.

    Raises Unusable as `process` does; one that ends too early is salvaged if the plan says so.
    """
    try:
        return _decode_upright(body, plan)
    except Unusable as unusable:
        keeps = plan.truncated == truncated.KEEP
        if not keeps or unusable.kind != "image_truncated":
            raise
    body = truncated.with_end(body)
    return _decode_upright(
        body,
        plan,
        keeps_truncated=True,
    )


def _decode_upright(
    body: bytes,
    plan: Plan,
    *,
    keeps_truncated: bool = False,
) -> Image.Image:
    whole = Variant(resize=0)
    with blaming_the_picture(body, plan.max_pixels, keeps_truncated):
        image = Image.open(BytesIO(body), formats=FORMATS)
        check_pixels(image.size, plan.max_pixels)
        original = original_of(image, body)
        decoded = decode(
            image,
            body,
            [wanted_of(whole, original)],
        )
        picture, _ = fitted_upright(
            decoded,
            original,
            whole,
            plan.max_pixels,
        )
    return picture


def _judge_and_derive(body: bytes, plan: Plan) -> _Derived:
    try:
        plan.check_bytes(len(body))
    except Rejected as rejected:
        return _Derived(_facts_if_any(body, plan), [], rejected)
    return _derive_or_salvage(body, plan)


def _facts_if_any(body: bytes, plan: Plan) -> dict[str, Any]:
    """What the head of a file says that is not looked at any further; nothing if it is broken."""
    try:
        with (
            blaming_the_picture(body, plan.max_pixels),
            Image.open(BytesIO(body), formats=FORMATS) as image,
        ):
            return original_of(image, body).facts()
    except Unusable:
        return {}


def _derive_or_salvage(body: bytes, plan: Plan) -> _Derived:
    """As `_derive` does; of a picture that ends too early what came, if that is asked for."""
    try:
        with blaming_the_picture(body, plan.max_pixels):
            return _derive(body, plan)
    except Unusable as unusable:
        keeps = plan.truncated == truncated.KEEP
        if not keeps or unusable.kind != "image_truncated":
            raise
    body = truncated.with_end(body)
    with blaming_the_picture(body, plan.max_pixels, keeps_truncated=True):
        return _derive(
            body,
            plan,
            is_truncated=True,
        )


def _derive(
    body: bytes,
    plan: Plan,
    is_truncated: bool = False,
) -> _Derived:
    with Image.open(BytesIO(body), formats=FORMATS) as image:
        check_pixels(image.size, plan.max_pixels)
        original = original_of(image, body)
        facts = original.facts()
        if plan.exif:
            facts["exif"] = read_exif(image, plan.exif)
        if is_truncated:
            facts["truncated"] = True
            original = original.as_truncated()
        try:
            plan.check_size(original.upright_size)
            _check_targets(original, plan)
            results, hashed = _results(
                image,
                body,
                original,
                plan,
            )
        except Rejected as rejected:
            return _Derived(facts, [], rejected)
        facts |= hashed
    for result in results:
        result.facts["bytes"] = len(result.content)
        result.facts["sha256"] = sha256(result.content).hexdigest()
    facts["pixels_hash"] = pixels.joined(
        each.pixels_hash or each.facts["sha256"] for each in results
    )
    return _Derived(facts, results)


def _check_targets(original: Original, plan: Plan) -> None:
    """A ribbon may be enlarged to fill a box."""
    for variant in plan.wanted:
        for size in variant.sizes.target_of(original.upright_size):
            check_pixels(size, plan.max_pixels)


def _results(
    image: Image.Image,
    body: bytes,
    original: Original,
    plan: Plan,
) -> tuple[list[Result], dict[str, Any]]:
    """A result for each variant, and what else is known once the picture is decoded."""
    moving = {
        variant: format
        for variant in plan.wanted
        if (
            format := moving_format(
                original,
                variant.asked_format,
                plan.frames,
            )
        )
    }
    stills = [each for each in plan.wanted if each not in moving]
    wanted = [wanted_of(each, original) for each in stills]
    if plan.phash:
        wanted.append(phash.WANTED)
    results: dict[Variant, Result] = {}
    hashed = {}
    if wanted:
        decoded = decode(image, body, wanted)
        _check_seen(decoded, plan, is_moving=bool(moving))
        if plan.phash:
            hashed = {"phash": phash.phash_of(decoded, original)}
        for variant in stills:
            results[variant] = derive_still(
                decoded,
                body,
                original,
                variant,
                plan.max_pixels,
            )
    for variant, format in moving.items():
        results[variant] = derive_moving(
            image,
            body,
            original,
            variant,
            format,
            plan.max_pixels,
        )
    return [results[each] for each in plan.wanted], hashed


def _check_seen(
    decoded: Decoded,
    plan: Plan,
    *,
    is_moving: bool,
) -> None:
    """What begins with one colour may go on with others."""
    if plan.skip_blank and not is_moving:
        check_not_blank(decoded.picture)


def _write(paths: Sequence[str], results: Sequence[Result]) -> None:
    """All of them, or none; never into a file that is there, which may have other names."""
    try:
        for path, result in zip(paths, results, strict=True):
            Path(path).unlink(missing_ok=True)
            Path(path).write_bytes(result.content)
    except BaseException:
        for path in paths:
            Path(path).unlink(missing_ok=True)
        raise
