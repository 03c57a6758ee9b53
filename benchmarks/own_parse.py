"""Our turn in `parse`: a script, run with the checkout that is measured on Python's path.

For each line on standard input it reads all pages of a folder once and answers with the seconds of
CPU. The checkout may be older than this script: one that has no choice of facts has the basic ones.
Those name the pictures in `src`, as the others in this race do; all that a run names is in `full`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from processors.page import Page, facts

URL = "https://example.org/where/it/was.html"


def main() -> None:
    """Answer each line with what all pages took."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("facts", choices=("basic", "full"))
    given = parser.parse_args()
    options = _options(given.facts)
    bodies = [path.read_bytes() for path in sorted(given.folder.iterdir())]
    for _ in sys.stdin:
        began = time.process_time()
        for body in bodies:
            facts.page_facts(Page(URL, body, "utf-8"), *options)
        print(time.process_time() - began, flush=True)


def _options(wanted: str) -> list[Any]:
    make = getattr(facts, "PageOptions", None)
    if make is None:
        if wanted == "full":
            raise SystemExit("this checkout knows the basic facts alone")
        return []
    options = {"facts": wanted}
    if wanted == "basic" and hasattr(make, "page_images"):
        options["page_images"] = "src"
    return [make(**options)]


if __name__ == "__main__":
    main()
