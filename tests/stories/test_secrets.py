"""Secrets stay where the user put them: no log, record, report or error shows one."""

from __future__ import annotations

import io
import stat
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import scraper
from scraper.faulty import (
    FaultyServer,
    body,
    needs_login,
    page,
    redirect,
    reset,
    set_cookie,
    short,
    status,
)
from tests.conftest import Scrape
from tests.stories.runs import last_of

PASSWORD, BEARER, TOKEN, COOKIE = (
    "pa55-hush",
    "bearer-hush",
    "token-hush",
    "cookie-hush",
)
SECRETS = ("hush", "bWU6cGE1NS1odXNo")  # the second is me:pa55-hush in base64
ME = f"me:{PASSWORD}"
HIDDEN_OR_BODIES = (".scraper", "pages", "images", "files", "processed")
BASIC = "Basic bWU6cGE1NS1odXNo"


def _readable_texts_of(folder: Path) -> dict[str, str]:
    """All files of a run that others may read, but for the bodies, which are the sites' own."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
        and path.relative_to(folder).parts[0] not in HIDDEN_OR_BODIES
    }


def _nothing_in(text: str, where: str) -> None:
    for secret in SECRETS:
        assert secret not in text, f"{secret} in {where}:\n" + "\n".join(
            line for line in text.splitlines() if secret in line
        )


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG")
    return file.getvalue()


def _urls(server: FaultyServer) -> list[str]:
    """Every way in which a secret gets into a list, and every way in which that then fails."""
    host = f"127.0.0.1:{server.port}"
    tokens = [f"{name}={TOKEN}" for name in ("token", "access_token", "api_key", "apikey", "sig",
              "X-Amz-Signature", "X-Amz-Credential", "password", "secret", "sessionid", "auth",
              "key", "client_secret", "jwt", "code", "ID_TOKEN", "%74oken")]  # fmt: skip
    return [
        f"http://{ME}@{host}/page",
        f"HTTP://{ME}@{host}/page/",
        f"http:\\\\{ME}@{host}/gone",
        f"http:/{ME}@{host}/lost",
        f"{ME}@{host}/no-scheme",
        f"http://me:{PASSWORD}@hush@{host}/gone?2",
        f"http://{ME}@{host}/away?{tokens[0]}",
        f"http://{ME}@{host}/loop?{tokens[0]}",
        f"http://{ME}@{host}/short?{tokens[0]}",
        f"http://{ME}@{host}/file.bin?a=1&{tokens[0]}",
        f"http://{ME}@elsewhere.example/",
        f"http://{ME}@[bad/",
        f"ftp://{ME}@{host}/",
        f"http://{ME}@127.0.0.1:25/",
        f"http://{ME}@127.0.0.1:1/refused?{tokens[0]}",
        *(f"http://{host}/gone?x=1&{token}&y=2" for token in tokens),
        *(
            f"http://{host}/gone{n}#x=1&{token}"
            for n, token in enumerate(tokens)
        ),
        f"http://{host}/gone?next=http%3A%2F%2F{host}%2F%3Fcode%3D{TOKEN}",
        f"see http://{ME}@{host}/gone?{tokens[0]}\tand",
    ]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_is_shown_anywhere(scrape: Scrape, form: str) -> None:
    with FaultyServer(
        {
            "/page": set_cookie(f"sid={COOKIE}", page("<img src=/a.png>")),
            "/page/": page(
                f"<link rel=canonical href='http://{ME}@a/?token={TOKEN}'><img src=/b.png>",
                {"Set-Cookie": f"sid={COOKIE}"},
            ),
            "/lost": reset(),
            "/away": redirect(f"/page/?token={TOKEN}&left"),
            "/loop": redirect(f"/loop?token={TOKEN}"),
            "/short": short(),
            "/file.bin": body(b"\0" * 99, "application/octet-stream"),
            "/a.png": body(_picture(), "image/png"),
            "/b.png": body(b"no picture", "image/png"),
        }
    ) as server:
        lst = scrape.list_of(*_urls(server))
        flags = ("-v", "-o", "-", "--log-format", form, "-H", f"Authorization: Bearer {BEARER}",
                 "-H", f"Cookie: sid={COOKIE}", "-H", f"X-Api-Key: {TOKEN}", "-R", "1",
                 "-p", "1", "--allow-hosts", "127.0.0.1")  # fmt: skip
        first = scrape(lst, *flags)
        again = scrape(lst, *flags, "--retry")
    assert (first.code, again.code) == (3, 3), first.stderr
    assert {each["state"] for each in first.records} == {
        "done",
        "failed",
        "skipped",
    }
    assert len(first.records) >= len(_urls(server))
    for run in (first, again):
        _nothing_in(run.stderr, "stderr")
        _nothing_in(run.stdout, "stdout")
    texts = _readable_texts_of(first.folder)
    assert {"records.jsonl", "errors.jsonl", "run.log", "summary.json"} <= set(
        texts
    )
    for name, text in texts.items():
        _nothing_in(text, name)
    for path in first.folder.rglob("*"):
        _nothing_in(path.name, "the name of a file")
    # Where the secrets must be, to go on with after a kill, others may not look.
    hidden = first.folder / ".scraper"
    assert stat.S_IMODE(hidden.stat().st_mode) == 0o700
    # And they did reach the server.
    assert {BASIC, f"Bearer {BEARER}"} <= {
        s.headers.get("authorization") for s in server.seen
    }
    assert any(TOKEN in seen.path for seen in server.seen)


def test_status_shows_none_either(scrape: Scrape) -> None:
    with FaultyServer({"/*": status(404)}) as server:
        scrape.here(
            scrape.list_of(
                f"http://{ME}@127.0.0.1:{server.port}/a?token={TOKEN}"
            )
        )
        ended = scrape("status", "run", dir=None)
        assert ended.code == 0
        _nothing_in(ended.stdout + ended.stderr, "status")


def test_a_header_that_cannot_be_sent_is_not_shown_with_its_value(
    scrape: Scrape,
) -> None:
    for header in (
        f"Authorization: {BEARER}\N{EURO SIGN}",
        f"X-Api-Key {TOKEN}",
    ):
        ended = scrape.here(scrape.list_of("http://127.0.0.1:1/"), "-H", header)
        assert ended.code == 2
        _nothing_in(ended.stderr, "stderr")


def test_the_configuration_that_is_shown_holds_no_secret(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scrape.folder / "scraper.toml").write_text(
        f"[fetch]\nheader = ['Authorization: Bearer {BEARER}', 'X-Plain: yes']\n"
    )
    monkeypatch.setenv("SCRAPER_PROXY", f"http://{ME}@proxy.example:3128")
    shown = scrape.here("--show-config").stdout
    _nothing_in(shown, "--show-config")
    assert (
        'header = ["Authorization: ***", "X-Plain: yes"]  # scraper.toml [fetch]'
        in shown
    )
    assert (
        'proxy = "http://***@proxy.example:3128"  # environment variable SCRAPER_PROXY'
        in shown
    )
    flags = (
        "-H",
        f"cookie: a={COOKIE}",
        "-H",
        f"X-Api-Key {TOKEN}",
        "--contact",
        "me@example.com",
    )
    shown = scrape.here("--show-config", *flags).stdout
    _nothing_in(shown, "--show-config")
    assert 'header = ["cookie: ***", "***"]' in shown
    assert 'contact = "me@example.com"' in shown


@pytest.mark.parametrize(
    "words",
    [
        ("--headr", f"Authorization: Bearer {BEARER}", "urls.txt"),
        (f"me:{PASSWORD}@example.com/a",),
        (f"{ME}@example.com",),
        ("--proxy", f"socks9://{ME}@proxy.example", "urls.txt"),
        ("--config", "wrong.toml", "urls.txt"),
        ("explain", f"http://{ME}@exa mple.example/?token={TOKEN}"),
        ("explain", f"see http://{ME}@a.example/?token={TOKEN}"),
    ],
)
def test_a_mistake_on_the_command_line_shows_no_secret(
    scrape: Scrape, words: tuple[str, ...]
) -> None:
    scrape.list_of("http://127.0.0.1:1/")
    (scrape.folder / "wrong.toml").write_text(
        f"[fetch]\nheader = ['Authorization: Bearer {BEARER}', 5]\n"
    )
    ended = scrape.here(*words)
    assert ended.stderr or ended.stdout
    _nothing_in(ended.stderr + ended.stdout, "the complaint")


def test_an_explanation_shows_no_secret(scrape: Scrape) -> None:
    answer = page("a", {"Set-Cookie": f"sid={COOKIE}", "X-Auth-Token": TOKEN,
                        "Link": f"</a?code={TOKEN}>; rel=next"})  # fmt: skip
    with FaultyServer(
        {"/a": redirect(f"/b?jwt={TOKEN}"), "/b": answer}
    ) as server:
        url = f"http://{ME}@127.0.0.1:{server.port}/a?id_token={TOKEN}#code={TOKEN}"
        flags = ("-H", f"Authorization: Bearer {BEARER}", "-H", f"X-Api-Key: {TOKEN}",
                 "-H", f"Referer: http://a.example/?code={TOKEN}", "--robots", "off")  # fmt: skip
        for form in ((), ("--json",)):
            ended = scrape("explain", url, *flags, *form, dir=None)
            assert ended.code == 0
            assert "done" in ended.stdout
            _nothing_in(ended.stderr + ended.stdout, "explain")


# -- who gets them -----------------------------------------------------------------------------


def _run(folder: Path, *urls: str, **keys: Any) -> dict[str, dict[str, Any]]:
    keys = {"robots": "off", "processes": 1} | keys
    scraper.run(urls, scraper.configure(dir=str(folder / "run"), **keys))
    return last_of(folder / "run")


@pytest.mark.parametrize(
    "header", ["Authorization", "authorization", "Cookie", "X-Auth-Token"]
)
def test_a_secret_header_does_not_follow_a_redirect_to_another_host(
    tmp_path: Path, header: str
) -> None:
    with FaultyServer() as server:
        server.behaviours |= {
            "//a.localhost/": redirect(server.url("/", "b.localhost")),
            "//b.localhost/": redirect(server.url("/back", "a.localhost")),
            "//a.localhost/back": page("back"),
        }
        _run(tmp_path, server.url("/", "a.localhost"), save_only=True,
             header=[f"{header}: {BEARER}", "X-Plain: yes"])  # fmt: skip
        sent = [
            (s.host.split(":")[0], s.headers.get(header.lower()))
            for s in server.seen
        ]
        assert sent == [
            ("a.localhost", BEARER),
            ("b.localhost", None),
            ("a.localhost", BEARER),
        ]
        assert {seen.headers["x-plain"] for seen in server.seen} == {"yes"}


def test_a_secret_header_is_not_sent_to_another_port_or_for_robots_txt(
    tmp_path: Path,
) -> None:
    with FaultyServer({"/*": page("other")}) as other:
        with FaultyServer({"/": redirect(other.url("/"))}) as server:
            _run(tmp_path, server.url("/"), robots="on", save_only=True,
                 header=[f"Authorization: {BEARER}"])  # fmt: skip
            sent = {
                seen.path: seen.headers.get("authorization")
                for seen in server.seen
            }
        assert sent == {"/robots.txt": None, "/": BEARER}
        assert {seen.headers.get("authorization") for seen in other.seen} == {
            None
        }


def test_credentials_of_a_url_stay_with_its_origin(tmp_path: Path) -> None:
    with FaultyServer() as server:
        server.behaviours |= {
            "//a.localhost/": redirect("/inside"),
            "//a.localhost/inside": redirect(
                server.url("/deeper", "a.localhost")
            ),
            "//a.localhost/deeper": redirect(server.url("/", "b.localhost")),
            "//b.localhost/": page("away"),
        }
        _run(
            tmp_path, f"http://{ME}@a.localhost:{server.port}/", save_only=True
        )
        sent = [
            (s.host.split(":")[0], s.headers.get("authorization"))
            for s in server.seen
        ]
        assert sent == [("a.localhost", BASIC)] * 3 + [("b.localhost", None)]


@pytest.mark.parametrize("by", ["url", "header"])
def test_images_of_a_page_get_its_credentials_in_its_own_origin_only(
    tmp_path: Path, by: str
) -> None:
    picture = body(_picture(), "image/png")
    with FaultyServer() as server:
        theirs = server.url("/their.png", "cdn.localhost")
        html = f"<img src=/our.png><img src={theirs}>"
        server.behaviours |= {
            "//a.localhost/": needs_login(BASIC, page(html)),
            "//a.localhost/our.png": needs_login(BASIC, picture),
            "/their.png": picture,
        }
        if by == "url":
            records = _run(tmp_path, f"http://{ME}@a.localhost:{server.port}/")
        else:
            url = server.url("/", "a.localhost")
            records = _run(tmp_path, url, header=[f"Authorization: {BASIC}"])
        assert {each["state"] for each in records.values()} == {"done"}
        assert len(records) == 3
        assert (
            server.seen_of("/their.png")[0].headers.get("authorization") is None
        )
        assert records[theirs]["parent"]
    _nothing_in(str(records), "the records")


def test_credentials_that_a_page_writes_are_never_sent(tmp_path: Path) -> None:
    """They are the page's, not the user's: it could have us log in wherever it likes."""
    picture = body(_picture(), "image/png")
    with FaultyServer() as server:
        here, there = f"a.localhost:{server.port}", f"b.localhost:{server.port}"
        server.behaviours |= {
            "/page": page(
                f"<img src='http://you:{PASSWORD}@{there}/1.png'><img src='//you@{there}/2.png'>"
                f"<img src='http://you:{PASSWORD}@{here}/3.png'><img src='/4.png'>"
                f"<img src='http:\\\\you:{PASSWORD}@{there}/5.png'>"
            ),
            "/based": page(
                f"<base href='http://you:{PASSWORD}@{there}/'><img src=6.png>"
            ),
            "/*": picture,
        }
        records = _run(tmp_path, f"http://{here}/page", f"http://{here}/based")
        assert {each["state"] for each in records.values()} == {"done"}
        assert {seen.headers.get("authorization") for seen in server.seen} == {
            None
        }
        pictures = {url for url in records if url.endswith(".png")}
    assert pictures == {
        *(f"http://{there}/{number}.png" for number in (1, 2, 5, 6)),
        *(f"http://{here}/{number}.png" for number in (3, 4)),
    }


def test_where_the_user_has_credentials_those_of_a_page_are_not_sent(
    tmp_path: Path,
) -> None:
    with FaultyServer() as server:
        here = f"a.localhost:{server.port}"
        server.behaviours |= {
            "/page": page(
                f"<img src='http://you:no@{here}/a.png'><img src=/a.png>"
            ),
            "/a.png": body(_picture(), "image/png"),
        }
        records = _run(tmp_path, f"http://{ME}@{here}/page")
        sent = [
            (seen.path, seen.headers.get("authorization"))
            for seen in server.seen
        ]
    assert sent == [("/page", BASIC), ("/a.png", BASIC)]
    assert len(records) == 2


def test_a_page_that_names_a_picture_with_and_without_credentials_names_one(
    tmp_path: Path,
) -> None:
    with FaultyServer() as server:
        here = f"a.localhost:{server.port}"
        names = [
            f"http://you:no@{here}/a.png",
            "/a.png",
            f"http://they:no@{here}/a.png",
        ]
        server.behaviours |= {
            "/": page("".join(f"<img src='{name}'>" for name in names)),
            "/a.png": body(_picture(), "image/png"),
        }
        records = _run(tmp_path, f"http://{here}/")
        assert server.count("/a.png") == 1
    assert len(records) == 2


def test_credentials_that_a_redirect_writes_are_never_sent(
    tmp_path: Path,
) -> None:
    with FaultyServer() as server:
        there = f"b.localhost:{server.port}"
        server.behaviours |= {
            "//a.localhost/": redirect(f"http://you:{PASSWORD}@{there}/b"),
            "//a.localhost/robots.txt": redirect(
                f"http://you:{PASSWORD}@{there}/robots.txt"
            ),
            "/b": page("b"),
        }
        url = server.url("/", "a.localhost")
        records = _run(tmp_path, url, robots="on", save_only=True)
        assert server.count("/b") == 1
        assert {seen.headers.get("authorization") for seen in server.seen} == {
            None
        }
    assert records[url]["final_url"] == f"http://{there}/b"
    _nothing_in(str(records), "the records")
