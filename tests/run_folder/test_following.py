"""What is followed, as a configuration says it."""

from __future__ import annotations

import pytest

from scraper.config import configure
from scraper.run_folder.following import follows_of


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ({"accept": ["https://a.example/*"]}, True),
        ({"accept": ["https://a.example/b/*"]}, False),
        ({"reject": ["https://a.example/*"]}, False),
    ],
)
def test_globs_are_of_urls_without_credentials(
    keys: dict[str, list[str]], taken: bool
) -> None:
    takes = follows_of(configure(depth=1, **keys)).takes
    assert takes is not None
    for url in ("https://a.example/c", "https://me:pw@a.example/c"):
        assert takes(url) == taken


def test_without_globs_all_is_taken() -> None:
    assert follows_of(configure(depth=1)).takes is None
