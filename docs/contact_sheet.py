"""Pictures that are easily got wrong: as opened and made smaller, and as this program makes them.

    python -m docs.contact_sheet            writes docs/contact_sheet.png

Each case is a line of CASES: what it is called, a file, the options, and what it is meant to show.
The test of the sheet compares the last two.
"""

import io
import struct
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from PIL import Image, ImageDraw

from processors import Unusable
from processors.image import Plan, process
from tests.processors.image.icc_profiles import (
    ADOBE_PROFILE,
    GRAY_PROFILE,
    profile_chunk,
)
from tests.processors.image.references import (
    ADOBE_RGB,
    DISPLAY_P3,
    GRAY,
    PALETTE,
    RGB,
    XYZ_TO_SRGB,
    Matrix,
    Pixel,
    luma,
    png,
    srgb_to_light,
    tiff,
    times,
)

SIZE = 96, 64
LARGE = 4  # times that, in the files
PATCHES = [
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67),
    (133, 128, 177), (103, 189, 170), (214, 126, 44), (80, 91, 166),
    (193, 90, 99), (94, 60, 108), (157, 188, 64), (224, 163, 46),
    (56, 61, 150), (70, 148, 73), (175, 54, 60), (231, 199, 31),
    (187, 86, 149), (8, 133, 161), (243, 243, 242), (200, 200, 200),
    (160, 160, 160), (122, 122, 121), (85, 85, 85), (20, 20, 20),
]  # fmt: skip
BRIGHT = (255, 140, 0)


class Case(NamedTuple):
    name: str
    body: bytes
    meant: Image.Image | None
    options: Mapping[str, Any] = MappingProxyType({})


# -- the scene, in the form of each file ----------------------------------------------------------


def scene() -> Image.Image:
    """A chart of patches, six by four."""
    chart = Image.new("RGB", (6, 4))
    chart.putdata(PATCHES)
    size = SIZE[0] * LARGE, SIZE[1] * LARGE
    return chart.resize(size, Image.Resampling.NEAREST)


SCENE = scene()
MEANT = SCENE.resize(SIZE, Image.Resampling.BOX)
GRAYS = SCENE.convert("L")
MEANT_GRAY = GRAYS.resize(SIZE, Image.Resampling.BOX).convert("RGB")


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


def samples(colour: Callable[[Pixel], Sequence[int]]) -> list[int]:
    """The scene, each pixel as `colour` has it."""
    known = {patch: list(colour(patch)) for patch in PATCHES}
    data = SCENE.tobytes()
    pixels = zip(data[::3], data[1::3], data[2::3], strict=True)
    return [sample for pixel in pixels for sample in known[pixel]]


def words(order: str, values: list[int]) -> bytes:
    return struct.pack(f"{order}{len(values)}H", *values)


def deep(patch: Pixel) -> list[int]:
    return [level * 257 for level in patch]


def deep_gray(patch: Pixel) -> list[int]:
    return [round(luma(patch) * 257)]


def linear(patch: Pixel) -> list[int]:
    return [round(65535 * srgb_to_light(level / 255)) for level in patch]


def linear_gray(patch: Pixel) -> list[int]:
    return [round(255 * srgb_to_light(luma(patch) / 255))]


def in_space(matrix: Matrix, encode: Callable[[float], float]) -> Any:
    """The patches in a wider space, encoded by a curve."""
    to_space = inverse(times_matrix(XYZ_TO_SRGB, matrix))

    def encoded(patch: Pixel) -> list[int]:
        light = [srgb_to_light(level / 255) for level in patch]
        found = times(to_space, light)
        return [round(255 * encode(max(0.0, value))) for value in found]

    return encoded


def times_matrix(one: Matrix, other: Matrix) -> Matrix:
    columns = [times(one, column) for column in zip(*other, strict=True)]
    return list(zip(*columns, strict=True))


def inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    rows = [
        [e * i - f * h, c * h - b * i, b * f - c * e],
        [f * g - d * i, a * i - c * g, c * d - a * f],
        [d * h - e * g, b * g - a * h, a * e - b * d],
    ]
    scale = a * rows[0][0] + b * rows[1][0] + c * rows[2][0]
    return [[value / scale for value in row] for row in rows]


def srgb_curve(light: float) -> float:
    if light <= 0.0031308:
        return 12.92 * light
    return float(1.055 * light ** (1 / 2.4) - 0.055)


def ink(patch: Pixel) -> Pixel:
    """All the black that is possible."""
    key = max(patch)
    tints = [255 - round(255 * level / key) for level in patch]
    return (*tints, 255 - key)


def ink_picture() -> Image.Image:
    return Image.frombytes("CMYK", SCENE.size, bytes(samples(ink)))


