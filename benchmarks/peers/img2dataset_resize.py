# mypy: ignore-errors
# img2dataset is installed only in the environment that this script runs in.
"""img2dataset's own class for it: all of the picture decoded by OpenCV, then means of areas.

For each line on standard input it makes all pictures of a folder and answers with the seconds of
CPU. A line that names a folder: it puts them there, as PNG.
"""

import io
import sys
import time
from pathlib import Path

from img2dataset.resizer import Resizer

LONGEST, QUALITY, PNG_COMPRESSION = 512, 85, 1


def resizer(format, quality):
    """Longest side at most 512, as img2dataset_fit.py has it."""
    return Resizer(
        LONGEST,
        "keep_ratio_largest",
        True,
        encode_format=format,
        encode_quality=quality,
    )


def main(folder: Path) -> None:
    """Answer each line with what all pictures took."""
    bodies = {path.stem: path.read_bytes() for path in folder.iterdir()}
    to_jpeg, to_png = resizer("jpg", QUALITY), resizer("png", PNG_COMPRESSION)
    for line in sys.stdin:
        out, began = line.strip(), time.process_time()
        shrink = to_png if out else to_jpeg
        for name, body in bodies.items():
            content, *_, error = shrink(io.BytesIO(body))
            if error:
                raise SystemExit(error)
            if out:
                (Path(out) / name).write_bytes(content)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
