"""What a command says, and what it answers."""

from __future__ import annotations

import sys

from scraper.errors import LocalFault, ScraperError
from scraper.text import printable, printable_lines


def say(text: str) -> None:
    """The one way to the terminal: control characters in a message are escaped."""
    # at once: another thread may write too
    sys.stderr.write(f"{printable_lines(text)}\n")
    sys.stderr.flush()


def answer(text: str) -> None:
    """To standard output, what was asked for; what its encoding does not know, as an escape."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(
        printable_lines(text.rstrip("\n"))
        .encode(encoding, "backslashreplace")
        .decode(encoding)
    )


def complain(error: ScraperError) -> None:
    """One line about what ended the run."""
    from scraper.redaction import redacted_message  # only for errors

    word = "stopped" if isinstance(error, LocalFault) else "error"
    say(printable(redacted_message(f"{word}: {error}")))
