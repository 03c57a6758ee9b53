"""The command line: `python -m scraper`, and its commands."""

from __future__ import annotations

import gc
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (README, "Exit codes")."""
    # Nothing that is imported is garbage, and looking for some in it took a
    # fifth of the start. A run turns this on again, a library leaves it alone.
    gc.disable()
    try:
        from scraper.cli.scrape import main as run_command

        return run_command(argv)
    finally:
        gc.enable()
