"""Three hundred articles of a spreadsheet, and what stands in them, as a spreadsheet."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path

from scraper.faulty import FaultyServer, body, status
from scraper.faulty.server import Exchange
from tests.conftest import PROJECT

ARTICLES = 300
GONE = 7  # each of its multiples


def article(exchange: Exchange) -> None:
    number = int(exchange.seen.path.rpartition("/")[2])
    if number % GONE == 0:
        return status(404)(exchange)
    text = f"""<title>Artikel {number} – Zürich</title>
    <meta property="article:published_time" content="2026-01-{number % 28 + 1:02}">
    <p>Der {number}. Text, mit "Anführung"; und =mehr."""
    return body(text.encode("cp1252"), "text/html; charset=windows-1252")(
        exchange
    )


def write_list(path: Path, server: FaultyServer, numbers: list[int]) -> None:
    """As a German Excel saves it: semicolons, and the code page of its Windows."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow(["Nr.", "Überschrift", "Link"])
    for number in numbers:
        link = server.url(f"/artikel/{number}")
        writer.writerow([number, f'Nr. {number}; "ü"', link])
    path.write_bytes(text.getvalue().encode("cp1252"))


def scrape(folder: Path) -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-m", "scraper", "artikel.csv", "--robots", "off",
         "--page-images", "none", "--processes", "1", "-o", "texte.csv",
         "--fields", "input,state,title,published,text"],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    with (folder / "texte.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def expected(number: int) -> dict[str, str]:
    row = {"Nr.": str(number), "Überschrift": f'Nr. {number}; "ü"'}
    if number % GONE == 0:
        return {
            **row,
            "state": "failed",
            "title": "",
            "published": "",
            "text": "",
        }
    return {
        **row,
        "state": "done",
        "title": f"Artikel {number} – Zürich",
        "published": f"2026-01-{number % 28 + 1:02}",
        "text": f'Der {number}. Text, mit "Anführung"; und =mehr.',
    }


def test_a_spreadsheet_of_articles_becomes_one_of_their_texts(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/artikel/*": article}) as server:
        numbers = list(range(1, ARTICLES + 1))
        write_list(tmp_path / "artikel.csv", server, numbers)
        assert scrape(tmp_path) == [expected(number) for number in numbers]
        asked = server.count()
        assert asked == ARTICLES
        numbers.insert(0, ARTICLES + 1)  # on top, as people do
        write_list(tmp_path / "artikel.csv", server, numbers)
        rows = scrape(tmp_path)
        assert server.count() == asked + 1
    assert rows == [expected(number) for number in numbers]
