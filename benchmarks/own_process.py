"""The bare way in `process`: a pool of the standard library over the function of the process stage.

python benchmarks/own_process.py FOLDER OUT PROCESSES
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from processors.image import Plan, process

CHUNK = 8  # pictures a submission


def main(folder: Path, out: Path, processes: int) -> None:
    """Make all pictures of the folder smaller; what is made of each lies in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(map(str, folder.rglob("*.jpg")))
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(partial(_one, str(out)), paths, chunksize=CHUNK):
            pass


def _one(out: str, path: str) -> dict[str, object]:
    name = Path(path).stem
    return process(path, Plan(), f"{out}/{name}", name).facts


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
