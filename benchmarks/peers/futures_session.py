"""What people write with requests-futures: 32 threads, all submitted at once, bodies counted.

With --hold the list of futures lives as long as the loop, with all that they have brought.
"""

import sys
from concurrent.futures import as_completed
from pathlib import Path

from requests_futures.sessions import FuturesSession

THREADS = 32


def main(urls: Path, out: Path, *, hold: bool) -> None:
    """Fetch all; the first failure ends it."""
    out.mkdir(parents=True)
    size = count = 0
    with FuturesSession(max_workers=THREADS) as session:
        futures = [session.get(url) for url in urls.read_text().split()]
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