def ycck() -> bytes:
    """What is written as CMYK, inverted, is Y, Cb, Cr and black, once Adobe's mark says so."""
    *tints, key = ink_picture().split()
    codes = Image.merge("RGB", tints).convert("YCbCr").split()
    codes = [code.point([255 - n for n in range(256)]) for code in codes]
    body = bytearray(
        saved(Image.merge("CMYK", (*codes, key)), "JPEG", quality=95)
    )
    body[body.index(b"Adobe") + 11] = 2
    return bytes(body)


def subsampled() -> bytes:
    """Blocks of two by two: four lumas, then one Cb and one Cr."""
    lumas, blues, reds = SCENE.convert("YCbCr").split()
    width, height = SCENE.size
    y, cb, cr = lumas.tobytes(), blues.tobytes(), reds.tobytes()
    strip = bytearray()
    for top in range(0, height * width, 2 * width):
        for place in range(top, top + width, 2):
            under = place + width
            strip += y[place : place + 2] + y[under : under + 2]
            strip += bytes([cb[place], cr[place]])
    return tiff("<", SCENE.size, 6, [8] * 3, [bytes(strip)], t530=[2, 2])


def planes() -> bytes:
    data = samples(deep)
    strips = [words("<", data[band::3]) for band in range(3)]
    return tiff("<", SCENE.size, 2, [16] * 3, strips, t284=[2])


def gray_map() -> bytes:
    values = samples(lambda patch: [round(luma(patch) * 1023 / 255)])
    width, height = SCENE.size
    return b"P5 %d %d 1023\n" % (width, height) + words(">", values)


def floats() -> bytes:
    values = samples(lambda patch: [round(luma(patch))])
    strip = struct.pack(f"<{len(values)}f", *(n / 255 for n in values))
    return tiff("<", SCENE.size, 1, [32], [strip], t339=[3])


def negative() -> bytes:
    values = [65535 - value for value in samples(deep_gray)]
    return tiff("<", SCENE.size, 0, [16], [words("<", values)])


def lab() -> bytes:
    from PIL import ImageCms

    srgb, target = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    exactly = ImageCms.Flags.NOOPTIMIZE
    return saved(
        ImageCms.profileToProfile(
            SCENE, srgb, target, outputMode="LAB", flags=exactly
        ),
        "TIFF",
    )


# -- transparency ---------------------------------------------------------------------------------


