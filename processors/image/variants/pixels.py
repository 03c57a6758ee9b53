"""Whether a picture is the same as before, whatever file it comes in: a hash of its pixels.

What is encoded here is a function of the pixels, so that its hash, which is known anyway, serves.
What is copied is not: the same pixels may be compressed in another way. So those of small copies
are hashed themselves. Of a large one that would take half as long again as to decode it; it is
known by its file, which has lost its metadata.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS: Final = 1_000_000


def hash_of_copied(picture: Image.Image) -> str | None:
    """That of the pixels of a copy; None if there are too many."""
    if picture.width * picture.height > MAX_PIXELS:
        return None
    form = f"{picture.mode} {picture.width} {picture.height}\n"
    return sha256(form.encode() + picture.tobytes()).hexdigest()


def joined(hashes: Iterable[str]) -> str:
    """One for all results of a picture."""
    return sha256("".join(hashes).encode()).hexdigest()[:16]
