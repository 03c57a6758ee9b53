"""Kill a run at a write of one of its exports: the file is absent or whole."""

from pathlib import Path

from tests.exports.readers import needs_pyarrow
from tests.stories import export_kills


@needs_pyarrow
def test_a_killed_run_leaves_exports_whole_or_not_at_all(
    tmp_path: Path,
) -> None:
    # while it fetches; in CSV, Parquet and SQLite; where a name has just been taken
    export_kills.tell(
        tmp_path, steps=[3, 9, 12, 25, 27], answers=[150], say=print
    )
