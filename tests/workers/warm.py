"""For tests that want all workers of a stage to be there. It brings nothing along."""

from __future__ import annotations

import os
import threading
import time

from scraper.workers import child
from scraper.workers.stage import ProcessStage


def wait_until_warm(stage: ProcessStage) -> None:
    """Wait until every worker has imported everything."""
    stage.check_start()
    deadline = time.monotonic() + child.START_SECONDS
    notes = [
        child.begun_path(stage._setup.scratch, pid)
        for pid in stage.worker_pids()
    ]
    pause = threading.Event()
    while not all(map(os.path.exists, notes)):
        assert time.monotonic() < deadline, "the worker processes are not ready"
        pause.wait(0.001)
