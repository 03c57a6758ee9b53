"""What only the fork server imports: all that its children need to be workers."""

from __future__ import annotations

import gc
import sys

gc.disable()  # nothing of what follows is garbage

import processors.file  # noqa: E402
import processors.functions  # noqa: E402
import processors.image  # noqa: E402
import processors.page.facts  # noqa: E402
import processors.page.flags  # noqa: E402, F401
from scraper.machine import main_module  # noqa: E402
from scraper.workers import child, work  # noqa: E402, F401

# A collection in a child would write to each page of what is shared, and so copy it.
gc.freeze()
gc.enable()
sys.excepthook = main_module.excepthook_of(work.describe_error)
