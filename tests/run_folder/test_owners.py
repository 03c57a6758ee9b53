"""A folder belongs to its lists: what goes on, what is refused, and how another list joins."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.errors import UsageError
from scraper.faulty import FaultyServer, page, status
from scraper.model import Line
from scraper.run_folder.owners import (
    MAX_JUDGED_URLS,
    are_most,
    belongs,
    claim_folder,
)
from scraper.sources.source import (
    Pipe,
    Source,
    file_source,
    given_source,
    script_source,
)
from scraper.storage.ledger import Ledger
from scraper.urls import parts_of
from tests.conftest import Scrape, Scraped

SITE = {"/robots.txt": status(404), "/*": page("here")}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """One that knows example.com/0 to /1999."""
    opened = Ledger(tmp_path / "ledger.sqlite")
    opened.intake.add(
        [Line(parts_of(url_of(number))) for number in range(2_000)], 1
    )
    yield opened
    opened.close()


def url_of(number: int) -> str:
    return f"https://example.com/{number}"


def listed(path: Path, *urls: str) -> Source:
    path.write_text("".join(f"{url}\n" for url in urls))
    return file_source(str(path))


def piped(*lines: str) -> Source:
    pipe = Pipe(lambda: iter(lines))
    return Source("stdin", "stdin", pipe.lines, live=True, ahead=pipe.ahead)


OWNERS: dict[str, int | None] = {"file:/somewhere/urls.txt": 1}


# -- most of the first thousand ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "asked", "most"), [(0, 0, False), (0, 1, False), (1, 1, True), (1, 2, False),
                                 (2, 3, True), (500, 1_000, False), (501, 1_000, True)],
)  # fmt: skip
def test_most_is_more_than_half(known: int, asked: int, most: bool) -> None:
    assert are_most(known, asked) is most


def test_a_list_is_known_by_its_urls(tmp_path: Path, ledger: Ledger) -> None:
    new = [f"https://example.com/new/{number}" for number in range(5_000)]
    known = [url_of(number) for number in range(2_000)]
    path = tmp_path / "other.txt"

    def is_ours(*urls: str) -> bool:
        return belongs(listed(path, *urls), OWNERS, ledger)

    assert is_ours(*known)
    assert is_ours(*known[:3], *new[:2])
    assert not is_ours(*known[:3], *new[:3])
    assert is_ours(*known[:501], *new), "only the first thousand are looked at"
    assert not is_ours(*new[: MAX_JUDGED_URLS // 2], *known[:500], *known[500:])
    assert is_ours(*new[:2], *known[:1] * 5, *known[1:3]), (
        "each URL counts once: 3 of 5"
    )
    assert not is_ours(*new[:2], *known[:1] * 5)
    assert is_ours(*["ftp://nonsense"] * 9, known[0]), (
        "what is no URL says nothing"
    )
    assert is_ours("HTTPS://EXAMPLE.com:443/7#top")


def test_a_list_without_urls_is_known_only_by_its_path(
    tmp_path: Path, ledger: Ledger
) -> None:
    path = tmp_path / "other.txt"
    for urls in ((), ("ftp://nonsense",)):
        assert not belongs(listed(path, *urls), OWNERS, ledger)
        assert belongs(
            listed(path, *urls), OWNERS | {f"file:{path}": 2}, ledger
        )


def test_a_folder_that_knows_no_url_yet_takes_any_list(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.sqlite")
    assert belongs(listed(tmp_path / "other.txt", url_of(1)), OWNERS, ledger)
    ledger.close()


# -- what a list is known by ------------------------------------------------------------------


def test_a_known_path_is_enough(tmp_path: Path, ledger: Ledger) -> None:
    source = listed(tmp_path / "urls.txt", "https://example.com/quite-new")
    assert not belongs(source, OWNERS, ledger)
    assert belongs(source, {f"file:{tmp_path / 'urls.txt'}": 2}, ledger)


def test_a_link_that_leads_elsewhere_today_is_the_same_list(
    tmp_path: Path, ledger: Ledger
) -> None:
    listed(tmp_path / "monday.txt", "https://example.com/monday")
    listed(tmp_path / "tuesday.txt", "https://example.com/tuesday")
    link = tmp_path / "today.txt"
    link.symlink_to("monday.txt")
    claim_folder(tmp_path, ledger, [file_source(str(link))], join=False)
    link.unlink()
    link.symlink_to("tuesday.txt")
    claim_folder(tmp_path, ledger, [file_source(str(link))], join=False)
    for name in ("monday.txt", "tuesday.txt"):
        assert belongs(
            file_source(str(tmp_path / name)), ledger.sources.owners(), ledger
        ), name


def test_a_pipe_is_known_by_its_first_url(ledger: Ledger) -> None:
    def endless() -> Iterator[str]:
        yield url_of(3)
        raise AssertionError("the next line may take an hour")

    pipe = Pipe(endless)
    assert belongs(
        Source("stdin", "stdin", pipe.lines, live=True, ahead=pipe.ahead),
        OWNERS,
        ledger,
    )
    new = "https://example.com/new"
    assert not belongs(piped(new), OWNERS, ledger)
    claim_folder(Path("run"), ledger, [piped(new, url_of(1))], join=True)
    assert belongs(piped(new, url_of(2)), ledger.sources.owners(), ledger)
    assert not belongs(
        piped("https://example.com/newer"), ledger.sources.owners(), ledger
    )


def test_urls_of_the_command_line_are_a_list_like_any_other(
    ledger: Ledger,
) -> None:
    assert belongs(given_source([url_of(1), url_of(2)]), OWNERS, ledger)
    new = ["https://example.com/new", url_of(1)]
    assert not belongs(given_source(new), OWNERS, ledger)
    claim_folder(Path("run"), ledger, [given_source(new)], join=True)
    assert belongs(given_source(new), ledger.sources.owners(), ledger)
    assert not belongs(
        given_source(["https://example.com/newer"]),
        ledger.sources.owners(),
        ledger,
    )


@pytest.mark.parametrize("owner", ["stdin", "command-line", "script", "demo"])
def test_what_0_1_0_has_remembered_goes_on(owner: str, ledger: Ledger) -> None:
    new = "https://example.com/new"
    source = {
        "stdin": piped(new),
        "command-line": given_source([new]),
        "script": script_source([new]),
        "demo": given_source([new], "demo"),
    }[owner]
    assert belongs(source, {owner: None}, ledger)


def test_a_script_joins_the_folder_that_it_names(ledger: Ledger) -> None:
    def never() -> Iterator[str]:
        raise AssertionError("the next may wait for what came of the last")
        yield ""

    ledger.sources.set_owners(OWNERS)
    claim_folder(Path("run"), ledger, [script_source(never())], join=False)
    assert ledger.sources.owners() == OWNERS | {"script": 1}


def test_a_refusal_names_the_folder_its_lists_and_the_new_one(
    tmp_path: Path, ledger: Ledger
) -> None:
    ledger.sources.set_owners(
        {f"file:/lists/{number}.txt": number for number in range(5)}
    )
    other = listed(tmp_path / "other.txt", "https://example.com/new")
    with pytest.raises(UsageError) as refused:
        claim_folder(Path("run"), ledger, [other], join=False)
    told = str(refused.value)
    assert told.startswith(
        "run belongs to another list (/lists/0.txt, /lists/1.txt, /lists/2.txt, 2 more)"
    )
    assert (
        "other.txt: choose another --dir, or let it join with --add-list"
        in told
    )
    assert "\n" not in told
    assert list(ledger.sources.owners())[-1] == "file:/lists/4.txt", (
        "and nothing is remembered of it"
    )


# -- whole runs -------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with FaultyServer(SITE) as running:
        yield running


def refused(scraped: Scraped) -> bool:
    if scraped.code != 2:
        return False
    assert len(scraped.stderr.splitlines()) == 1, scraped.stderr
    assert "belongs to another list" in scraped.stderr
    assert "--add-list" in scraped.stderr
    return True


def test_a_moved_project_goes_on(
    scrape: Scrape,
    server: FaultyServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    urls = [server.url(f"/{number}") for number in range(3)]
    scrape.here(scrape.list_of(*urls))
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.move(scrape.folder, elsewhere)
    scrape.folder = elsewhere
    assert scrape.here("urls.txt").code == 0
    assert server.count("/0") == 1
    scrape.list_of(server.url("/quite"), server.url("/other"))
    assert scrape.here("urls.txt").code == 0, (
        "its new path is known from then on"
    )


def test_a_renamed_and_grown_list_goes_on(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(scrape.list_of(server.url("/a"), server.url("/b")))
    name = scrape.list_of(
        server.url("/a"), server.url("/b"), server.url("/c"), name="new.txt"
    )
    assert scrape.here(name).code == 0
    assert (server.count("/a"), server.count("/c")) == (1, 1)


def test_another_list_is_refused_until_it_may_join(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(scrape.list_of(server.url("/a")))
    other = scrape.list_of(server.url("/b"), name="other.txt")
    assert refused(scrape.here(other))
    assert refused(scrape.here("urls.txt", other)), (
        "each of the lists must belong"
    )
    assert server.count("/b") == 0
    assert scrape.here(other, "--add-list").code == 0
    assert (server.count("/a"), server.count("/b")) == (1, 1)
    assert scrape.here(other).code == scrape.here("urls.txt").code == 0, (
        "both are its own now"
    )
    assert scrape.here("urls.txt", other).code == 0
    assert refused(
        scrape.here(scrape.list_of(server.url("/c"), name="third.txt"))
    )


def test_one_of_two_lists_goes_on_by_itself(
    scrape: Scrape, server: FaultyServer
) -> None:
    one = scrape.list_of(server.url("/a"))
    other = scrape.list_of(server.url("/b"), name="more.txt")
    assert scrape.here(one, other).code == 0
    assert (
        scrape.here(one).code
        == scrape.here(other).code
        == scrape.here(other, one).code
        == 0
    )
    assert server.count("/a") == server.count("/b") == 1


def test_urls_and_pipes_do_not_slip_into_a_folder_by_dir(
    scrape: Scrape, server: FaultyServer
) -> None:
    assert scrape.here(server.url("/a")).code == 0
    assert scrape.here(server.url("/a")).code == 0
    assert refused(scrape.here(server.url("/b")))
    assert refused(scrape("-", stdin=server.url("/b")))
    assert scrape("-", "--save-only", stdin=server.url("/a")).code == 0
    assert server.count("/b") == 0


def test_a_folder_of_0_1_0_goes_on_with_its_list(
    scrape: Scrape, server: FaultyServer
) -> None:
    urls = scrape.list_of(server.url("/a"))
    scrape.here(urls)
    db = sqlite3.connect(scrape.folder / "run" / ".scraper" / "ledger.sqlite")
    # that version kept the very lists of the last run, and nothing else
    with db:
        db.execute("UPDATE meta SET value = ? WHERE name = 'inputs'",
                   (f'["file:{(scrape.folder / urls).resolve()}"]',))  # fmt: skip
    db.close()
    scrape.list_of(server.url("/b"), server.url("/c"))
    assert scrape.here(urls).code == 0
    assert server.count("/b") == 1


def test_a_script_adds_to_a_folder_of_the_command_line(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.here(scrape.list_of(server.url("/a")))
    config = scraper.configure(dir=str(scrape.folder / "run"), save_only=True)
    assert scraper.run([server.url("/b")], config).exit_code == 0
    assert scrape.here("urls.txt").code == 0
    other = scrape.list_of(server.url("/c"), name="other.txt")
    with pytest.raises(UsageError, match="add_list=True"):
        scraper.run(str(scrape.folder / other), config)
    assert (
        scraper.run(str(scrape.folder / other), config, add_list=True).exit_code
        == 0
    )


# -- what a list names no more ----------------------------------------------------------------


@pytest.fixture
def failing(server: FaultyServer) -> FaultyServer:
    """/bad has failed, and counts for as long as a list names it."""
    server.behaviours["/bad"] = status(404)
    return server


def sources_of(scraped: Scraped, url: str) -> set[str]:
    return {
        each["source"]
        for each in scraped.records
        if each["canonical_url"] == url
    }


def test_two_lists_of_one_name_are_two_lists(
    scrape: Scrape, failing: FaultyServer
) -> None:
    for name, path in (("one", "/bad"), ("other", "/good")):
        (scrape.folder / name).mkdir()
        scrape.list_of(failing.url(path), name=f"{name}/urls.txt")
    folder, project = str(scrape.folder / "run"), scrape.folder
    for name in ("one", "other", "other", "one"):
        scrape.folder = project / name
        assert scrape.here("urls.txt", "--add-list", dir=folder).code == (
            4 if name == "one" and failing.count("/good") == 0 else 3
        )
    told = scrape.here("urls.txt", dir=folder)
    assert sources_of(told, failing.url("/bad")) == {"urls.txt"}
    assert sources_of(told, failing.url("/good")) == {
        str(project / "other" / "urls.txt")
    }


def test_two_pipes_are_two_lists(scrape: Scrape, failing: FaultyServer) -> None:
    assert scrape("-", "--save-only", stdin=failing.url("/bad")).code == 4
    assert (
        scrape(
            "-", "--save-only", "--add-list", stdin=failing.url("/good")
        ).code
        == 3
    )


@pytest.mark.parametrize(
    "again", ["urls.txt", "./urls.txt", "absolute", "link.txt", "new.txt"]
)
def test_a_list_by_another_path_drops_what_it_names_no_more(
    again: str, scrape: Scrape, failing: FaultyServer
) -> None:
    good = [failing.url(f"/{number}") for number in range(3)]
    assert scrape.here(scrape.list_of(*good, failing.url("/bad"))).code == 3
    scrape.list_of(*good)
    (scrape.folder / "link.txt").symlink_to("urls.txt")
    if again == "new.txt":
        (scrape.folder / "urls.txt").rename(scrape.folder / again)
    path = str(scrape.folder / "urls.txt") if again == "absolute" else again
    assert scrape.here(path).code == 0
    with (scrape.folder / again.replace("absolute", "urls.txt")).open(
        "a"
    ) as file:
        file.write(failing.url("/one-more"))
    assert sources_of(scrape.here(path), failing.url("/one-more")) == {path}


def test_what_a_copy_of_a_list_leaves_out_is_the_lists_still(
    scrape: Scrape, failing: FaultyServer
) -> None:
    good = [failing.url(f"/{number}") for number in range(3)]
    assert scrape.here(scrape.list_of(*good, failing.url("/bad"))).code == 3
    assert scrape.here(scrape.list_of(*good, name="copy.txt")).code == 3
    assert scrape.here("urls.txt", "copy.txt").code == 3


def test_a_pipe_with_another_beginning_drops_what_it_names_no_more(
    scrape: Scrape, failing: FaultyServer
) -> None:
    one, other = failing.url("/1"), failing.url("/2")
    assert (
        scrape(
            "-", "--save-only", stdin=f"{one}\n{other}\n{failing.url('/bad')}\n"
        ).code
        == 3
    )
    assert scrape("-", "--save-only", stdin=f"{other}\n{one}\n").code == 0
