"""What only the fork server imports: all that its children need to be workers."""

from __future__ import annotations

import sys

import processors.html
import processors.image  # noqa: F401
from scraper.machine import main_module
from scraper.workers import child

sys.excepthook = main_module.excepthook_of(child.describe_error)
