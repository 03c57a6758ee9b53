"""Pillow as everybody uses it: all of the picture decoded, and Lanczos from all of its pixels.

For each line on standard input it makes all pictures of a folder and answers with the seconds of
CPU. A line that names a folder: it puts them there, as PNG.
"""

import io
import sys
import time
from pathlib import Path

from PIL import Image

LONGEST, QUALITY = 512, 85


def shrink(body: bytes, format: str) -> bytes:
    """The picture with its longest side at most 512."""
    with Image.open(io.BytesIO(body)) as opened:
        picture = opened.convert("RGB")
    scale = LONGEST / max(picture.size)
    if scale < 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    written = io.BytesIO()
    picture.save(written, format, quality=QUALITY)
    return written.getvalue()


def main(folder: Path) -> None:
    """Answer each line with what all pictures took."""
    bodies = {path.stem: path.read_bytes() for path in folder.iterdir()}
    for line in sys.stdin:
        out, began = line.strip(), time.process_time()
        for name, body in bodies.items():
            content = shrink(body, "PNG" if out else "JPEG")
            if out:
                (Path(out) / name).write_bytes(content)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
