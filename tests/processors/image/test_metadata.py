"""What a picture tells beside its pixels goes; the pixels stay what they are."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from processors.image import Plan, process
from processors.image.metadata import Malformed, strip_metadata

SECRET = b"48.8584N, 2.2945E"
XMP = b"<x:xmpmeta><rdf:RDF>" + SECRET + b"</rdf:RDF></x:xmpmeta>"
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FORMATS = ["jpeg", "png", "webp"]


def exif() -> bytes:
    told = Image.Exif()
    told[0x010E] = SECRET.decode()  # ImageDescription
    told[0x0112] = 1  # Orientation
    told[0x8825] = {1: "N", 2: (48.0, 51.0, 30.24), 29: SECRET.decode()}  # GPS
    return told.tobytes()


def noisy(mode: str = "RGB", size: tuple[int, int] = (40, 30)) -> Image.Image:
    width, height = size
    noise = random.Random(1).randbytes(3 * width * height)
    return Image.frombytes("RGB", size, noise).convert(mode)


def saved(image: Image.Image, format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, format, **options)
    return written.getvalue()


def pixels(body: bytes) -> list[tuple[Any, ...]]:
    """What a decoder gives, frame by frame, and what colour needs."""
    with Image.open(io.BytesIO(body)) as image:
        frames = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            image.load()
            palette = image.getpalette("RGB") if image.mode == "P" else None
            transparency = image.info.get("transparency")
            profile = image.info.get("icc_profile")
            gamma = image.info.get("gamma")
            frames.append((image.mode, image.size, image.tobytes(), palette, transparency, profile,
                           gamma))  # fmt: skip
        return frames


def assert_clean(body: bytes, format: str) -> bytes:
    """`body` without metadata, which it had."""
    clean = strip_metadata(body, format)
    assert len(clean) < len(body)
    assert SECRET not in clean
    assert b"Exif" not in clean
    assert b"EXIF" not in clean
    assert b"xmpmeta" not in clean
    assert pixels(clean)[0] == pixels(body)[0]
    assert strip_metadata(clean, format) is clean
    with Image.open(io.BytesIO(clean)) as image:
        assert not dict(image.getexif())
        assert (
            not {"exif", "xmp", "comment", "photoshop", "Software"}
            & image.info.keys()
        )
    return clean


def segment(code: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    crc = zlib.crc32(name + content)
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", crc)
    )


def riff_chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack("<4sI", name, len(content))
        + content
        + b"\0" * (len(content) % 2)
    )


def riff(*chunks: bytes) -> bytes:
    content = b"WEBP" + b"".join(chunks)
    return struct.pack("<4sI", b"RIFF", len(content)) + content


# -- any picture ------------------------------------------------------------------------------

JPEGS = st.fixed_dictionaries({
    "mode": st.sampled_from(["L", "RGB", "CMYK"]),
    "progressive": st.booleans(),
    "optimize": st.booleans(),
    "subsampling": st.sampled_from([0, 2]),
    "restart_marker_blocks": st.sampled_from([0, 1, 3]),
    "icc_profile": st.sampled_from([None, ICC, ICC * 40]),
})  # fmt: skip
PNGS = st.fixed_dictionaries({
    "mode": st.sampled_from(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"]),
    "transparency": st.sampled_from([None, 3]),
    "icc_profile": st.sampled_from([None, ICC]),
})  # fmt: skip
WEBPS = st.fixed_dictionaries({
    "mode": st.sampled_from(["L", "RGB", "RGBA"]),
    "lossless": st.booleans(),
    "icc_profile": st.sampled_from(["", ICC]),
})  # fmt: skip


def picture(format: str, options: dict[str, Any], **metadata: Any) -> bytes:
    wanted = {
        name: value for name, value in options.items() if value is not None
    }
    mode = wanted.pop("mode")
    image = noisy("L").convert("I;16") if mode == "I;16" else noisy(mode)
    if mode not in ("L", "P", "RGB") or format != "png":
        wanted.pop("transparency", None)
    if mode == "RGB" and "transparency" in wanted:
        wanted["transparency"] = (1, 2, 3)
    return saved(image, format, **wanted, **metadata)


def of_any_format() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    return st.one_of(
        st.tuples(st.just(format), options)
        for format, options in zip(FORMATS, (JPEGS, PNGS, WEBPS), strict=True)
    )


@given(of_any_format())
def test_any_picture_keeps_its_pixels_and_its_colours(
    given: tuple[str, dict[str, Any]],
) -> None:
    format, options = given
    assert_clean(picture(format, options, exif=exif()), format)


@given(of_any_format())
def test_a_picture_without_metadata_is_given_back_as_it_is(
    given: tuple[str, dict[str, Any]],
) -> None:
    format, options = given
    body = picture(format, options)
    assert strip_metadata(body, format) is body


@given(of_any_format(), st.data())
def test_whatever_is_damaged_is_malformed_and_nothing_else(
    given: tuple[str, dict[str, Any]], data: st.DataObject
) -> None:
    format, options = given
    body = bytearray(picture(format, options, exif=exif()))
    for _ in range(data.draw(st.integers(0, 4))):
        place = data.draw(st.integers(0, min(len(body), 400) - 1))
        body[place] = data.draw(st.integers(0, 255))
    cut = bytes(body[: data.draw(st.integers(0, len(body)))])
    for name in FORMATS:
        # its own word for it, and the only one
        with contextlib.suppress(Malformed):
            assert len(strip_metadata(cut, name)) <= len(cut)


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_that_is_cut_off_anywhere_is_malformed(format: str) -> None:
    body = saved(noisy(size=(9, 7)), format, exif=exif())
    for length in range(len(body)):
        with pytest.raises(Malformed):
            strip_metadata(body[:length], format)


# -- JPEG -------------------------------------------------------------------------------------

JPEG = saved(noisy(), "jpeg", progressive=True, restart_marker_blocks=1)
JFIF_END = 20  # SOI and the APP0 that Pillow writes


@pytest.mark.parametrize(
    "extra",
    [
        segment(0xE1, b"Exif\0\0" + SECRET),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP),
        segment(
            0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + XMP
        ),
        segment(0xE0, b"JFXX\0\x10" + SECRET),  # a thumbnail
        segment(0xE2, b"FPXR\0" + SECRET),
        # of a gain map
        segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + SECRET),
        segment(0xED, b"Photoshop 3.0\x008BIM" + SECRET),
        segment(0xEC, b"Ducky" + SECRET),
        segment(0xEB, b"JP" + SECRET),  # JUMBF, C2PA
        segment(0xEF, SECRET),
        segment(0xFE, SECRET),
        segment(0xFE, SECRET) * 3,
    ],
    ids=lambda extra: repr(extra[:16]),
)
def test_of_a_jpeg_goes(extra: bytes) -> None:
    for place in (2, JFIF_END, JPEG.rindex(b"\xff\xda"), len(JPEG) - 2):
        body = JPEG[:place] + extra + JPEG[place:]
        assert assert_clean(body, "jpeg") == JPEG


def test_fill_bytes_may_stand_before_any_marker() -> None:
    for place in (2, JFIF_END, JPEG.rindex(b"\xff\xda"), len(JPEG) - 2):
        assert_clean(
            JPEG[:place] + b"\xff\xff" + segment(0xFE, SECRET) + JPEG[place:],
            "jpeg",
        )


def test_further_pictures_of_a_jpeg_go() -> None:
    first = noisy()
    body = saved(
        first, "MPO", save_all=True, append_images=[noisy("L")], exif=exif()
    )
    clean = assert_clean(body, "jpeg")
    assert clean == saved(first, "jpeg")
    assert b"MPF" not in clean


@pytest.mark.parametrize(
    "trailer",
    [
        b"\0",
        b"\r\n",
        saved(noisy(), "jpeg", exif=exif()),  # the second picture of an MPO
        b"\0\0\0\x18ftypmp42" + SECRET,  # a Motion Photo
        b"SEFH" + SECRET + b"SEFT",  # what a Samsung hangs on
    ],
)
def test_what_lies_behind_the_end_of_a_jpeg_goes(trailer: bytes) -> None:
    assert assert_clean(JPEG + trailer, "jpeg") == JPEG


def test_a_jpegs_thumbnail_goes() -> None:
    """A picture may be cropped, and its thumbnail still show all of it."""
    thumbnail = bytes(range(48)) * 3 + SECRET + bytes(31)
    assert len(thumbnail) == 8 * 8 * 3
    jfif = segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\x08\x08" + thumbnail)
    clean = assert_clean(JPEG[:2] + jfif + JPEG[JFIF_END:], "jpeg")
    assert clean[2:JFIF_END] == segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")


def test_what_says_how_a_jpegs_colours_are_meant_stays() -> None:
    """Adobe's segment tells CMYK from YCCK, and whether it is inverted."""
    body = saved(noisy("CMYK"), "jpeg", icc_profile=ICC, exif=exif())
    place = body.index(b"\xff\xee")
    assert body[place + 4 : place + 9] == b"Adobe"
    longer = segment(0xEE, body[place + 4 : place + 16] + SECRET)
    clean = assert_clean(body[:place] + longer + body[place + 16 :], "jpeg")
    assert body[place : place + 16] in clean
    assert clean.count(b"ICC_PROFILE\0") == body.count(b"ICC_PROFILE\0") >= 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xd8",
        JPEG[2:],
        JPEG[:-2],
        JPEG[:-2] + bytes(99),
        JPEG[:2] + b"ab" + JPEG[2:],
        JPEG[:2] + b"\xff\xd0" + JPEG[2:],
        JPEG[:2] + b"\xff\xd8" + JPEG[2:],
        JPEG[:2] + b"\xff\x02\0\2" + JPEG[2:],
        JPEG[:2] + b"\xff\xf7\0\2" + JPEG[2:],
        JPEG[:2] + b"\xff\xfe\0\1" + JPEG[2:],
        JPEG[:2] + b"\xff\xfe\xff\xff",
        JPEG[:2] + b"\xff\xfe",
        JPEG[:2] + b"\xff" * 50,
    ],
)
def test_no_jpeg(body: bytes) -> None:
    with pytest.raises(Malformed):
        strip_metadata(body, "jpeg")


