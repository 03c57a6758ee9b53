"""Over a site without end, a run ends, and asks little beside what is really there."""

from __future__ import annotations

from pathlib import Path

from tests.stories.endless import MOST_BESIDE, walk
from tests.stories.runs import records_of

TRAPS = 9  # sections without an end


def test_a_site_without_end_has_one(tmp_path: Path) -> None:
    walked = walk(tmp_path, articles=60)
    assert walked.lost == frozenset()
    assert len(walked.beside) == TRAPS
    assert walked.asked - walked.real <= MOST_BESIDE, walked.beside
    kinds = {
        each["error_kind"]
        for each in records_of(tmp_path)
        if (each["error_kind"] or "").startswith("trap_")
    }
    assert kinds
    assert all(kind in walked.report.text() for kind in kinds)
