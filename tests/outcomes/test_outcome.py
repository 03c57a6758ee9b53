"""What an outcome offers a script: body, text, JSON, page, picture, and an exception."""

from __future__ import annotations

import io
import pickle
import shutil
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest
from msgspec.structs import replace
from PIL import Image

import scraper
from scraper.errors import new_failure, of_status
from scraper.faulty import (
    FaultyServer,
    body,
    etag,
    page,
    redirect,
    sequence,
    status,
)
from scraper.model import Failure, Task
from scraper.outcomes.outcome import Outcome
from scraper.urls import canonical

HTML = "text/html"  # without a charset


def picture(mode: str, format: str) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (64, 32)).save(file, format)
    return file.getvalue()


JAPANESE = "<meta charset=shift_jis><title>日本</title><p>富士山"
WESTERN = "<meta charset=windows-1252><title>“Café” – €</title>"
WIDE = "<title>Ünï</title><p>Wide"
QUOTING = '{"page": "<meta charset=shift_jis> Ü"}'
FEED = '<?xml version="1.0" encoding="windows-1251"?><rss>Ж</rss>'
CMYK = picture("CMYK", "JPEG")
EPS = picture("RGB", "EPS")
BROKEN = picture("RGB", "PNG")[:60]
DATA = {"name": "Ü", "prices": [1, 2.5, None]}
SITE = {
    "/robots.txt": status(404),
    "/japanese": body(JAPANESE.encode("cp932"), HTML),
    "/western": body(WESTERN.encode("cp1252"), HTML),
    "/wide": body(b"\xff\xfe" + WIDE.encode("utf-16-le"), HTML),
    "/table.csv": etag(
        "имя;Ж\n".encode("koi8-r"), content_type="text/csv; charset=koi8-r"
    ),
    "/binary.pdf": body(b"%PDF-1.4 \xff\x00", "application/pdf"),
    "/quoting.json": body(QUOTING.encode(), "application/json"),
    "/feed.xml": body(FEED.encode("cp1251"), "application/rss+xml"),
    "/plain.json": body(orjson.dumps(DATA), "application/json"),
    "/bom.json": body(b"\xef\xbb\xbf" + orjson.dumps(DATA), "text/plain"),
    "/wide.json": body('{"a": "ü"}'.encode("utf-16"), "application/json"),
    "/deep.json": body(b"[" * 100_000, "application/json"),
    "/a.jpg": body(CMYK, "image/jpeg"),
    "/a.eps": body(EPS, "application/postscript"),
    "/fake.jpg": body(EPS, "image/jpeg"),
    "/broken.png": body(BROKEN, "image/png"),
    "/new": sequence(page("<title>One</title>"), page("<title>Two</title>")),
    "/old": redirect("/wide"),
    "/same": etag(b"<title>Same</title>"),
    "/gone": status(404),
}


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with FaultyServer(SITE) as running:
        yield running


def outcomes_of(
    server: FaultyServer, folder: Path, *paths: str, **how: Any
) -> dict[str, Outcome]:
    """By path, what comes of these URLs of the server."""
    keys: dict[str, Any] = {"save_only": True, "dir": str(folder)}
    keys |= how.pop("keys", {})
    urls = [server.url(path) for path in paths]
    with scraper.stream(urls, scraper.configure(**keys), **how) as outcomes:
        return {
            each.url.removeprefix(server.url("")): each for each in outcomes
        }


PATHS = sorted(set(SITE) - {"/new", "/robots.txt"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outcomes")


@pytest.fixture(scope="module")
def first(server: FaultyServer, folder: Path) -> dict[str, Outcome]:
    return outcomes_of(server, folder, *PATHS)


@pytest.fixture(scope="module", params=["new", "stored", "unchanged"])
def asked(
    request: pytest.FixtureRequest,
    server: FaultyServer,
    folder: Path,
    first: dict[str, Outcome],
) -> dict[str, Outcome]:
    """The site as it came first, as the folder has it, and as it was asked for again."""
    if request.param == "new":
        return first
    refresh = request.param == "unchanged"
    outcomes = outcomes_of(server, folder, *PATHS, refresh=refresh)
    same = outcomes["/same"]
    assert (same.stored, same.state == "unchanged") == (not refresh, refresh)
    return outcomes


# -- what it has brought -----------------------------------------------------------------------


def test_the_body_is_what_came(asked: dict[str, Outcome]) -> None:
    assert asked["/a.jpg"].body == CMYK
    assert asked["/binary.pdf"].body == b"%PDF-1.4 \xff\x00"
    assert asked["/same"].body == b"<title>Same</title>"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/japanese", JAPANESE),
        ("/western", WESTERN),
        ("/wide", WIDE),
        ("/old", WIDE),
        ("/table.csv", "имя;Ж\n"),
        ("/quoting.json", QUOTING),
        ("/feed.xml", FEED),
        ("/same", "<title>Same</title>"),
    ],
)
def test_text_is_read_as_it_was_meant(
    asked: dict[str, Outcome], path: str, text: str
) -> None:
    assert asked[path].text == text