# -- PNG --------------------------------------------------------------------------------------

PNG = saved(noisy(), "png")
BEHIND_IHDR = 33


@pytest.mark.parametrize(
    "name",
    [b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"hIST", b"sPLT", b"caBX", b"dSIG", b"prVt",
     b"vpAg", b"acTL"],
)  # fmt: skip
def test_of_a_png_goes(name: bytes) -> None:
    content = (
        struct.pack(">II", 1, 0) if name == b"acTL" else b"Comment\0" + SECRET
    )
    for place in (BEHIND_IHDR, len(PNG) - 12):
        assert (
            strip_metadata(
                PNG[:place] + chunk(name, content) + PNG[place:], "png"
            )
            == PNG
        )


def test_texts_and_times_of_a_png_go() -> None:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", SECRET.decode())
    told.add_text("Comment", SECRET.decode(), zip=True)
    told.add_itxt("XML:com.adobe.xmp", XMP.decode())
    assert assert_clean(
        saved(noisy(), "png", pnginfo=told, exif=exif()) + SECRET, "png"
    )


def test_what_says_how_a_pngs_colours_are_meant_stays() -> None:
    colours = b"".join([
        chunk(b"gAMA", struct.pack(">I", 100_000)),
        chunk(b"cHRM", bytes(32)),
        chunk(b"sBIT", b"\5\6\5"),
        chunk(b"cICP", b"\1\x0d\0\1"),
        chunk(b"pHYs", struct.pack(">IIB", 2, 1, 0)),
    ])  # fmt: skip
    body = PNG[:BEHIND_IHDR] + colours + PNG[BEHIND_IHDR:]
    told = (
        PNG[:BEHIND_IHDR]
        + colours
        + chunk(b"tIME", bytes(7))
        + PNG[BEHIND_IHDR:]
    )
    assert strip_metadata(told, "png") == body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        PNG[:8],
        PNG[1:],
        PNG[:-1],
        PNG[:BEHIND_IHDR] + chunk(b"CgBI", bytes(4)) + PNG[BEHIND_IHDR:],
        PNG[:BEHIND_IHDR] + b"\xff\xff\xff\xfftEXt",
    ],
)
def test_no_png(body: bytes) -> None:
    with pytest.raises(Malformed):
        strip_metadata(body, "png")


