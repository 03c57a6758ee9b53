"""Over a site whose every page is known, what is asked is what the truth says, each once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.sites.generate import generate
from benchmarks.sites.serving import Served, serving
from benchmarks.sites.truth import Options, Truth
from tests.stories import following

PAGES, SEED = 250, 5
BOTH = ("a.next", "rel=next")


class Case(NamedTuple):
    """A list, by the names of its entries, and what is asked for."""

    listed: tuple[str, ...]
    options: Options


CASES = {
    "nothing": Case(("home", "tree"), Options()),
    "next by class": Case(("chain 0", "chain 1", "chain 2"), Options(follow=("a.next",))),
    "next by rel": Case(("chain 1", "chain 2", "chain 3"), Options(follow=("rel=next",))),
    "a short chain": Case(("chain 0", "chain 2"), Options(follow=BOTH, follow_limit=4)),
    "chains and links": Case(("home",), Options(2, "host", follow=BOTH)),
    "one level": Case(("home",), Options(1)),
    "four levels": Case(("home",), Options(4)),
    "a folder": Case(("tree",), Options(6)),
    "two folders": Case(("tree", "odd 0"), Options(3)),
    "a page": Case(("query",), Options(9, "page")),
    "a host": Case(("odd 0",), Options(3, "host")),
    "a domain": Case(("odd 0",), Options(4, "domain")),
    "the hosts of the list": Case(("odd 0", "elsewhere"), Options(4, "list")),
    "where the list is sent": Case(("sent home", "sent on"), Options(2)),
    "only some": Case(("home",), Options(4, "host", accept=("*/tree/*", "*/odd/*"))),
    "without some": Case(("home",), Options(5, reject=("*.html", "*?*"))),
    "nofollow ignored": Case(("odd 0", "tree"), Options(4, obeys_nofollow=False)),
    "everything": Case(("home",), Options(99, "domain", follow=BOTH)),
}  # fmt: skip


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as served:
        served.site = generate(SEED, PAGES, served.names)
        yield served


@pytest.mark.parametrize("name", CASES)
def test_what_is_asked_is_what_should_be(
    name: str, served: Served, tmp_path: Path
) -> None:
    case = CASES[name]
    listed = [served.site.entries[each] for each in case.listed]
    truth = Truth(served.site, listed, case.options)
    following.run(served, tmp_path, listed, case.options)
    following.check(served, tmp_path, truth, served.asked())


@pytest.mark.parametrize("threads", [1, 16])
def test_no_clock_matters(threads: int, served: Served, tmp_path: Path) -> None:
    options = Options(5, follow=BOTH, follow_limit=2)
    listed = [served.site.entries["home"]]
    truth = Truth(served.site, listed, options)
    following.run(served, tmp_path, listed, options, threads=threads)
    following.check(served, tmp_path, truth, served.asked())
