"""What one page, or one answer, may cost a run: its record, and the pictures that it names."""

from __future__ import annotations

from scraper.faulty import FaultyServer, body, page
from tests.conftest import Scrape

NAMES = 700
HUGE = "x" * 5_000_000


def test_a_page_is_cut_at_its_bounds_and_says_so(scrape: Scrape) -> None:
    shown = "".join(
        f"<a href=/l{n}><img src=/i{n}.png></a>" for n in range(NAMES)
    )
    with FaultyServer(
        {
            "/": page(f"<title>{HUGE}</title>{shown}"),
            "/*": body(b"<svg/>", "image/svg+xml"),
        }
    ) as site:
        ended = scrape(
            scrape.list_of(site.url("/")),
            "--processes", "1", "--robots", "off", "--private", "always",
            environment={"SCRAPER_MAX_LINKS": "50", "SCRAPER_MAX_PAGE_IMAGES": "5"},
        )  # fmt: skip
        assert ended.code == 0, ended.stderr
        record = ended.by_url()[site.url("/")]
        assert (len(record["links"]), len(record["images"])) == (50, 5)
        assert record["title"] == "x" * 10_000
        assert record["cut"] == ["title", "links", "images"]
        assert len(ended.records) == 6, "the page and five pictures"
        assert site.count() == 6


def test_without_a_word_a_page_costs_500_pictures(scrape: Scrape) -> None:
    shown = "".join(f"<img src=/i{n}.png>" for n in range(NAMES))
    with FaultyServer(
        {"/": page(shown), "/*": body(b"<svg/>", "image/svg+xml")}
    ) as site:
        ended = scrape(scrape.list_of(site.url("/")), "--processes", "1", "--robots", "off",
                       "--per-host", "32")  # fmt: skip
        assert len(ended.records) == 501
        assert ended.by_url()[site.url("/")]["cut"] == ["images"]


def test_a_header_is_no_way_to_a_long_record(scrape: Scrape) -> None:
    headers = [
        *(
            ("X-Robots-Tag", ",".join(f"w{n}-{m}" for m in range(6_000)))
            for n in range(50)
        ),
        ("X-Robots-Tag", "z" * 60_000),
    ]
    answer = body(b"\0\1", "a" * 60_000 + "/b", headers)
    with FaultyServer({"/": answer}) as site:
        ended = scrape.here(scrape.list_of(site.url("/")), "--robots", "off")
    (record,) = ended.records
    assert record["content_type"] == "application/octet-stream"
    assert len(record["x_robots_tag"]) == 1_000
    assert (ended.folder / "records.jsonl").stat().st_size < 20_000
