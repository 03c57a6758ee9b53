"""What a command says, and what it answers."""

from __future__ import annotations

import os
import sys

from scraper.errors import LocalFault, ScraperError
from scraper.text import printable, printable_lines


def say(text: str) -> None:
    """The one way to the terminal: control characters in a message are escaped."""
    # at once: another thread may write too
    sys.stderr.write(f"{printable_lines(text)}\n")
    sys.stderr.flush()


def answer(text: str) -> None:
    """To standard output, what was asked for: control characters in it are escaped."""
    answer_printable(printable_lines(text.rstrip("\n")))


def answer_printable(text: str) -> None:
    """The same of what holds no control characters but colours of ours; what the encoding does not
    know, as an escape."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def shows_colours() -> bool:
    """Is standard output a terminal that shows colours, and whose user wants them?"""
    return (
        sys.stdout.isatty()
        and not os.environ.get("NO_COLOR")  # https://no-color.org
        and os.environ.get("TERM") != "dumb"
    )


def complain(error: ScraperError) -> None:
    """One line about what ended the run."""
    from scraper.redaction import redacted_message  # only for errors

    word = "stopped" if isinstance(error, LocalFault) else "error"
    say(printable(redacted_message(f"{word}: {error}")))