# -- WebP -------------------------------------------------------------------------------------

WEBP = saved(noisy("RGBA"), "webp")
WEBP_CHUNKS = WEBP[12:]


@pytest.mark.parametrize("name", [b"EXIF", b"XMP ", b"META", b"JUNK", b"C2PA"])
@pytest.mark.parametrize("odd", [0, 1])
def test_of_a_webp_goes(name: bytes, odd: int) -> None:
    extra = riff_chunk(name, XMP + b"." * odd)
    assert assert_clean(riff(WEBP_CHUNKS, extra), "webp") == WEBP
    assert assert_clean(WEBP + SECRET, "webp") == WEBP


def test_a_webp_no_longer_says_that_it_has_metadata() -> None:
    clean = assert_clean(
        saved(noisy(), "webp", exif=exif(), xmp=XMP, icc_profile=ICC), "webp"
    )
    assert clean[12:16] == b"VP8X"
    assert clean[20] == 0x20  # a profile, and nothing else


def test_a_moving_webp_still_moves() -> None:
    frames = [
        Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")
    ]
    body = saved(frames[0], "webp", save_all=True, append_images=frames[1:], duration=40,
                 exif=exif(), xmp=XMP)  # fmt: skip
    first = body.index(b"ANMF")
    (size,) = struct.unpack_from("<I", body, first + 4)
    frame = body[first + 8 : first + 8 + size]
    body = riff(
        body[12:first], riff_chunk(b"ANMF", frame + riff_chunk(b"NOTE", SECRET)),
        body[first + 8 + size :],
    )  # fmt: skip
    clean = assert_clean(body, "webp")
    assert pixels(clean) == pixels(body)
    assert len(pixels(clean)) == 3


