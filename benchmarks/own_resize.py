"""Our turn in `resize`: a script, run with the checkout that is measured on Python's path.

For each line on standard input it makes all pictures of a folder, from file to file, and answers
with the seconds of CPU. A line that names a folder: it puts them there, as PNG.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from processors.image import Plan, process


def main(folder: Path) -> None:
    """Answer each line with what all pictures took."""
    paths = sorted(folder.iterdir())
    for line in sys.stdin:
        out = Path(line.strip()) if line.strip() else folder.parent
        format = "png" if line.strip() else "jpeg"
        plan = Plan(resize=512, format=format, quality=85)
        began = time.process_time()
        for path in paths:
            made = process(str(path), plan, str(out / path.stem), path.stem)
            ((written, _),) = made.files
            Path(written).replace(out / path.stem)
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
