"""Our turn in the race of futures: `python -m benchmarks.own_futures LIST OUT [--hold --parsed]`.

With --hold the list of futures lives as long as the loop, with all that they have brought. With
--parsed each page is processed, and has to have a title in its record.
"""

from __future__ import annotations

import argparse
from concurrent.futures import as_completed
from pathlib import Path

from scraper import Session

THREADS = 32


def main() -> None:
    """Fetch all; the first failure ends it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.own_futures")
    parser.add_argument("urls", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hold", action="store_true")
    parser.add_argument("--parsed", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    size = count = 0
    with Session(
        threads=THREADS,
        per_host=2 * THREADS,
        jitter=0,
        save_only=not given.parsed,
    ) as session:
        futures = [
            session.submit(url) for url in given.urls.read_text().split()
        ]
        waiting = as_completed(futures)
        if not given.hold:
            del futures
        for future in waiting:
            outcome = future.result().raise_for_failure()
            size += len(outcome.body)
            count += not given.parsed or bool(outcome.record["title"])
            del future, outcome
    (given.out / "brought").write_text(f"{count if size else 0}\n")


if __name__ == "__main__":
    main()
