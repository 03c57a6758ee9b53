"""The command line: `python -m scraper`, and its commands."""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code (README, "Exit codes")."""
    from scraper.cli.scrape import main as run_command

    return run_command(argv)
