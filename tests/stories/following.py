"""Runs that follow links over a generated site, and what they should have asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import scraper
from benchmarks.sites.model import Place, Site
from benchmarks.sites.serving import Served
from benchmarks.sites.truth import Options, Truth
from scraper.reports.summary import Report
from tests.stories.runs import records_of

KEYS = {
    "retry_wait": "10ms",
    "processes": 1,
    "page_images": "none",
    "per_host": 16,
}


def keys_of(options: Options) -> dict[str, Any]:
    """The settings that ask for this."""
    return {
        "depth": options.depth,
        "scope": options.scope,
        "accept": options.accept,
        "reject": options.reject,
        "follow": options.follow,
        "follow_limit": options.follow_limit,
        "nofollow": "obey" if options.obeys_nofollow else "ignore",
    }


def requests_of(
    truth: Truth, site: Site, met: Collection[Place] = ()
) -> Counter[Place]:
    """Each place as often as it is to be asked; what fails once, once more, unless it was met
    before."""
    return truth.requests + Counter(
        place
        for place in truth.requests.keys() - set(met)
        if place in site.pages and site.pages[place].trouble in ("500", "cut")
    )


def run(
    served: Served,
    folder: Path,
    listed: Collection[Place],
    options: Options,
    **how: Any,
) -> Report:
    """Follow the site as it is now."""
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{served.site.href(each)}\n" for each in listed))
    refresh = how.pop("refresh", False)
    keys = {**KEYS, **keys_of(options), **how}
    config = scraper.configure(dir=str(folder / "run"), **keys)
    return scraper.run(urls, config, refresh=refresh)


def check(
    served: Served,
    folder: Path,
    truth: Truth,
    asked: Counter[Place],
    number: int = 1,
) -> None:
    """What the server has seen, and what the records of a pass say, are what should be."""
    expected = requests_of(truth, served.site)
    assert asked == expected, explained(asked, expected)
    records = [
        each for each in records_of(folder / "run") if each["pass"] == number
    ]
    check_records(served.site, truth, records)


def explained(asked: Counter[Place], expected: Counter[Place]) -> str:
    """What differs, on a few lines."""
    missed, beyond = expected - asked, asked - expected
    return f"not asked: {sorted(missed.items())[:8]}\nbeyond: {sorted(beyond.items())[:8]}"


def check_records(
    site: Site, truth: Truth, records: list[dict[str, Any]]
) -> None:
    """Each URL once, with what came of it."""
    urls = Counter(each["canonical_url"] for each in records)
    assert set(urls.values()) <= {1}, urls.most_common(3)
    good = {
        site.href(place)
        for place, page in truth.answers.items()
        if page is not None and page.status == 200
    }
    done = {
        each["canonical_url"] for each in records if each["state"] == "done"
    }
    assert done == good, (sorted(done - good)[:5], sorted(good - done)[:5])
    others = {
        each["canonical_url"]: each["error_kind"]
        for each in records
        if each["state"] != "done" and each["error_kind"] != "trap_chain"
    }
    rest = {site.href(place) for place in truth.standing} - good
    assert others.keys() == rest, sorted(others.keys() ^ rest)[:5]
    forbidden = {
        site.href(each) for each in truth.standing if site.is_forbidden(each)
    }
    assert {
        url for url, kind in others.items() if kind == "robots_disallowed"
    } >= forbidden
