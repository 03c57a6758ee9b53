import errno
import hashlib
import io
import os
import struct
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageDraw

from processors import Unusable
from processors.image import (
    FORMATS,
    Plan,
    ProcessedImage,
    fit,
    process,
    read,
    upright,
)
from processors.image.variants.pixels import joined

ORIENTATION = 0x0112


def drawn(mode: str = "RGB", size: tuple[int, int] = (64, 48)) -> Image.Image:
    """A picture whose four quarters differ: red, green, blue, yellow."""
    image = Image.new("RGB", size)
    pen, (w, h) = ImageDraw.Draw(image), size
    pen.rectangle((0, 0, w // 2 - 1, h // 2 - 1), "red")
    pen.rectangle((w // 2, 0, w, h // 2 - 1), "lime")
    pen.rectangle((0, h // 2, w // 2 - 1, h), "blue")
    pen.rectangle((w // 2, h // 2, w, h), "yellow")
    return image.convert(mode)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


class Desk:
    """Where pictures are put and made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.out = folder / "parts" / "17"
        self.out.parent.mkdir()

    def process(self, body: bytes, plan: Plan | None = None) -> ProcessedImage:
        source = self.folder / "original"
        source.write_bytes(body)
        return process(
            str(source), plan or Plan(), str(self.out), "processed/h/name-ab12"
        )

    def made(
        self, body: bytes, plan: Plan | None = None
    ) -> tuple[Image.Image, dict[str, Any]]:
        """The variant as decoded again, and what was said of it."""
        processed = self.process(body, plan)
        (variant,) = processed.facts["processed"]
        with Image.open(processed.files[0][0]) as image:
            image.load()
            assert (image.mode, image.size) == (
                variant["mode"],
                (variant["width"], variant["height"]),
            )
            return image, variant

    def refusal(self, body: bytes, plan: Plan | None = None) -> Unusable:
        before = self.left()
        with pytest.raises(Unusable) as caught:
            self.process(body, plan)
        assert self.left() == before
        assert "\n" not in str(caught.value)
        return caught.value

    def left(self) -> list[str]:
        return os.listdir(self.out.parent)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def nearly(one: Image.Image, other: Image.Image, within: int = 40) -> bool:
    """Whether no pixel differs by more, away from the edges between the quarters."""
    assert one.size == other.size
    w, h = one.size
    points = [
        (x, y)
        for x in (w // 5, w - w // 5 - 1)
        for y in (h // 5, h - h // 5 - 1)
    ]
    difference = ImageChops.difference(one.convert("RGB"), other.convert("RGB"))
    return all(max(difference.getpixel(point)) <= within for point in points)  # type: ignore[arg-type, type-var]


# Facts and files


def test_a_picture_says_its_facts(desk: Desk) -> None:
    processed = desk.process(saved(drawn(size=(1024, 600)), "PNG"))
    ((temporary, final),) = processed.files
    content = Path(temporary).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    assert temporary.startswith(str(desk.out))
    assert processed.facts == {
        "format": "png",
        "mode": "RGB",
        "original_width": 1024,
        "original_height": 600,
        "width": 512,
        "height": 300,
        "frames": 1,
        "duration_ms": None,
        "loop": None,
        "processed": [
            {
                "variant": "default",
                "path": final,
                "width": 512,
                "height": 300,
                "format": "png",
                "mode": "RGB",
                "frames": 1,
                "duration_ms": None,
                "bytes": len(content),
                "sha256": digest,
                "changes": ["resized"],
            }
        ],
        "pixels_hash": joined([digest]),
    }
    assert final == "processed/h/name-ab12.png"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_that_needs_no_change_is_copied_byte_for_byte(
    desk: Desk, format: str
) -> None:
    body = saved(drawn(), format)
    processed = desk.process(body)
    assert Path(processed.files[0][0]).read_bytes() == body
    assert processed.facts["processed"][0]["changes"] == []


def test_a_size_of_zero_keeps_every_size(desk: Desk) -> None:
    _, variant = desk.made(
        saved(drawn(size=(900, 700)), "JPEG"), Plan(resize=0, format="png")
    )
    assert (variant["width"], variant["height"]) == (900, 700)


def test_a_ribbon_keeps_at_least_one_pixel(desk: Desk) -> None:
    image, _ = desk.made(saved(drawn(size=(5000, 2)), "JPEG"), Plan(resize=100))
    assert image.size == (100, 1)


@given(st.integers(1, 70_000), st.integers(1, 70_000), st.integers(0, 3000))
def test_a_fit_is_within_its_box_and_true_to_the_ratio(
    w: int, h: int, longest: int
) -> None:
    width, height = fit(w, h, longest)
    assert 1 <= width <= w
    assert 1 <= height <= h
    if longest and max(w, h) > longest:
        assert max(width, height) == longest
        scale = longest / max(w, h)
        assert abs(width - w * scale) < 1
        assert abs(height - h * scale) < 1
    else:
        assert (width, height) == (w, h)


def test_quality_is_obeyed(desk: Desk) -> None:
    body = saved(Image.effect_noise((300, 300), 90), "PNG")
    small = desk.made(body, Plan(format="jpeg", quality=20))[1]["bytes"]
    assert small < desk.made(body, Plan(format="jpeg", quality=95))[1]["bytes"]


def test_a_large_jpeg_is_scaled_without_a_shift(desk: Desk) -> None:
    source = saved(drawn(size=(2003, 1501)), "JPEG", quality=95)
    image, _ = desk.made(source, Plan(format="png"))
    with Image.open(io.BytesIO(source)) as whole:
        expected = whole.resize(image.size, Image.Resampling.LANCZOS)
    assert (
        sum(ImageChops.difference(image, expected).convert("L").tobytes())
        < 0.5 * 512 * 384
    )


# Upright


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("resize", [0, 40])
def test_a_picture_is_turned_upright(
    desk: Desk, format: str, orientation: int, resize: int
) -> None:
    backwards = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    upright = drawn(size=(80, 60))
    stored = (
        upright.transpose(backwards[orientation])
        if orientation > 1
        else upright
    )
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    processed = desk.process(
        saved(stored, format, exif=exif), Plan(resize=resize)
    )
    assert processed.facts["original_width"] == 80
    assert processed.facts["original_height"] == 60
    (variant,) = processed.facts["processed"]
    assert ("rotated" in variant["changes"]) == (orientation > 1)
    with Image.open(processed.files[0][0]) as image:
        if orientation > 1:
            assert ORIENTATION not in image.getexif()
        assert nearly(image, upright.resize(image.size))


def test_a_damaged_orientation_is_none(desk: Desk) -> None:
    for exif in (
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0",
    ):
        processed = desk.process(saved(drawn(), "JPEG", exif=exif))
        assert processed.facts["processed"][0]["changes"] == [
            "metadata_removed"
        ]


# Colours


def test_a_cmyk_jpeg_becomes_rgb(desk: Desk) -> None:
    image, variant = desk.made(saved(drawn("CMYK"), "JPEG"))
    assert image.mode == "RGB"
    assert variant["changes"] == ["srgb"]
    assert nearly(image, drawn())


@pytest.mark.parametrize("resize", [0, 20])
def test_gray_is_gray(desk: Desk, resize: int) -> None:
    for mode, format in (
        ("RGB", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
    ):
        image, variant = desk.made(
            saved(drawn(mode), format), Plan(resize=resize, grayscale=True)
        )
        assert image.mode == ("LA" if mode == "RGBA" else "L")
        assert "grayscale" in variant["changes"]
        assert nearly(image, drawn("L").resize(image.size))


@pytest.mark.parametrize(
    ("mode", "format"), [("L", "JPEG"), ("1", "PNG"), ("LA", "PNG")]
)
def test_what_is_gray_already_is_copied(
    desk: Desk, mode: str, format: str
) -> None:
    body = saved(drawn("L").convert(mode), format)
    processed = desk.process(body, Plan(grayscale=True))
    assert Path(processed.files[0][0]).read_bytes() == body


def test_a_foreign_profile_is_converted_and_srgbs_is_not(desk: Desk) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (
        desk.made(saved(drawn(), "JPEG", icc_profile=srgb))[1]["changes"] == []
    )
    # The same curves and colours under another name are sRGB too.
    other = srgb.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    assert (
        desk.made(saved(drawn(), "PNG", icc_profile=other))[1]["changes"] == []
    )


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_profile_that_is_damaged_or_does_not_fit_is_ignored(
    desk: Desk, mode: str
) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (b"garbage", lab):
        body = saved(drawn(mode), "JPEG", icc_profile=profile)
        assert nearly(desk.made(body)[0], drawn(mode).convert("RGB"))


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_gray_of_16_bits_keeps_its_tones(desk: Desk, format: str) -> None:
    ramp = Image.new("I;16", (256, 4))
    ramp.putdata([x * 257 for _ in range(4) for x in range(256)])
    image, _ = desk.made(
        saved(ramp, format), Plan(format="png", resize=0, grayscale=False)
    )
    if image.mode != "L":  # a PNG that needs no change is copied
        image, _ = desk.made(
            saved(ramp, format), Plan(format="webp", quality=100)
        )
        image = image.convert("L")
    tones = list(image.crop((0, 0, 256, 1)).get_flattened_data())
    assert all(abs(tone - x) <= 3 for x, tone in enumerate(tones))


@pytest.mark.parametrize(
    "values", [(0.0, 1.0), (0.0, 255.0), (-5.0, 90000.0), (7.0, 7.0)]
)
def test_floats_are_spread_over_the_tones_there_are(
    desk: Desk, values: tuple[float, float]
) -> None:
    image = Image.new("F", (8, 8), values[0])
    image.paste(values[1], (0, 0, 4, 8))
    made, _ = desk.made(saved(image, "TIFF"), Plan(format="png"))
    assert made.mode == "L"
    if values[0] != values[1]:
        assert made.getextrema() == (0, 255)


def test_a_palette_with_transparency_keeps_it_when_resized(desk: Desk) -> None:
    palette = drawn("P")
    clear = palette.getpixel((2, 2))
    image, _ = desk.made(
        saved(palette, "PNG", transparency=clear), Plan(resize=32)
    )
    assert image.mode == "RGBA"
    assert image.getpixel((2, 2))[3] == 0  # type: ignore[index]
    assert image.getpixel((29, 2)) == (0, 255, 0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_a_transparent_colour_becomes_alpha_when_resized(
    desk: Desk, mode: str
) -> None:
    image = Image.new(mode, (64, 64), "white")
    key = {"1": 1, "L": 255, "RGB": (255, 255, 255)}[mode]
    made, _ = desk.made(saved(image, "PNG", transparency=key), Plan(resize=16))
    assert made.getchannel("A").getextrema() == (0, 0)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_flattened_on_white_for_a_jpeg(
    desk: Desk, mode: str
) -> None:
    clear = Image.new(mode, (20, 20))
    image, variant = desk.made(saved(clear, "PNG"), Plan(format="jpeg"))
    assert variant["changes"] == ["converted", "flattened"]
    assert image.convert("L").getextrema() == (255, 255)


def test_an_alpha_channel_without_a_clear_pixel_is_not_transparency(
    desk: Desk,
) -> None:
    image, variant = desk.made(saved(drawn("RGBA"), "ICO", sizes=[(64, 48)]))
    assert (image.mode, variant["format"]) == ("RGB", "jpeg")
    assert variant["changes"] == ["converted"]


def test_alpha_is_kept_by_png_and_webp(desk: Desk) -> None:
    half = drawn("RGBA")
    half.putalpha(128)
    for format in ("png", "webp"):
        image, _ = desk.made(
            saved(half, "TIFF"), Plan(format=format, resize=32)
        )
        assert image.getpixel((3, 3))[3] == 128  # type: ignore[index]


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "I", "CMYK", "F"]
)
@pytest.mark.parametrize("format", ["", "jpeg", "png", "webp"])
@pytest.mark.parametrize("grayscale", [False, True])
def test_every_mode_can_become_every_format(
    desk: Desk, mode: str, format: str, grayscale: bool
) -> None:
    image = drawn("L" if mode in ("I;16", "LA") else "RGB").convert(
        "L" if mode in "IF" else "RGB"
    )
    if mode == "I;16":
        image = drawn("L")
    desk.made(
        saved(image.convert(mode), "TIFF"),
        Plan(resize=20, grayscale=grayscale, format=format),
    )


def test_lab_is_read(desk: Desk) -> None:
    lab = ImageCms.createProfile("LAB")
    image = ImageCms.profileToProfile(
        drawn(), ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
    )
    assert image is not None
    assert nearly(desk.made(saved(image, "TIFF"))[0], drawn(), within=60)


# Formats


@pytest.mark.parametrize(
    ("original", "format"),
    [
        ("GIF", "jpeg"),
        ("BMP", "jpeg"),
        ("TIFF", "jpeg"),
        ("AVIF", "jpeg"),
        ("PPM", "jpeg"),
    ],
)
def test_other_formats_become_jpeg(
    desk: Desk, original: str, format: str
) -> None:
    image, variant = desk.made(saved(drawn(), original))
    assert (variant["format"], variant["changes"]) == (format, ["converted"])
    assert variant["path"].endswith(".jpg")
    assert nearly(image, drawn())


def test_of_a_moving_picture_the_first_frame_is_taken(desk: Desk) -> None:
    frames = [drawn(), drawn().transpose(Image.Transpose.ROTATE_180)]
    for format in ("GIF", "WEBP", "PNG", "TIFF"):
        processed = desk.process(
            saved(frames[0], format, save_all=True, append_images=frames[1:])
        )
        assert processed.facts["frames"] == 2
        (variant,) = processed.facts["processed"]
        assert "first_frame" in variant["changes"]
        with Image.open(processed.files[0][0]) as image:
            assert getattr(image, "n_frames", 1) == 1
            assert nearly(image, frames[0])


def test_the_first_picture_of_an_mpo_is_a_jpeg_that_need_not_change(
    desk: Desk,
) -> None:
    body = saved(drawn(), "MPO", save_all=True, append_images=[drawn()])
    processed = desk.process(body)
    assert (processed.facts["format"], processed.facts["frames"]) == ("mpo", 2)
    (variant,) = processed.facts["processed"]
    assert (variant["format"], variant["changes"]) == (
        "jpeg",
        ["first_frame", "metadata_removed"],
    )
    with (
        Image.open(io.BytesIO(body)) as before,
        Image.open(processed.files[0][0]) as after,
    ):
        assert (after.format, before.tobytes()) == ("JPEG", after.tobytes())
    _, variant = desk.made(body, Plan(resize=20))
    assert variant["changes"] == ["resized", "first_frame"]


def test_no_decoder_is_used_that_was_not_chosen(desk: Desk) -> None:
    assert not {"EPS", "PSD", "WMF", "MPEG", "HDF5", "GRIB"} & set(FORMATS)
    for format in ("EPS", "SGI", "TGA", "JPEG2000"):
        assert desk.refusal(saved(drawn(), format)).kind == "image_broken"


# What cannot be used


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\x89PNG\r\n\x1a\n" + b"x" * 99, b"GIF89a"]
)
def test_what_is_no_picture_is_broken(desk: Desk, body: bytes) -> None:
    assert desk.refusal(body).kind in ("image_broken", "image_truncated")


@pytest.mark.parametrize(
    "format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "PPM"]
)
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("resize", [0, 30])
def test_a_picture_cut_short_is_truncated(
    desk: Desk, format: str, part: float, resize: int
) -> None:
    body = saved(Image.effect_noise((120, 90), 90).convert("RGB"), format)
    refusal = desk.refusal(body[: int(len(body) * part)], Plan(resize=resize))
    assert (refusal.kind, str(refusal)) == (
        "image_truncated",
        "the picture ends too early",
    )


def test_a_progressive_jpeg_cut_short_is_truncated(desk: Desk) -> None:
    body = saved(Image.effect_noise((900, 700), 90), "JPEG", progressive=True)
    assert desk.refusal(body[: len(body) // 2]).kind == "image_truncated"


@given(data=st.data())
def test_damage_anywhere_is_a_picture_or_a_refusal(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    format = data.draw(
        st.sampled_from(
            ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "ICO", "PCX"]
        )
    )
    body = bytearray(saved(drawn(), format))
    for position, value in data.draw(
        st.lists(
            st.tuples(st.integers(0, len(body) - 1), st.integers(0, 255)),
            max_size=6,
        )
    ):
        body[position] = value
    desk = Desk(tmp_path_factory.mktemp("damaged"))
    try:
        desk.process(bytes(body), Plan(max_pixels=10**6))
    except Unusable:
        assert desk.left() == []


def test_too_many_pixels_are_refused_before_decoding(desk: Desk) -> None:
    body = saved(drawn(size=(200, 101)), "PNG")
    refusal = desk.refusal(body, Plan(max_pixels=20_000))
    assert refusal.kind == "image_too_large"
    assert desk.process(body, Plan(max_pixels=20_200)).files
    bomb = b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b"\x2c"
    assert desk.refusal(bomb + bytes(50)).kind == "image_too_large"


def test_our_limit_replaces_pillows_only_meanwhile(desk: Desk) -> None:
    limit = Image.MAX_IMAGE_PIXELS
    body = saved(drawn(size=(300, 300)), "PNG")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("error")
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
        assert desk.process(body).files
        assert Image.MAX_IMAGE_PIXELS == 10
        desk.refusal(body, Plan(max_pixels=100))
        assert Image.MAX_IMAGE_PIXELS == 10
    assert limit == Image.MAX_IMAGE_PIXELS


def test_a_side_that_the_format_cannot_hold_is_too_large(desk: Desk) -> None:
    body = saved(Image.new("L", (17_000, 1)), "PNG")
    refusal = desk.refusal(body, Plan(resize=0, format="webp"))
    assert refusal.kind == "image_too_large"
    assert "webp" in str(refusal)


def test_a_lack_of_memory_is_not_the_pictures_fault(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for raised in (
        MemoryError(),
        OSError("out of memory when reading image file"),
    ):

        def fail(image: Image.Image, raised: Exception = raised) -> None:
            raise raised

        monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", fail)
        with pytest.raises(MemoryError):
            desk.process(saved(drawn(), "PNG"))
    assert desk.left() == []


def test_a_full_disk_is_not_the_pictures_fault_and_leaves_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, write_bytes = saved(drawn(), "PNG"), Path.write_bytes

    def fill(path: Path, content: bytes) -> int:
        if path.parent != desk.out.parent:
            return write_bytes(path, content)
        write_bytes(path, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    with pytest.raises(OSError, match="No space") as caught:
        desk.process(body)
    assert caught.value.errno == errno.ENOSPC
    assert desk.left() == []


def test_a_missing_original_is_not_a_broken_picture(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        process(str(tmp_path / "none"), Plan(), str(tmp_path / "out"), "x")


# -- the picture itself ------------------------------------------------------------------------


def test_read_gives_the_picture_as_it_came() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    body = saved(drawn(), "JPEG", exif=exif)
    image = read(body)
    assert (image.format, image.size) == ("JPEG", (64, 48)), "not turned"
    assert image.getexif()[ORIENTATION] == 6


def test_the_other_frames_of_what_was_read_can_be_sought() -> None:
    body = saved(
        drawn(),
        "GIF",
        save_all=True,
        append_images=[Image.new("RGB", (64, 48))],
    )
    image = read(body)
    image.seek(1)
    assert image.convert("RGB").getpixel((0, 0)) == (0, 0, 0)


def test_read_refuses_what_a_run_refuses() -> None:
    with pytest.raises(Unusable, match="more than 100 pixels") as caught:
        read(saved(drawn(), "PNG"), max_pixels=100)
    assert caught.value.kind == "image_too_large"
    with pytest.raises(Unusable, match="more than 100,000,000 pixels"):
        read(saved(Image.new("1", (10_001, 10_000)), "PNG"))
    with pytest.raises(Unusable, match="not a picture in a format") as caught:
        read(saved(drawn(), "EPS"))
    assert caught.value.kind == "image_broken"
    with pytest.raises(Unusable) as caught:
        read(saved(drawn(), "PNG")[:-30])
    assert caught.value.kind == "image_truncated"


def test_threads_that_read_leave_the_limits_of_pillow_as_they_were() -> None:
    body = saved(drawn(), "PNG")
    before = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(read, [body] * 400, [10_000 + n for n in range(400)]))
    assert (Image.MAX_IMAGE_PIXELS, list(warnings.filters)) == before


# -- the picture of which variants are made ---------------------------------------------------


def test_the_upright_picture_is_whole_turned_and_plain() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    body = saved(drawn(), "JPEG", exif=exif, quality=95)
    picture = upright(body, Plan(resize=8))
    assert (picture.size, picture.mode) == ((48, 64), "RGB")
    blue, red = picture.getpixel((4, 4)), picture.getpixel((40, 4))
    assert isinstance(blue, tuple)
    assert isinstance(red, tuple)
    assert blue[2] > 200 > blue[0]
    assert red[0] > 200 > red[2]


@pytest.mark.parametrize(
    ("mode", "format", "becomes"),
    [
        ("P", "GIF", "RGB"),
        ("L", "PNG", "L"),
        ("RGBA", "PNG", "RGBA"),
        ("CMYK", "JPEG", "RGB"),
        ("I;16", "PNG", "L"),
    ],
)
def test_the_upright_picture_has_one_of_few_modes(
    mode: str, format: str, becomes: str
) -> None:
    image = (
        drawn("L").convert("I").convert(mode) if ";" in mode else drawn(mode)
    )
    picture = upright(saved(image, format), Plan())
    assert (picture.mode, picture.size) == (becomes, (64, 48))


def test_the_upright_picture_is_salvaged_only_if_that_is_wanted() -> None:
    body = saved(drawn(size=(640, 480)), "JPEG")
    cut = body[: len(body) * 2 // 3]
    with pytest.raises(Unusable) as caught:
        upright(cut, Plan())
    assert caught.value.kind == "image_truncated"
    assert upright(cut, Plan(truncated="keep")).size == (640, 480)
    with pytest.raises(Unusable) as caught:
        upright(body, Plan(max_pixels=1_000))
    assert caught.value.kind == "image_too_large"