@pytest.mark.parametrize(
    ("path", "title"),
    [("/japanese", "日本"), ("/western", "“Café” – €"), ("/wide", "Ünï")],
)
def test_a_page_has_a_tree_and_a_soup(
    asked: dict[str, Outcome], path: str, title: str
) -> None:
    shown = asked[path].page
    node = shown.tree.css_first("title")
    assert node is not None
    assert node.text() == title
    assert shown.soup.title is not None
    assert shown.soup.title.string == title
    assert shown.tree is shown.tree, "made once for this page"


def test_a_page_knows_where_it_came_from(
    server: FaultyServer, tmp_path: Path
) -> None:
    secret = server.url("/wide").replace("://", "://me:secret@")
    config = scraper.configure(dir=str(tmp_path), save_only=True)
    for _ in range(2):
        with scraper.stream([secret, server.url("/old")], config) as outcomes:
            urls = {each.url: each.page.url for each in outcomes}
        assert urls == {secret: secret, server.url("/old"): server.url("/wide")}


def test_text_is_the_text_of_the_facts(
    server: FaultyServer, tmp_path: Path
) -> None:
    paths = ("/japanese", "/western", "/wide")
    keys = {"save_only": False, "processes": 1}
    outcomes = outcomes_of(server, tmp_path, *paths, keys=keys)
    for each in outcomes.values():
        assert each.page.charset == each.record["charset"]
        assert each.record["title"] in each.text


@pytest.mark.parametrize("path", ["/a.jpg", "/binary.pdf", "/a.eps"])
def test_what_is_no_text_has_none(asked: dict[str, Outcome], path: str) -> None:
    outcome = asked[path]
    type = outcome.record["content_type"]
    for name in ("text", "page"):
        with pytest.raises(scraper.Unreadable) as caught:
            getattr(outcome, name)
        assert str(caught.value) == f"{outcome.url} is no text but {type}"


@pytest.mark.parametrize(
    ("path", "data"),
    [("/plain.json", DATA), ("/bom.json", DATA), ("/wide.json", {"a": "ü"})],
)
def test_json(asked: dict[str, Outcome], path: str, data: object) -> None:
    assert asked[path].json() == data


@pytest.mark.parametrize("path", ["/wide", "/western", "/deep.json", "/a.jpg"])
def test_what_is_no_json_is_an_error_with_its_url(
    asked: dict[str, Outcome], path: str
) -> None:
    with pytest.raises(ValueError, match=" is no JSON: ") as caught:
        asked[path].json()
    assert isinstance(caught.value, scraper.UsageError)
    assert str(caught.value).startswith(asked[path].url)


def test_the_image_is_the_original(asked: dict[str, Outcome]) -> None:
    image = asked["/a.jpg"].image()
    assert (image.format, image.mode, image.size) == ("JPEG", "CMYK", (64, 32))
    assert image.getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.parametrize("path", ["/a.eps", "/fake.jpg", "/wide"])
def test_no_other_formats_are_decoded_than_in_a_run(
    asked: dict[str, Outcome], path: str
) -> None:
    with pytest.raises(scraper.Unreadable, match="not a picture in a format"):
        asked[path].image()


def test_a_broken_picture_has_a_body_all_the_same(
    server: FaultyServer, tmp_path: Path
) -> None:
    keys = {"save_only": False, "processes": 1}
    for _ in range(2):
        outcome = outcomes_of(server, tmp_path, "/broken.png", keys=keys)[
            "/broken.png"
        ]
        assert outcome.state == "failed"
        assert outcome.body == BROKEN
        assert outcome.files[0].read_bytes() == BROKEN
        with pytest.raises(scraper.Unreadable, match="ends too early"):
            outcome.image()


def test_files(asked: dict[str, Outcome], folder: Path) -> None:
    outcome = asked["/same"]
    assert outcome.files == (folder / outcome.record["path"],)
    assert asked["/gone"].files == ()


# -- what is not there, or not any more --------------------------------------------------------


@pytest.mark.parametrize("name", ["body", "text", "page", "json", "image"])
def test_without_a_body_it_says_why(
    asked: dict[str, Outcome], name: str
) -> None:
    gone = asked["/gone"]
    with pytest.raises(scraper.UsageError) as caught:
        getattr(gone, name)()
    assert str(caught.value) == (
        f"{gone.url} has no body: http_404: the server answered 404 Not Found"
    )


