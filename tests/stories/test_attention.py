"""From night to night: what of a page counts, by flags and by recipes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scraper.faulty import FaultyServer, page
from tests.stories.changing import ChangingSite
from tests.stories.runs import records_of


def lamp(price: int, advertisement: str) -> Any:
    return page(
        f"<h1>Lamp</h1><p class=price>{price}</p>"
        f"<p class=ads>{advertisement} <a href=/{advertisement}>now</a></p>"
    )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChangingSite]:
    with FaultyServer({"/*": lamp(19, "sofas")}) as server:
        yield ChangingSite(server, tmp_path)


@pytest.mark.parametrize(
    "keys",
    [
        {"ignore": [".ads"]},
        {"watch": [".price"]},
        {"recipe": [{"match": "*/1", "ignore": ".ads"}]},
    ],
)
def test_an_advertisement_is_noise_and_a_price_is_not(
    site: ChangingSite, keys: dict[str, Any]
) -> None:
    keys["save_only"] = False
    first = site.night("/1", **keys)
    site.server.behaviours["/*"] = lamp(19, "beds")
    site.night("/1", **keys)
    site.server.behaviours["/*"] = lamp(21, "beds")
    site.night("/1", **keys)
    one, two, three = records_of(site.folder)
    assert one["sha256"] != two["sha256"]
    assert one["text_hash"] == two["text_hash"] != three["text_hash"]
    assert [line["noise"] for line in site.lines(2)] == [True]
    (line,) = site.lines(3)
    assert not line["noise"]
    assert "text" in line["what"]
    assert "fields" not in one
    assert first.fills.recipes == {}


def test_it_is_processed_again_when_something_else_counts(
    site: ChangingSite,
) -> None:
    site.night("/1", save_only=False)
    site.night("/1", save_only=False, watch=[".price"])
    _, again = records_of(site.folder)
    assert (again["state"], again["watched"]) == ("done", "19")
