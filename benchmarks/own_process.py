"""The bare way in `process`: a pool of the standard library over the function of the process stage.

What a record holds of a picture is made of it here, too: its hash, its facts, its file by its name.

python benchmarks/own_process.py FOLDER OUT PROCESSES
"""

from __future__ import annotations

import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from hashlib import sha256
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
    made = process(path, Plan(), f"{out}/{name}", name)
    for part, final in made.files:
        os.rename(part, f"{out}/{final}")
    digest = sha256(Path(path).read_bytes()).hexdigest()
    return made.facts | {"sha256": digest}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
