"""The whole job on real pages and pictures: 209 URLs, 209 records, each as the table says."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.faulty import FaultyServer, body
from tests.corpus_pictures import PICTURES

# Their text is made in the browser; without scripts there is none.
WRITTEN_BY_SCRIPTS = {"site-111.html", "site-117.html", "site-61.html"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The record of each file, by its path in the corpus."""
    corpus = Path(__file__).resolve().parents[3] / "shared" / "corpus"
    if not corpus.is_dir():
        pytest.skip(
            "the corpus of real pages and pictures is not on this machine"
        )
    files = {
        f"/{path.relative_to(corpus).as_posix()}": path
        for name in ("pages", "images", "photos")
        for path in sorted((corpus / name).iterdir())
    }
    behaviours = {
        name: body(
            path.read_bytes(),
            mimetypes.guess_type(path.name)[0] or "image/x-unknown",
        )
        for name, path in files.items()
    }
    folder = tmp_path_factory.mktemp("corpus") / "run"
    with FaultyServer(behaviours) as server:
        # Real pages name real hosts: everything but loopback is refused before it is looked up.
        config = scraper.configure(
            dir=str(folder),
            allow_hosts=["127.0.0.1", "localhost"],
            page_images="none",
        )
        report = scraper.run([server.url(name) for name in files], config)
        prefix = server.url("")
    records = [
        json.loads(line)
        for line in (folder / "records.jsonl").read_bytes().splitlines()
    ]
    assert report.total == len(records) == len(files) == 209
    by_name = {
        record["url"].removeprefix(prefix).lstrip("/"): record
        for record in records
    }
    assert len(by_name) == 209
    for record in records:
        if record["path"] is not None:
            saved = (folder / record["path"]).read_bytes()
            assert hashlib.sha256(saved).hexdigest() == record["sha256"]
    return by_name


def test_every_page_has_its_record(told: dict[str, Any]) -> None:
    pages = [
        record for name, record in told.items() if name.startswith("pages/")
    ]
    assert Counter((r["state"], r["kind"]) for r in pages) == {
        ("done", "page"): 132
    }
    silent = {
        record["url"].rpartition("/")[2]
        for record in pages
        if not record["text"]
    }
    assert silent == WRITTEN_BY_SCRIPTS
    assert sum(record["title"] is None for record in pages) == 1
    assert sum(len(record["links"]) for record in pages) > 10_000


@pytest.mark.parametrize("name", sorted(PICTURES))
def test_every_picture_is_as_the_table_says(
    told: dict[str, Any], name: str
) -> None:
    record, expected = told[name], PICTURES[name]
    assert (record["state"], record["error_kind"], record["kind"]) == (
        expected.state, expected.error_kind, expected.kind)  # fmt: skip
    if expected.format is not None:
        assert record["format"] == expected.format
        assert record["mode"] == expected.mode
        upright = (record["original_width"], record["original_height"])
        assert upright == (expected.width, expected.height)
        (variant,) = record["processed"]
        assert max(variant["width"], variant["height"]) <= 512
