"""Which bodies of earlier passes stay as they are."""

from scraper.recording.publisher import SPEAKING
from scraper.workers.work import JUDGED_BY


def test_what_judges_a_page_by_its_headers_sees_new_ones() -> None:
    assert JUDGED_BY < SPEAKING
