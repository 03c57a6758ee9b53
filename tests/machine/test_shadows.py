"""What workers would import, or cannot even look for, in the working folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper.errors import UsageError
from scraper.machine.shadows import refuse_shadows


def test_a_working_folder_that_was_removed_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(UsageError, match="the working folder has been removed"):
        refuse_shadows()
