"""Our turn in `resize`: a script, run with the checkout that is measured on Python's path.

For each line on standard input it makes all pictures of a folder, from file to file, and answers
with the seconds of CPU. A line that names a folder: it puts them there, as PNG. With `four`, three
more variants are made of each: half as large, a square thumb, and the first in gray.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from processors.image import Plan, process

FOUR: tuple[tuple[str, dict[str, Any]], ...] = (
    ("whole", {"resize": 512}),
    ("half", {"resize": 256}),
    ("thumb", {"resize": 128, "resize_mode": "cover"}),
    ("gray", {"resize": 512, "grayscale": True}),
)


def plan_of(format: str, count: int) -> Plan:
    """So many variants; the first is the one that is looked at."""
    encoded: dict[str, Any] = {"format": format, "quality": 85}
    if count == 1:
        # a checkout of before there were several
        return Plan(resize=512, **encoded)
    from processors.image.plan import Variant

    return Plan(
        variants=tuple(
            Variant(name=name, **each, **encoded) for name, each in FOUR[:count]
        )
    )


def main(folder: Path, count: int) -> None:
    """Answer each line with what all pictures took."""
    paths = sorted(folder.iterdir())
    for line in sys.stdin:
        out = Path(line.strip()) if line.strip() else folder.parent
        format = "png" if line.strip() else "jpeg"
        plan = plan_of(format, count)
        began = time.process_time()
        for path in paths:
            made = process(str(path), plan, str(out / path.stem), path.stem)
            (written, _), *others = made.files
            Path(written).replace(out / path.stem)
            for other, _ in others:
                Path(other).unlink()
        print(time.process_time() - began, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), 4 if sys.argv[2:] == ["four"] else 1)
