"""`--metrics` writes what Prometheus reads, whatever the folder is called, and harms nothing."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest

from scraper.cli.scrape import main
from scraper.faulty import FaultyServer, page, status
from scraper.reports.metrics import End, Freshness, metrics_text
from scraper.reports.summary import Report
from scraper.storage.store import Store
from tests.conftest import Scrape

pytestmark = pytest.mark.readers
if not os.environ.get("SCRAPER_READERS"):
    pytest.importorskip("prometheus_client", reason="needs the extra ci")

FRESH = Freshness(0, None, None)


def samples_of(text: str) -> dict[tuple[str, str], float]:
    """By name and last label."""
    from prometheus_client.parser import text_string_to_metric_families

    return {
        (
            each.name,
            next((v for k, v in each.labels.items() if k != "folder"), ""),
        ): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_a_run_leaves_its_counts(scrape: Scrape, tmp_path: Path) -> None:
    site = {"/robots.txt": status(404), "/": page("a"), "/gone": status(404)}
    file = tmp_path / "shop.prom"
    with FaultyServer(site) as server:
        urls = scrape.list_of(server.url(), server.url("/gone"))
        told = scrape.here(urls, "--metrics", str(file))
    assert told.code == 3
    samples = samples_of(file.read_text())
    assert samples["scraper_urls", "done"] == 1
    assert samples["scraper_pass_urls", "failed"] == 1
    assert samples["scraper_failures", "http_404"] == 1
    assert samples["scraper_exit_code", ""] == 3
    assert samples["scraper_urls_never_good", ""] == 1
    begin = samples["scraper_oldest_good_timestamp_seconds", ""]
    assert 0 < begin <= samples["scraper_end_timestamp_seconds", ""]
    assert ("scraper_good_end_timestamp_seconds", "") not in samples
    assert [each.name for each in tmp_path.glob(".*.part")] == []


def test_a_file_that_cannot_be_written_harms_nothing(
    scrape: Scrape, tmp_path: Path
) -> None:
    with FaultyServer({"/robots.txt": status(404), "/": page("a")}) as server:
        urls = scrape.list_of(server.url())
        told = scrape.here(urls, "--metrics", str(tmp_path / "none" / "a.prom"))
    assert told.code == 0
    assert told.stderr.count("metrics: ") == 1


def test_status_measures_a_folder_as_it_stands(
    scrape: Scrape, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = {"/robots.txt": status(404), "/": page("a"), "/gone": status(404)}
    file = tmp_path / "shop.prom"
    with FaultyServer(site) as server:
        urls = scrape.list_of(server.url(), server.url("/gone"))
        folder = str(scrape.here(urls, "--metrics", str(file)).folder)
    at_end = samples_of(file.read_text())
    capsys.readouterr()
    assert main(["status", folder, "--metrics", "-"]) == 0
    now = samples_of(capsys.readouterr().out)
    end = ("scraper_end_timestamp_seconds", "")
    assert now.keys() == at_end.keys()
    assert abs(now.pop(end) - at_end.pop(end)) < 1
    assert now == pytest.approx(at_end, abs=0.001)
    file.unlink()
    assert main(["status", folder, "--metrics", str(file)]) == 0
    assert capsys.readouterr().out == ""
    assert samples_of(file.read_text()).keys() == {*now, end}
    assert main(["status", folder, "--metrics", str(tmp_path / "a" / "b")]) == 2
    assert main(["status", folder, "--metrics", "-", "--json"]) == 2
    capsys.readouterr()
    with closing(Store(Path(folder))) as store:
        store.open()
        main(["status", folder, "--metrics", "-"])
    running = samples_of(capsys.readouterr().out)
    assert end not in running, "it has not ended"
    assert ("scraper_exit_code", "") not in running


@pytest.mark.parametrize("folder", ['a"b', "a\\b", "a\nb", "ü\ud800", "a}{ 1"])
def test_any_folder_name_is_a_label(folder: str) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    text = metrics_text(Report(number=1), folder, End(1.0, 0), FRESH)
    found = {
        each.labels["folder"]
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }
    assert found == {folder.replace("\ud800", "?")}
