"""`--max-age` over what pages lead to: all that is still led to and too old is asked, no more."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.cli.scrape import main
from scraper.engine import Makers
from scraper.faulty import Behaviour, etag, page, status
from scraper.pools import Pools, makers_with
from tests.stories import writes
from tests.stories.aging import HOUR, Folder, aging
from tests.stories.runs import records_of

DEPTH = {"depth": 5, "page_images": "none"}
PICTURE = etag(b"\x89PNG\r\n\x1a\n..", '"2"', "image/png")


def of_an_hour(*ends: str) -> list[dict[str, str]]:
    return [{"match": f"*{end}", "max_age": "1h"} for end in ends]


def links(*paths: str) -> Behaviour:
    text = "".join(f'<a href="{each}">on</a>' for each in paths)
    return etag(f"<p>{paths}</p>{text}".encode(), f'"{paths}"', "text/html")


SITE = {
    "/robots.txt": status(404),
    "/": links("/m"),
    "/m": links("/n"),
    "/n": links("/o"),
    "/o": links(),
    "/two": links("/o"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with aging(tmp_path, dict(SITE)) as folder:
        yield folder


def test_what_is_found_has_an_age_of_its_own(folder: Folder) -> None:
    """/m is made young by --retry; what it leads to is old, and so is what leads there."""
    folder.server.behaviours["/m"] = status(500)
    folder.run("/", keys=DEPTH | {"retries": 0})
    folder.server.behaviours |= SITE
    folder.run("/", at=1, keys=DEPTH, retry=())
    assert folder.asked() == ["/", "/m", "/m", "/n", "/o"]
    folder.run("/", at=6.5, keys=DEPTH, max_age="6h")
    assert folder.asked() == ["/"]
    report = folder.run("/", at=8, keys=DEPTH, max_age="6h")
    assert folder.asked() == ["/m", "/n", "/o"], "while / is young"
    assert report.states["unchanged"] == 3
    assert folder.run("/", at=8.1, keys=DEPTH, max_age="6h").nothing_due


def test_a_recipe_reaches_what_is_found(folder: Folder) -> None:
    recipe = of_an_hour("/o")
    folder.run("/", keys=DEPTH, recipe=recipe)
    assert folder.asked() == ["/", "/m", "/n", "/o"]
    for at in (2, 4):
        folder.run("/", at=at, keys=DEPTH, recipe=recipe)
        assert folder.asked() == ["/o"]
    folder.run(at=6, keys=DEPTH, recipe=recipe)
    assert folder.asked() == ["/o"], "without a list, too"
    report = folder.run("/", at=6.5, keys=DEPTH, recipe=recipe)
    assert report.nothing_due
    assert report.next_due is not None
    assert report.next_due == pytest.approx(folder.time() + HOUR / 2, abs=120)


def test_what_nothing_leads_to_any_more_is_not_asked(folder: Folder) -> None:
    folder.run("/", "/two", keys=DEPTH, by_file=True)
    folder.asked()
    folder.server.behaviours["/"] = links()
    folder.run("/", "/two", at=7, keys=DEPTH, by_file=True, max_age="6h")
    assert folder.asked() == ["/", "/o", "/two"], "the way to /m is gone"
    folder.run("/", at=14, keys=DEPTH, by_file=True, max_age="6h")
    assert folder.asked() == ["/"], "/two is not on the list any more"
    folder.run("/", at=21, keys=DEPTH, by_file=True, max_age="6h")
    assert folder.asked() == ["/"]


def test_a_way_over_a_page_that_is_too_old_must_still_be_there(
    folder: Folder,
) -> None:
    """/m and /n are old while / is young: /n is asked if /m leads there still."""
    recipe = of_an_hour("/m", "/n")
    folder.run("/", keys=DEPTH, recipe=recipe)
    folder.server.behaviours["/m"] = links()
    folder.asked()
    folder.run("/", at=2, keys=DEPTH, recipe=recipe)
    assert folder.asked() == ["/m"]


def test_a_page_that_fails_leads_where_it_led_before(folder: Folder) -> None:
    recipe = of_an_hour("/m", "/n")
    folder.run("/", keys=DEPTH, recipe=recipe)
    folder.server.behaviours["/m"] = status(500)
    folder.asked()
    keys = DEPTH | {"retries": 0}
    folder.run("/", at=2, keys=keys, recipe=recipe)
    assert folder.asked() == ["/m", "/n"]


def test_only_what_is_followed_now_is_asked(folder: Folder) -> None:
    recipe = of_an_hour("/m", "/n", "/o")
    folder.run("/", keys=DEPTH, recipe=recipe)
    folder.asked()
    folder.run("/", at=2, keys={"depth": 1}, recipe=recipe)
    assert folder.asked() == ["/m"]
    assert folder.run("/", at=4, recipe=recipe).nothing_due
    assert folder.asked() == []


def test_what_is_rejected_by_now_is_not_asked(folder: Folder) -> None:
    """Nor what only leads on from there."""
    recipe = of_an_hour("/m", "/o")
    folder.run("/", keys=DEPTH, recipe=recipe)
    folder.asked()
    for keys in ({"reject": ["*/n"]}, {"accept": ["*/m", "*/o"]}):
        folder.ahead += HOUR
        at = folder.ahead / HOUR + 1
        folder.run("/", at=at, keys=DEPTH | keys, recipe=recipe)
        assert folder.asked() == ["/m"]
    report = folder.run(
        "/", at=at + 0.5, keys=DEPTH | {"reject": ["*/n"]}, recipe=recipe
    )
    assert report.nothing_due
    assert report.next_due is not None
    assert report.next_due > folder.time()


def test_a_picture_has_an_age_of_its_own(folder: Folder) -> None:
    tags = b"<img src=/1.png><img src=/2.png>"
    folder.server.behaviours |= {
        "/": etag(tags),
        "/1.png": PICTURE,
        "/2.png": PICTURE,
    }
    recipe = of_an_hour("/1.png")
    folder.run("/", recipe=recipe)
    assert folder.asked() == ["/", "/1.png", "/2.png"]
    folder.run("/", at=2, recipe=recipe)
    assert folder.asked() == ["/1.png"]
    folder.run("/", at=3.5, recipe=recipe, keys={"page_images": "none"})
    assert folder.asked() == []


def test_a_picture_is_due_with_the_age_of_its_page(folder: Folder) -> None:
    """Not with that of all, which is shorter."""
    folder.server.behaviours |= {
        "/": etag(b"<img src=/1.png>"),
        "/1.png": PICTURE,
    }
    recipe = [{"match": "*/", "max_age": "30d"}]
    folder.run("/", recipe=recipe)
    folder.asked()
    report = folder.run("/", at=48, recipe=recipe, max_age="1d")
    assert report.nothing_due


def test_a_limit_leaves_what_is_due_to_the_next_run(folder: Folder) -> None:
    folder.run("/", keys=DEPTH)
    folder.asked()
    recipe = of_an_hour("/m", "/n", "/o")
    left = folder.run("/", at=2, keys=DEPTH, recipe=recipe, max_urls=1)
    assert left.stopped
    folder.run("/", at=3, keys=DEPTH, recipe=recipe)
    assert folder.asked() == ["/m", "/n", "/o"]


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="each is a fork of this process"
)
@pytest.mark.usefixtures("real_pauses")
def test_a_kill_at_any_write_leaves_it_due(
    folder: Folder, tmp_path: Path
) -> None:
    """/m and /n are in different rounds: / is young, and /m is asked before."""
    recipe = of_an_hour("/m", "/n")
    whole = folder.path
    folder.run("/", keys=DEPTH, recipe=recipe)

    def ask() -> bool:
        makes = makers_with(Pools(inline=True), Makers())
        return not folder.run(
            "/", at=2, keys=DEPTH, recipe=recipe, makes=makes
        ).stopped

    for write in range(1, 100):
        folder.asked()
        folder.path = tmp_path / f"copy-{write}"
        shutil.copytree(whole, folder.path)
        code = writes.die_before(write, folder.path, ask)
        assert code in (writes.KILLED, 0)
        assert ask()
        assert set(folder.asked()) == {"/m", "/n"}
        asked = [
            each["url"] for each in records_of(folder.path) if each["pass"] > 1
        ]
        assert sorted(asked) == [*map(folder.server.url, ("/m", "/n"))]
        if code == 0:
            break
    assert write > 3


def test_what_was_never_asked_comes_with_its_page(folder: Folder) -> None:
    folder.server.behaviours["/robots.txt"] = page(
        "User-agent: *\nDisallow: /m"
    )
    keys = DEPTH | {"robots": "on"}
    folder.run("/", keys=keys)
    assert "/m" not in folder.asked()
    recipe = of_an_hour("/m")
    assert folder.run("/", at=2, keys=keys, recipe=recipe).nothing_due


def test_a_plan_knows_of_it(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = of_an_hour("/n")
    folder.run("/", at=-2, keys=DEPTH, recipe=recipe, by_file=True)
    config = folder.path.with_name("scraper.toml")
    config.write_text('[[recipe]]\nmatch = "*/n"\nmax_age = "1h"\n')
    urls, dir = str(folder.path.with_suffix(".txt")), str(folder.path)
    words = ["plan", urls, "-d", dir, "--depth", "5", "--page-images", "none"]
    rest = ["--config", str(config), "--robots", "off", "--json"]
    assert main([*words, *rest]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["due"]["again"], said["known"]) == (1, 1)