def test_a_body_that_is_kept_nowhere() -> None:
    with pytest.raises(scraper.UsageError, match="kept nowhere"):
        _ = outcome_with(None).body


class Memory:
    """Another place than a folder."""

    def body_of(self, outcome: Outcome) -> bytes:
        return outcome.url.encode()

    def files_of(self, outcome: Outcome) -> tuple[Path, ...]:
        return ()


@pytest.mark.parametrize(
    ("sha256", "is_good"),
    [
        (sha256(b"").hexdigest(), False),
        (sha256(b"https://h/a").hexdigest(), True),
        (None, True),
    ],
)
def test_a_body_is_checked_wherever_it_is_kept(
    sha256: str | None, is_good: bool
) -> None:
    line = orjson.dumps({"path": None, "sha256": sha256})
    outcome = replace(outcome_with(None), line=line, place=Memory())
    assert outcome.files == ()
    if is_good:
        assert outcome.body == b"https://h/a"
    else:
        with pytest.raises(scraper.UsageError, match="another body by now"):
            _ = outcome.body


def test_a_later_pass_replaces_the_body(
    server: FaultyServer, tmp_path: Path
) -> None:
    one = outcomes_of(server, tmp_path, "/new")["/new"]
    assert one.text == "<title>One</title>"
    two = outcomes_of(server, tmp_path, "/new", refresh=True)["/new"]
    assert two.text == "<title>Two</title>"
    with pytest.raises(scraper.UsageError, match="a later pass has replaced"):
        _ = one.body


def test_a_body_that_was_changed_by_hand(
    server: FaultyServer, tmp_path: Path
) -> None:
    outcome = outcomes_of(server, tmp_path, "/same")["/same"]
    (file,) = outcome.files
    file.write_bytes(outcome.body + b"\n")
    with pytest.raises(scraper.UsageError, match="another program"):
        _ = outcome.text


def test_a_temporary_folder_goes_with_its_run(server: FaultyServer) -> None:
    config = scraper.configure(save_only=True)
    with scraper.stream([server.url("/same")], config) as outcomes:
        (outcome,) = outcomes
        assert outcome.body == b"<title>Same</title>"
    for name in ("body", "files"):
        with pytest.raises(scraper.UsageError, match=r"the run folder .* gone"):
            getattr(outcome, name)


def test_a_folder_that_was_removed(
    server: FaultyServer, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    outcome = outcomes_of(server, run, "/same")["/same"]
    shutil.rmtree(run)
    with pytest.raises(scraper.UsageError, match=f"folder {run} is gone"):
        _ = outcome.body


# -- failures ----------------------------------------------------------------------------------


def outcome_with(failure: Failure | None, url: str = "https://h/a") -> Outcome:
    asked_url = canonical(url)
    state = "failed" if failure else "done"
    return Outcome(Task(1, asked_url, asked_url), state, b"{}", failure=failure)


def test_raise_for_failure_can_be_chained(asked: dict[str, Outcome]) -> None:
    data = asked["/plain.json"].raise_for_failure().json()
    assert data == DATA
    with pytest.raises(scraper.Failed) as caught:
        asked["/gone"].raise_for_failure()
    assert caught.value.outcome is asked["/gone"]
    assert isinstance(caught.value, scraper.ScraperError)


def test_what_was_skipped_is_a_failure_too(
    server: FaultyServer, tmp_path: Path
) -> None:
    keys = {"allow_hosts": ["example.com"]}
    skipped = outcomes_of(server, tmp_path, "/same", keys=keys)["/same"]
    assert skipped.state == "skipped"
    with pytest.raises(scraper.Failed, match="host_not_allowed: "):
        skipped.raise_for_failure()
    with pytest.raises(scraper.UsageError, match="host_not_allowed: "):
        _ = skipped.body


def test_its_message_hides_secrets_and_commands_no_terminal() -> None:
    failure = new_failure(
        "protocol_error", "\x1b[2J see https://me:pw@h/?token=abc"
    )
    outcome = outcome_with(failure, "https://me:pw@h/a?api_key=1")
    assert str(scraper.Failed(outcome)) == (
        "https://***@h/a?api_key=***: protocol_error: "
        "\\x1b[2J see https://***@h/?token=***"
    )
    assert outcome_with(None).reason == ""


def test_it_can_be_pickled() -> None:
    failed = scraper.Failed(outcome_with(of_status(404, "Not Found")))
    again = pickle.loads(pickle.dumps(failed))
    assert type(again) is scraper.Failed
    assert str(again) == str(failed)
    assert again.outcome == failed.outcome


def test_the_exit_code_of_a_failure_is_that_of_a_run() -> None:
    assert scraper.Failed(outcome_with(of_status(404, ""))).exit_code == 3
