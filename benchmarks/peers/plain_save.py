"""The plain script: a requests.Session for each thread, 32 threads, bodies saved, no more."""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

THREADS = 32
_own = threading.local()


def save(url: str, out: Path) -> None:
    """Fetch one URL into a file that is called like its path's end."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    response = _own.session.get(url, timeout=30)
    response.raise_for_status()
    (out / url.rpartition("/")[2]).write_bytes(response.content)


def main(urls: Path, out: Path) -> None:
    """Fetch all; the first failure ends it."""
    out.mkdir(parents=True)
    with ThreadPoolExecutor(THREADS) as pool:
        for future in [
            pool.submit(save, url, out) for url in urls.read_text().split()
        ]:
            future.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
