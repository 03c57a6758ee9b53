"""Kill it while it follows: the same pages, each once; and later what is new, and what is gone."""

from pathlib import Path

from tests.stories import follow_kills, kills


def test_kills_change_nothing_of_what_is_followed(tmp_path: Path) -> None:
    stories = follow_kills.tell(
        tmp_path, pages=250, count=5, seed=20, say=print
    )
    for story in stories:
        assert sum(story.kills.values()) == 5
    assert kills.none_left(tmp_path, seconds=5)
