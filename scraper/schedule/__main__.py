"""python -m scraper.schedule: a beat, which ends when the schedule that has started it does."""

from __future__ import annotations

import os
import signal
import sys
import threading

from scraper.cli import main


def _end_with_parent() -> None:
    """Standard input ends when the schedule does: what a SIGTERM would do then is done."""
    while os.read(0, 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.exit(main())
