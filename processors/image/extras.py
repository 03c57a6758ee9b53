"""Decoders that are used if they are installed, by `scraper[heic]` and `scraper[jxl]`."""

import importlib.util
from typing import Final

from PIL import Image


def register_installed() -> tuple[str, ...]:
    """Make them known to Pillow. Returns what Pillow calls their formats."""
    return tuple(format for format, register in _REGISTER.items() if register())


def _register_heif() -> bool:
    if importlib.util.find_spec("pillow_heif") is None:
        return False
    import pillow_heif

    # each core has a worker of its own
    pillow_heif.register_heif_opener(decode_threads=1)
    return True


def _register_jxl() -> bool:
    if importlib.util.find_spec("pillow_jxl") is None:
        return False
    from processors.image import jxl

    Image.register_open("JXL", jxl.open_jxl, jxl.is_jxl)
    return True


_REGISTER: Final = {
    "HEIF": _register_heif,
    "JXL": _register_jxl,
}