def disc(clear: Pixel, colour: Pixel) -> Image.Image:
    """A disc of a colour; around it what is clear has another, which nobody is to see."""
    size = SIZE[0] * LARGE, SIZE[1] * LARGE
    image = Image.new("RGBA", size, (*clear, 0))
    middle, radius = (size[0] // 2, size[1] // 2), size[1] * 2 // 5
    ImageDraw.Draw(image).circle(middle, radius, (*colour, 255))
    return image


def on(colour: Any, image: Image.Image) -> Image.Image:
    ground = Image.new("RGBA", image.size, colour)
    flat = Image.alpha_composite(ground, image).convert("RGB")
    return flat.resize(SIZE, Image.Resampling.BOX)


def several_alphas() -> tuple[bytes, Image.Image]:
    """A palette whose colours are clear by quarters."""
    alphas = [number * 255 // 23 for number in range(24)]
    numbers = {patch: number for number, patch in enumerate(PATCHES)}
    body = png(
        SCENE.width,
        8,
        PALETTE,
        samples(lambda patch: [numbers[patch]]),
        (b"PLTE", bytes(sum(PATCHES, ()))),
        (b"tRNS", bytes(alphas)),
    )
    data = samples(lambda patch: [*patch, alphas[numbers[patch]]])
    image = Image.frombytes("RGBA", SCENE.size, bytes(data))
    return body, on("white", image)


def two_bits() -> tuple[bytes, Image.Image]:
    """Stripes of four grays, of which the third is clear."""
    width = SIZE[0] * LARGE
    row = [x * 4 // width for x in range(width)]
    body = png(width, 2, GRAY, row * (SIZE[1] * LARGE), (b"tRNS", b"\0\2"))
    stripe = Image.new("L", (4, 1))
    stripe.putdata([0, 85, 255, 255])
    meant = stripe.resize(SIZE, Image.Resampling.NEAREST)
    return body, meant.convert("RGB")


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(SCENE.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)


def moving() -> bytes:
    """The first frame is the scene, the second is not."""
    palette = SCENE.quantize(64)
    other = Image.new("RGB", SCENE.size, "red").quantize(64)
    return saved(
        palette, "GIF", save_all=True, append_images=[other], duration=100
    )


def cut_short() -> bytes:
    """The rest has not come, and is gray."""
    body = saved(SCENE, "JPEG", quality=90)
    return body[: len(body) * 6 // 10]


# -- the sheet ------------------------------------------------------------------------------------


def chart(
    depth: int,
    colour: int,
    encode: Callable[[Pixel], Sequence[int]],
    *chunks: tuple[bytes, bytes],
) -> bytes:
    return png(SCENE.width, depth, colour, samples(encode), *chunks)


def cases() -> list[Case]:
    gamma = b"gAMA", struct.pack(">I", 100_000)
    wide = b"cICP", bytes([12, 13, 0, 1])
    adobe = in_space(ADOBE_RGB, lambda light: light ** (1 / 2.19921875))
    fringe = disc((0, 0, 255), BRIGHT)
    return [
        Case("PNG, 16 bits", chart(16, RGB, deep), MEANT),
        Case("PNG, gray of 16 bits", chart(16, GRAY, deep_gray), MEANT_GRAY),
        Case("TIFF, 16 bits, in planes", planes(), MEANT),
        Case("TIFF, 16 bits, zero is white", negative(), MEANT_GRAY),
        Case("TIFF, floats", floats(), MEANT_GRAY),
        Case("PGM, 1023 is white", gray_map(), MEANT_GRAY),
        Case("TIFF, Lab", lab(), MEANT),
        Case("TIFF, luma and chroma", subsampled(), MEANT),
        Case("JPEG, CMYK", saved(ink_picture(), "JPEG", quality=95), MEANT),
        Case("JPEG, YCCK", ycck(), MEANT),
        Case("PNG, gAMA of light", chart(16, RGB, linear, gamma), MEANT),
        Case(
            "PNG, cICP of Display P3",
            chart(8, RGB, in_space(DISPLAY_P3, srgb_curve), wide),
            MEANT,
        ),
        Case(
            "PNG, profile of Adobe RGB",
            chart(8, RGB, adobe, profile_chunk(ADOBE_PROFILE)),
            MEANT,
        ),
        Case(
            "PNG, profile of gray",
            chart(8, GRAY, linear_gray, profile_chunk(GRAY_PROFILE)),
            MEANT_GRAY,
        ),
        Case(
            "PNG, blue where it is clear",
            saved(fringe, "PNG"),
            on("white", fringe),
        ),
        Case(
            "the same, --matte green",
            saved(fringe, "PNG"),
            on("green", fringe),
            {"format": "jpeg", "matte": "green", "quality": 95},
        ),
        Case("PNG, palette of alphas", *several_alphas()),
        Case("PNG, 2 bits, one gray clear", *two_bits()),
        Case("JPEG, lies on its side", turned(), MEANT),
        Case("GIF, the first of two frames", moving(), MEANT),
        Case("JPEG, ends too early", cut_short(), None, {"truncated": "keep"}),
    ]


def naively(case: Case) -> Image.Image:
    """As a script of three lines makes it."""
    image = Image.open(io.BytesIO(case.body))
    return image.convert("RGB").resize(SIZE, Image.Resampling.LANCZOS)


def properly(case: Case) -> Image.Image:
    """As this program makes it, on white if it is transparent."""
    plan = Plan(**{"resize": SIZE[0], "format": "png", **case.options})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "original")
        path.write_bytes(case.body)
        made = process(str(path), plan, str(path.with_name("made")), "")
        with Image.open(made.files[0][0]) as image:
            return on("white", image.convert("RGBA"))


def attempted(make: Callable[[Case], Image.Image], case: Case) -> Image.Image:
    """The picture, or what is said instead."""
    try:
        return make(case)
    except (OSError, ValueError, Unusable) as error:
        note = Image.new("RGB", SIZE, "white")
        text = "\n".join(textwrap.wrap(str(error), 16)[:4])
        ImageDraw.Draw(note).text((2, 2), text, "red")
        return note


COLUMNS, MARGIN, HEAD = 2, 8, 20
ROW = SIZE[1] + 14 + MARGIN
CELL = 2 * SIZE[0] + 2 * MARGIN + MARGIN


def sheet(shown: Sequence[Case]) -> Image.Image:
    """The cases in columns: before and after."""
    rows = -(-len(shown) // COLUMNS)
    page = Image.new(
        "RGB", (COLUMNS * CELL + MARGIN, rows * ROW + HEAD), "#eee"
    )
    pen = ImageDraw.Draw(page)
    for number, case in enumerate(shown):
        column, row = divmod(number, rows)
        left, top = MARGIN + column * CELL, HEAD + row * ROW
        pen.text((left, HEAD - 16), "opened, converted", "#666")
        pen.text((left + SIZE[0] + MARGIN, HEAD - 16), "by this", "#666")
        pen.text((left, top), case.name, "black")
        page.paste(attempted(naively, case), (left, top + 14))
        after = attempted(properly, case)
        page.paste(after, (left + SIZE[0] + MARGIN, top + 14))
    return page


if __name__ == "__main__":
    target = Path(sys.argv[1] if sys.argv[1:] else "docs/contact_sheet.png")
    sheet(cases()).save(target, optimize=True)
