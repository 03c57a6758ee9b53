"""JSON-LD as it stands, and as a flat table."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.facts import page_facts
from processors.page.json_ld import MAX_DEPTH, MAX_KEYS, flatten


def facts_of(*blocks: str, type: str = "application/ld+json") -> dict[str, Any]:
    source = "".join(
        f"<script type='{type}'>{each}</script>" for each in blocks
    )
    return page_facts(Page("http://a.example/", source.encode())).record


def test_blocks_stand_as_they_are() -> None:
    facts = facts_of('{"@type": "A", "n": 1.5}', "[1, null]", "  ")
    assert facts["json_ld"] == [{"@type": "A", "n": 1.5}, [1, None]]
    assert facts["json_ld_broken"] == 0


@pytest.mark.parametrize(
    "type", ["Application/LD+JSON", "application/ld+json; charset=utf-8"]
)
def test_its_type_may_be_written_in_other_ways(type: str) -> None:
    assert facts_of("{}", type=type)["json_ld"] == [{}]


def test_other_scripts_are_none() -> None:
    assert facts_of("{}", type="application/json")["json_ld"] == []


@pytest.mark.parametrize(
    "block",
    [
        '{"a": "b\nc"}',
        '<!--\n{"a": "b c"}-->',
        '//<![CDATA[\n{"a": "b c"}\n//]]>',
        '/*<![CDATA[*/{"a": "b c"}/*]]>*/',
        '<![CDATA[{"a": "b c"}]]>',
        '{"a": "b c"};\n',
        '{"a": "b\tc"}',
    ],
)
def test_what_pages_do_to_it_is_undone(block: str) -> None:
    facts = facts_of(block)
    assert (facts["json_ld"], facts["json_ld_broken"]) == ([{"a": "b c"}], 0)


@pytest.mark.parametrize(
    "block",
    [
        "{",
        "var a = {}",
        "{'a': 1}",
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "[" * 40 + "]" * 40,
        "[" * 5_000 + "]" * 5_000,
    ],
)
def test_broken_blocks_are_counted(block: str) -> None:
    facts = facts_of(block, "{}")
    assert (facts["json_ld"], facts["json_ld_broken"]) == ([{}], 1)


def test_as_deep_as_it_may_be_is_not_broken() -> None:
    block = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert facts_of(block)["json_ld_broken"] == 0
    assert facts_of(f"[{block}]")["json_ld_broken"] == 1


def test_only_so_much_is_kept() -> None:
    facts = facts_of(*[f'{{"a": "{"x" * 300_000}"}}'] * 4)
    assert (len(facts["json_ld"]), facts["cut"]) == (3, ["json_ld"])
    facts = facts_of(*["{}"] * 201)
    assert (len(facts["json_ld"]), facts["cut"]) == (200, ["json_ld"])


def test_a_product_is_a_table() -> None:
    product = {
        "@context": "https://schema.org",
        "@type": "Product",
        "@id": "#p",
        "name": "Tea",
        "brand": {"@type": "Brand", "name": "Leaf"},
        "offers": [
            {"@type": "Offer", "price": "9.50", "inStock": True},
            {"@type": "Offer", "price": "19.50", "sku": 7},
        ],
        "image": ["a.png", "b.png"],
        "review": None,
    }
    assert flatten([product]) == (
        {
            "Product.name": "Tea",
            "Product.brand.name": "Leaf",
            "Product.offers.price": "9.50",
            "Product.offers.inStock": True,
            "Product.offers.sku": 7,
            "Product.image": "a.png",
        },
        False,
    )


def test_lists_graphs_and_types_of_all_kinds() -> None:
    blocks = [
        {"@graph": [{"@type": ["NewsArticle", "Thing"], "headline": "A"}]},
        [{"@type": "http://schema.org/Person", "name": "B"}, {"name": "C"}],
        {"@type": "NewsArticle", "headline": "second", "url": "u"},
        {"@type": 7, "name": "no name for it"},
        "text",
    ]
    assert flatten(blocks)[0] == {
        "NewsArticle.headline": "A",
        "Person.name": "B",
        "Thing.name": "C",
        "NewsArticle.url": "u",
    }


def test_a_table_ends() -> None:
    flat, is_cut = flatten([{str(n): n for n in range(MAX_KEYS + 1)}])
    assert (len(flat), is_cut) == (MAX_KEYS, True)
    flat, _ = flatten([{"k" * 1_000: "v" * 20_000}])
    ((key, value),) = flat.items()
    assert (len(key), len(value)) == (200, 10_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["@type", "@graph", "name", "a"]) | st.text(),
            inner,
            max_size=4,
        )
    ),
)


@given(st.lists(VALUES, max_size=4))
def test_anything_has_a_table_of_plain_values(blocks: list[Any]) -> None:
    flat, _ = flatten(blocks)
    assert not any(isinstance(each, dict | list) for each in flat.values())


@given(st.text(alphabet='{}[]":,@typegrah \n<!->;', max_size=60))
def test_any_text_is_json_or_broken(block: str) -> None:
    orjson.dumps(facts_of(block))


@pytest.mark.parametrize(
    "block",
    [" " * 900_000 + "x", ";" * 900_000, "[" * 900_000, "<!--" * 200_000],
)
def test_a_long_one_takes_no_long_time(block: str) -> None:
    began = time.process_time()
    facts_of(block)
    assert time.process_time() - began < 2
