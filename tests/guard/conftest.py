"""What the tests of this folder share."""

from __future__ import annotations

from tests.pauses import real_pauses, short_pauses

__all__ = ["real_pauses", "short_pauses"]
