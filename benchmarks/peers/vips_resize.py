# mypy: ignore-errors
# pyvips is installed only in the environment that this script runs in.
"""libvips: `thumbnail`, which has libjpeg scale while it decodes, on one thread.

For each line on standard input it makes all pictures of a folder and answers with the seconds of
CPU. A line that names a folder: it puts them there, as PNG.
"""

import sys
import time
from pathlib import Path

import pyvips

LONGEST, QUALITY = 512, 85


def shrink(body, ending, options):
    """The picture with its longest side at most 512."""
    picture = pyvips.Image.thumbnail_buffer(
        body, LONGEST, height=LONGEST, size="down"
    )
    return picture.write_to_buffer(ending, **options)


def main(folder: Path) -> None:
    """Answer each line with what all pictures took."""
    bodies = {path.stem: path.read_bytes() for path in folder.iterdir()}
    for line in sys.stdin:
        out, began = line.strip(), time.process_time()
        ending, options = (".png", {}) if out else (".jpg", {"Q": QUALITY})
        for name, body in bodies.items():
            content = shrink(body, ending, options)
            if out:
                (Path(out) / name).write_bytes(content)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
