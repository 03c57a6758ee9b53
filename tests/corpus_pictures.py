"""What is true of each picture in the corpus: plain data, for tests of one function or of a run.

Read off the pictures by Pillow alone (opened, loaded whole, turned upright), and by eye.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """What must be said of one file: its kind, the last word, the upright original's facts."""

    state: str = "done"
    error_kind: str | None = None
    kind: str = "image"
    """As the first bytes tell; "file" for formats that are never decoded."""
    format: str | None = None
    width: int | None = None
    height: int | None = None
    mode: str | None = None
    frames: int = 1
    changes: tuple[str, ...] = ()
    """What is done to it if nothing is asked for."""


def _done(
    format: str,
    width: int,
    height: int,
    mode: str,
    *changes: str,
    frames: int = 1,
) -> Picture:
    return Picture(
        format=format,
        width=width,
        height=height,
        mode=mode,
        frames=frames,
        changes=changes,
    )


def _failed(error_kind: str) -> Picture:
    return Picture(state="failed", error_kind=error_kind)


PICTURES: dict[str, Picture] = {
    "images/16_bit_binary.pgm": _done("ppm", 20, 100, "I", "converted"),
    "images/16bit.s.tif": _done("tiff", 10, 10, "I", "converted"),
    "images/1_trns.png": _done("png", 64, 64, "1"),
    "images/broken.png": _failed("image_broken"),
    "images/broken_data_stream.png": _failed("image_broken"),
    "images/chi.gif": _done(
        "gif", 320, 240, "P", "first_frame", "converted", frames=31
    ),
    "images/decompression_bomb.gif": _failed("image_too_large"),
    "images/decompression_bomb.ico": _failed("image_too_large"),
    "images/exif-200dpcm.jpg": _done(
        "jpeg", 200, 200, "RGB", "metadata_removed"
    ),
    "images/exif_gps.jpg": _done("jpeg", 8, 8, "RGB", "metadata_removed"),
    "images/flower.jpg": _done("jpeg", 480, 360, "RGB", "metadata_removed"),
    "images/flower.webp": _done("webp", 480, 360, "RGB", "metadata_removed"),
    "images/flower2.jpg": _done("jpeg", 300, 225, "RGB", "metadata_removed"),
    "images/frozenpond.mpo": _done(
        "mpo", 640, 480, "RGB", "resized", "first_frame", frames=2
    ),
    "images/hopper.avif": _done("avif", 128, 128, "RGB", "converted"),
    "images/hopper.bmp": _done("bmp", 128, 128, "RGB", "converted"),
    "images/hopper.gif": _done("gif", 128, 128, "P", "converted"),
    "images/hopper.ico": _done("ico", 16, 16, "RGBA", "converted"),
    "images/hopper.jpg": _done("jpeg", 128, 128, "RGB", "metadata_removed"),
    "images/hopper.png": _done("png", 128, 128, "RGB", "metadata_removed"),
    "images/hopper.tif": _done("tiff", 128, 128, "RGB", "converted"),
    "images/hopper.webp": _done("webp", 128, 128, "RGB"),
    "images/hopper_16bit.pgm": _done("ppm", 128, 128, "I", "converted"),
    "images/hopper_gray.jpg": _done("jpeg", 128, 128, "L", "metadata_removed"),
    "images/hopper_long_name.im": Picture(kind="file"),
    "images/hopper_orientation_2.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/hopper_orientation_3.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/hopper_orientation_4.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/hopper_orientation_5.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/hopper_orientation_6.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/hopper_orientation_7.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/hopper_orientation_8.jpg": _done(
        "jpeg", 128, 128, "RGB", "rotated"
    ),
    "images/icc_profile.png": _done("png", 57, 57, "RGBA"),
    "images/icc_profile_big.jpg": _done("jpeg", 425, 250, "RGB", "srgb"),
    "images/iss634.gif": _done(
        "gif", 245, 245, "P", "first_frame", "converted", frames=42
    ),
    "images/iss634.webp": _done(
        "webp", 245, 245, "RGBA", "first_frame", frames=42
    ),
    "images/jpeg_ff00_header.jpg": _done(
        "jpeg", 300, 225, "RGB", "metadata_removed"
    ),
    "images/multipage.tiff": _done(
        "tiff", 10, 10, "P", "first_frame", "converted", frames=3
    ),
    "images/orientation_rectangle.jpg": _done("jpeg", 1, 2, "RGB", "rotated"),
    "images/pil184.pcx": _done("pcx", 447, 144, "1", "converted"),
    "images/pil_sample_cmyk.jpg": _done("jpeg", 100, 100, "CMYK", "srgb"),
    "images/pil_sample_rgb.jpg": _done(
        "jpeg", 100, 100, "RGB", "metadata_removed"
    ),
    "images/rgb.jpg": _done("jpeg", 100, 100, "RGB", "metadata_removed"),
    "images/rgb_trns.png": _done("png", 64, 64, "RGB"),
    "images/single_frame.png": _done(
        "png", 128, 64, "RGBA", "metadata_removed"
    ),
    "images/star.avifs": _done(
        "avif", 159, 159, "RGBA", "first_frame", "converted", frames=5
    ),
    "images/sugarshack.mpo": _done(
        "mpo", 640, 480, "RGB", "resized", "first_frame", frames=2
    ),
    "images/tRNS_null_1x1.png": _done("png", 1, 1, "P", "metadata_removed"),
    "images/transparent.gif": _done("gif", 200, 150, "P", "converted"),
    "images/transparent.png": _done(
        "png", 200, 150, "RGBA", "metadata_removed"
    ),
    "images/transparent.webp": _done("webp", 200, 150, "RGBA"),
    "images/truncated_image.png": _failed("image_truncated"),
    "images/truncated_jpeg.jpg": _failed("image_truncated"),
    "images/uncompressed_rgb.png": _done("png", 800, 600, "RGBA", "resized"),
    "images/xmp_test.jpg": _done("jpeg", 2000, 1072, "RGB", "resized", "srgb"),
    "photos/photo-00-2048x1536.jpg": _done(
        "jpeg", 2048, 1536, "RGB", "resized"
    ),
    "photos/photo-01-3648x2736.jpg": _done(
        "jpeg", 3648, 2736, "RGB", "resized"
    ),
    "photos/photo-02-2048x1536.jpg": _done(
        "jpeg", 1536, 2048, "RGB", "rotated", "resized"
    ),
    "photos/photo-03-2048x1536.jpg": _done(
        "jpeg", 1536, 2048, "RGB", "rotated", "resized"
    ),
    "photos/photo-04-3264x2448.jpg": _done(
        "jpeg", 3264, 2448, "RGB", "resized"
    ),
    "photos/photo-05-3264x2448.jpg": _done(
        "jpeg", 3264, 2448, "RGB", "resized"
    ),
    "photos/photo-06-4608x1976.jpg": _done(
        "jpeg", 4608, 1976, "RGB", "resized"
    ),
    "photos/photo-07-3264x2448.jpg": _done(
        "jpeg", 3264, 2448, "RGB", "resized"
    ),
    "photos/photo-08-1600x1200.jpg": _done(
        "jpeg", 1600, 1200, "RGB", "resized"
    ),
    "photos/photo-09-1704x2272.jpg": _done(
        "jpeg", 1704, 2272, "RGB", "resized"
    ),
    "photos/photo-10-2164x1626.jpg": _done(
        "jpeg", 2164, 1626, "RGB", "resized"
    ),
    "photos/photo-11-1600x1200.jpg": _done(
        "jpeg", 1600, 1200, "RGB", "resized"
    ),
    "photos/photo-12-4032x3024.jpg": _done(
        "jpeg", 4032, 3024, "RGB", "resized"
    ),
    "photos/photo-13-1488x2240.jpg": _done(
        "jpeg", 1488, 2240, "RGB", "resized"
    ),
    "photos/photo-14-3264x1836.jpg": _done(
        "jpeg", 1836, 3264, "RGB", "rotated", "resized"
    ),
    "photos/photo-15-2496x1664.jpg": _done(
        "jpeg", 2496, 1664, "RGB", "resized"
    ),
    "photos/photo-16-1600x1200.jpg": _done(
        "jpeg", 1600, 1200, "RGB", "resized"
    ),
    "photos/photo-17-1600x1200.jpg": _done(
        "jpeg", 1600, 1200, "RGB", "resized"
    ),
    "photos/photo-18-1600x1200.jpg": _done(
        "jpeg", 1600, 1200, "RGB", "resized"
    ),
    "photos/photo-19-1200x1800.jpg": _done(
        "jpeg", 1200, 1800, "RGB", "resized"
    ),
    "photos/photo-20-1017x2013.jpg": _done(
        "jpeg", 1017, 2013, "RGB", "resized"
    ),
    "photos/photo-21-1920x1080.jpg": _done(
        "jpeg", 1920, 1080, "RGB", "resized"
    ),
}