@pytest.mark.parametrize(
    "body",
    [
        b"",
        WEBP[:11],
        WEBP[:-1],
        b"RIFX" + WEBP[4:],
        riff(WEBP_CHUNKS, b"EXIF\xff\0\0\0"),
        riff(WEBP_CHUNKS, b"EXI"),
    ],
)
def test_no_webp(body: bytes) -> None:
    with pytest.raises(Malformed):
        strip_metadata(body, "webp")


# -- in the stage -----------------------------------------------------------------------------


def made(
    folder: Path, body: bytes, plan: Plan | None = None
) -> tuple[bytes, list[str]]:
    """The result's bytes, and what was changed."""
    source = folder / "original"
    source.write_bytes(body)
    processed = process(
        str(source), plan or Plan(), str(folder / "made"), "processed/h/x"
    )
    assert source.read_bytes() == body, "the original is never touched"
    (variant,) = processed.facts["processed"]
    content = Path(processed.files[0][0]).read_bytes()
    assert variant["bytes"] == len(content)
    return content, variant["changes"]


def told_everything(format: str) -> bytes:
    """A picture with all the metadata that Pillow can write."""
    options: dict[str, Any] = {"exif": exif()}
    if format in ("jpeg", "webp"):
        options["xmp"] = XMP
    if format in ("jpeg", "gif"):
        options["comment"] = SECRET
    if format == "gif":
        del options["exif"]
    if format == "png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("Comment", SECRET.decode())
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    return saved(noisy(), format, **options)


@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_that_need_not_change_is_copied_without_metadata(
    format: str, tmp_path: Path
) -> None:
    body = told_everything(format)
    content, changes = made(tmp_path, body)
    assert changes == ["metadata_removed"]
    assert content == assert_clean(body, format)


@pytest.mark.parametrize("to", FORMATS)
@pytest.mark.parametrize("format", [*FORMATS, "gif", "tiff", "avif"])
def test_nothing_made_anew_carries_metadata(
    format: str, to: str, tmp_path: Path
) -> None:
    body = told_everything(format)
    for plan in (
        Plan(format=to),
        Plan(format=to, resize=20),
        Plan(format=to, grayscale=True),
    ):
        content, _ = made(tmp_path, body, plan)
        assert SECRET not in content
        assert strip_metadata(content, to) is content
        with Image.open(io.BytesIO(content)) as image:
            assert not dict(image.getexif())


def test_a_picture_whose_container_is_damaged_is_made_anew(
    tmp_path: Path,
) -> None:
    """Behind the scan, where no marker ends it, anything may stand."""
    body = saved(noisy(), "jpeg")[:-2] + SECRET * 5_000
    content, changes = made(tmp_path, body)
    assert changes == ["metadata_removed"]
    assert SECRET not in content
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (40, 30)
