"""Kill it anywhere: nothing is lost, nothing is doubled."""

from pathlib import Path

from tests.stories import kills


def test_five_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    seed = 20
    story = kills.tell(tmp_path, urls=220, kills=5, seed=seed, say=print)

    hard = sum(
        n for manner, n in story.kills.items() if manner.startswith("kill")
    )
    assert sum(story.kills.values()) == 5
    assert story.repeated["terminate"] == story.repeated["interrupt"] == 0, (
        f"seed {seed}"
    )
    assert sum(story.repeated.values()) <= hard * kills.WINDOW_AND_BATCH
    assert kills.none_left(tmp_path, seconds=5)
