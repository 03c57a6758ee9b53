"""Results as text."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import sys
from collections.abc import Sequence


def show(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: the first column to the left, all others to the right."""
    widths = [
        max(len(row[i]) for row in [headers, *rows])
        for i in range(len(headers))
    ]
    for row in [headers, ["-" * width for width in widths], *rows]:
        cells = [row[0].ljust(widths[0])]
        cells += [
            cell.rjust(width)
            for cell, width in zip(row[1:], widths[1:], strict=True)
        ]
        print("  ".join(cells).rstrip())


def ratio(values: Sequence[float]) -> str:
    """The median of ratios with their least and largest.

    >>> ratio([3.9, 4.25, 4.0])
    '4.00 (3.90-4.25)'
    """
    if not values:
        return "-"
    return (
        f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
    )


def median(values: Sequence[float], digits: int = 0) -> str:
    """The median, or a dash."""
    return f"{statistics.median(values):,.{digits}f}" if values else "-"


def megabytes(size: float | None) -> str:
    """Bytes as MB, or a dash."""
    return "-" if size is None else f"{size / 1e6:.0f}"


def machine(server: str) -> str:
    """What the figures were taken on, in a line."""
    python = platform.python_version()
    load = (
        f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    )
    return (
        f"{platform.system()} {platform.release()}, {os.cpu_count()} cores{load}, "
        f"Python {python}, loopback, {server}"
    )


def repeat() -> str:
    """The command that was given, to be given again."""
    return f"repeat: python -m benchmarks {shlex.join(sys.argv[1:])}".rstrip()


def say(text: str) -> None:
    """A line of progress, at once, also into a file."""
    print(text, flush=True)
