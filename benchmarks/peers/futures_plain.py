"""What people write without a library: one requests.Session, a pool of 32 threads, futures.

With --hold the list of futures lives as long as the loop, with all that they have brought.
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter

THREADS = 32


def main(urls: Path, out: Path, *, hold: bool) -> None:
    """Fetch all; the first failure ends it."""
    out.mkdir(parents=True)
    size = count = 0
    session = requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [
            pool.submit(session.get, url) for url in urls.read_text().split()
        ]
        waiting = as_completed(futures)
        if not hold:
            del futures
        for future in waiting:
            response = future.result()
            response.raise_for_status()
            size += len(response.content)
            count += 1
            del future, response
    (out / "brought").write_text(f"{count if size else 0}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), hold="--hold" in sys.argv)
