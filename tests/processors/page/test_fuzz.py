"""Whatever comes as a page gives a record or says why not, within a second, and is JSON."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import orjson
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fuzz import seed_pages, try_page
from benchmarks.mutations import _KINDS, LABELS, PIECES, mutations
from processors import Unusable
from processors.page import Page
from processors.page.charset import _LABELS
from processors.page.facts import PageOptions, page_facts
from processors.page.flags import page_flags
from scraper.errors import FLAGS
from tests.conftest import PROJECT

CORPUS = PROJECT.parent / "shared/corpus"
SEED = 20
# What looks like a login page, a 404 and so on, cut into its elements.
FLAGGED = (
    (PROJECT / "tests/processors/page/flagged.txt").read_text().splitlines()
)


def test_hundreds_of_spoiled_pages_are_borne() -> None:
    seeds = [each for each in seed_pages(CORPUS) if len(each) < 60_000]
    spoiled = mutations(seeds, 300, SEED)
    results = Counter((each.kind, try_page(each)) for each in spoiled)
    assert {kind for kind, _ in results} == set(_KINDS)
    assert {result for _, result in results} <= {"record", "page_broken"}


def test_the_same_seed_spoils_in_the_same_way() -> None:
    seeds = [b"<p>one", b"<p>two"]
    assert list(mutations(seeds, 50, 7)) == list(mutations(seeds, 50, 7))
    assert list(mutations(seeds, 50, 7)) != list(mutations(seeds, 50, 8))


@given(
    st.lists(st.one_of(st.binary(max_size=40), st.sampled_from(PIECES))),
    st.one_of(st.sampled_from([*LABELS, *sorted(_LABELS)]), st.text()),
    st.sampled_from(["basic", "full"]),
)
def test_any_bytes_and_any_charset_are_borne(
    pieces: list[bytes], charset: str | None, facts: str
) -> None:
    page = Page("https://example.org/a/b", b"".join(pieces), charset)
    with suppress(Unusable):
        record = page_facts(page, PageOptions(facts=facts)).record
        orjson.dumps(record)
        orjson.dumps(page_flags(page, record["title"], record["text"]))


@given(
    st.lists(st.sampled_from(FLAGGED), max_size=4),
    st.text(),
    st.one_of(st.just(""), st.text().map("https://example.org/".__add__)),
    st.dictionaries(st.sampled_from(["cf-mitigated", "server"]), st.text()),
)
def test_a_page_of_any_pieces_has_flags_of_the_list(
    pieces: list[str], text: str, asked: str, headers: dict[str, str]
) -> None:
    body = text.join(pieces).encode("utf-8", "replace")
    page = Page("https://example.org/login?next=/a", body, "utf-8")
    with suppress(Unusable):
        record = page_facts(page).record
        title, shown = record["title"], record["text"]
        flags = page_flags(page, title, shown, asked, headers)
        assert {name for name, _ in flags} <= set(FLAGS)
        assert all("\n" not in evidence for _, evidence in flags)
