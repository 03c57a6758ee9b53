"""The command line: what it says of wrong words, and that the same command goes on."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import scraper
from scraper.cli.arguments import build_parser
from scraper.config import KEYS
from scraper.config.loading import COMMAND_FLAGS
from scraper.config.settings import SCHEMA
from scraper.faulty import FaultyServer, body, page, sequence, silent, status
from scraper.storage.ledger import Ledger
from scraper.storage.store import Store
from tests.conftest import PROJECT, Scrape, Scraped

NO_RULES = {"/robots.txt": status(404)}


def one_line(scraped: Scraped, code: int = 2) -> str:
    """What is said of a mistake: one line, no traceback, and nothing on standard output."""
    assert scraped.code == code, scraped.stderr
    assert scraped.stdout == ""
    lines = scraped.stderr.splitlines()
    assert len(lines) == 1, scraped.stderr
    assert lines[0].startswith("error: ")
    return lines[0].removeprefix("error: ")


# -- lists and folders that cannot be used ----------------------------------------------------


def test_a_missing_list(scrape: Scrape) -> None:
    assert one_line(scrape.here("urls.txt")) == "no such file: urls.txt"
    assert not (scrape.folder / "run").exists(), "and no trace is left"


def test_a_url_without_its_scheme_is_told_how_to_be_one(scrape: Scrape) -> None:
    told = one_line(scrape.here("example.com/a"))
    assert told.endswith("(if you mean the URL, write https://example.com/a)")


def test_no_list_at_all(scrape: Scrape) -> None:
    assert "no list of URLs is given" in one_line(scrape.here())


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_list(text: str, scrape: Scrape) -> None:
    (scrape.folder / "urls.txt").write_text(text)
    told = scrape.here("urls.txt")
    assert (told.code, told.stderr) == (0, "no URL in urls.txt\n"), (
        "nothing was to be done"
    )


def test_a_folder_in_the_lists_place(scrape: Scrape) -> None:
    (scrape.folder / "urls.txt").mkdir()
    assert one_line(scrape.here("urls.txt")).startswith(
        "urls.txt is a folder without lists: name the file"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_list(scrape: Scrape) -> None:
    (scrape.folder / scrape.list_of("https://localhost/")).chmod(0)
    assert (
        one_line(scrape.here("urls.txt"))
        == "cannot read urls.txt: Permission denied"
    )


def test_a_file_in_the_folders_place(scrape: Scrape) -> None:
    (scrape.folder / "run").write_text("")
    urls = scrape.list_of("https://localhost/")
    assert one_line(scrape.here(urls)) == "run is a file: choose another --dir"


def test_a_folder_that_cannot_be_written(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    urls = scrape.list_of("https://localhost/")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        told = one_line(scrape.here(urls))
    assert told == "cannot use folder run: Permission denied"


def test_a_folder_in_use(scrape: Scrape) -> None:
    holder = Store(scrape.folder / "run")
    holder.open()
    try:
        told = one_line(
            scrape.here(scrape.list_of("https://localhost/")), code=6
        )
    finally:
        holder.close()
    assert f"in use by another run (process {os.getpid()})" in told


def newer(path: Path) -> None:
    Ledger(path).close()
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 99")
    db.close()


def damaged(path: Path) -> None:
    path.write_bytes(b"no database" * 1_000)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(newer, "written by a newer version"), (damaged, "is damaged")],
)
def test_a_ledger_that_cannot_be_used(
    spoil: Callable[[Path], None], says: str, scrape: Scrape
) -> None:
    (scrape.folder / "run" / ".scraper").mkdir(parents=True)
    spoil(scrape.folder / "run" / ".scraper" / "ledger.sqlite")
    assert says in one_line(scrape.here(scrape.list_of("https://localhost/")))


def test_a_folder_of_another_list(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        scrape.here(scrape.list_of(server.url()))
        other = scrape.here(scrape.list_of(server.url("/b"), name="other.txt"))
    told = one_line(other)
    assert "run belongs to another list" in told
    assert "urls.txt" in told


def test_records_that_someone_has_shortened(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        urls = scrape.list_of(server.url())
        scrape.here(urls)
        (scrape.folder / "run" / "records.jsonl").write_text("")
        assert "is shorter (0 bytes) than this run left it" in one_line(
            scrape.here(urls)
        )


CSV = "url,section\n{0}1,news\n{0}2,sport\n"
LOOKS_LIKE = (
    "looks like a CSV with the columns url, section; a list has one URL a line"
)


def test_a_table_is_refused_before_any_request(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES) as server:
        (scrape.folder / "urls.txt").write_text(CSV.format(server.url("/")))
        told = one_line(scrape.here("urls.txt"))
        assert server.count() == 0
    assert told.startswith(f"urls.txt {LOOKS_LIKE}")
    assert not (scrape.folder / "run").exists(), "and no trace is left"


def test_a_table_from_a_pipe_is_refused_before_any_request(
    scrape: Scrape,
) -> None:
    with FaultyServer(NO_RULES) as server:
        told = one_line(
            scrape("-", "--save-only", stdin=CSV.format(server.url("/")))
        )
        assert server.count() == 0
    assert told.startswith(f"stdin {LOOKS_LIKE}")


def test_a_table_from_a_pipe_that_stays_open_is_refused(scrape: Scrape) -> None:
    """Its reader still waits for the next line, and must not keep the program from leaving."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scraper", "-", "--save-only", "--dir", "run"],
        cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(CSV.format("https://localhost/"))
    process.stdin.flush()
    try:
        code = process.wait(30)
    finally:
        process.kill()
        process.stdin.close()
    told = process.stderr.read()
    process.stderr.close()
    assert (code, len(told.splitlines())) == (2, 1), told
    assert told.startswith(f"error: stdin {LOOKS_LIKE}")


def test_odd_lines_of_a_list_are_told_and_the_others_asked(
    scrape: Scrape,
) -> None:
    with FaultyServer(NO_RULES | {"/*": page("a")}) as server:
        urls = scrape.list_of(
            f'"{server.url("/1")}"',
            f"- {server.url('/2')} # the second",
            f"\u200b{server.url('/3')}\xa0",
            f"{server.url('/4')}\tnews",
            f"{server.url('/5')} {server.url('/6')}",
            f"<a href='{server.url('/7')}'>seven</a>",
            "seven",
            f"{server.url('/8')}#fragment and more",
        )
        done = scrape.here(urls)
        asked = sorted(
            seen.path for seen in server.seen if seen.path != "/robots.txt"
        )
    assert done.code == 3
    assert asked == ["/1", "/2", "/3", "/8"]
    odd = {
        each["line"]: each for each in done.records if each["state"] == "failed"
    }
    assert {each["error_kind"] for each in odd.values()} == {"bad_url"}
    assert sorted(odd) == [4, 5, 6, 7]
    for line, path in ((4, "/4"), (5, "/5"), (6, "/7")):
        hint = f"a URL stands in this line: {server.url(path)}"
        assert odd[line]["error_message"].endswith(hint)
    assert (
        "does not begin with https:// or with a host" in odd[7]["error_message"]
    )


# -- wrong words ------------------------------------------------------------------------------


def test_a_wrong_value(scrape: Scrape) -> None:
    assert one_line(scrape.here("--threads", "many", "urls.txt")) == (
        "threads = 'many' from the command line is invalid: expected a whole number"
        " from 0 to 1024, or auto"
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--thread", "5"], "did you mean --threads?"),
        (["--no-such-flag"], "--help lists all flags"),
        (["--max-items", "5"], "--max-items is called --max-urls now"),
        (["--item-time=5s"], "--item-time is called --request-time now"),
        (["--gray"], "did you mean --grayscale?"),
        (["--GRAYSCALE"], "did you mean --grayscale?"),
        (["--allow_hosts", "a"], "did you mean --allow-hosts?"),
        (["--threads"], "expected one argument"),
    ],
)
def test_a_wrong_flag(words: list[str], says: str, scrape: Scrape) -> None:
    assert says in one_line(scrape.here("urls.txt", *words, dir=None))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["help"], "no such command or file: help; did you mean --help?"),
        (
            ["version"],
            "no such command or file: version; did you mean --version?",
        ),
        (["demo"], "no such command or file: demo; did you mean --demo?"),
        (
            ["statsu", "run"],
            "no such command or file: statsu; did you mean status?",
        ),
        (["expl"], "no such command or file: expl; did you mean explain?"),
        (["urls"], "no such command or file: urls; did you mean urls.txt?"),
        (["urlz.txt"], "no such file: urlz.txt; did you mean urls.txt?"),
        (["./urlz.txt"], "no such file: ./urlz.txt; did you mean urls.txt?"),
        (["quark"], "no such command or file: quark"),
    ],
)
def test_a_word_that_is_no_list(
    words: list[str], says: str, scrape: Scrape
) -> None:
    scrape.list_of("https://localhost/")
    assert one_line(scrape.here(*words, dir=None)) == says


@pytest.mark.parametrize("command", ["status", "explain", "export", "run"])
def test_a_command_behind_a_flag_is_said_to_come_first(
    command: str, scrape: Scrape
) -> None:
    told = one_line(scrape.here("-d", "run", command, dir=None))
    assert (
        told
        == f"{command} is a command and comes first: python -m scraper {command} ..."
    )


def test_the_flags_that_are_no_keys_are_those_that_a_variable_is_told_about() -> (
    None
):
    actions = {action.dest for action in build_parser()._actions}
    of_keys = {*KEYS, *SCHEMA.tables}
    assert actions - of_keys - {"inputs", "help"} == COMMAND_FLAGS.keys()


def test_a_wrong_choice_is_told_the_right_one(scrape: Scrape) -> None:
    told = one_line(scrape.here("--format", "jpge", "urls.txt"))
    assert told.endswith(
        "expected one of keep, jpeg, png, webp, avif, gif; did you mean jpeg?"
    )


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("404", "did you mean http_404?"),
        ("http404", "did you mean http_404?"),
        ("HTTP_503", "did you mean http_503?"),
        ("http-503", "did you mean http_503?"),
        ("timout_total", "did you mean timeout_total?"),
        ("Network", "did you mean network?"),
        ("quark", "statuses as http_404"),
    ],
)
def test_a_wrong_kind_of_failure_is_told_the_right_one(
    kind: str, says: str, scrape: Scrape
) -> None:
    told = one_line(
        scrape.here(scrape.list_of("https://localhost/"), "--retry", kind)
    )
    assert told.startswith(f"retry: no kind of failure is called {kind!r}")
    assert told.endswith(says)


def test_a_wrong_key_in_the_configuration(scrape: Scrape) -> None:
    (scrape.folder / "mine.toml").write_text("[run]\nthread = 5\n")
    told = one_line(scrape.here("--config", "mine.toml", "urls.txt"))
    assert (
        told == "unknown key 'thread' in mine.toml [run]; did you mean threads?"
    )


def test_a_scraper_toml_that_leads_nowhere_is_an_error(scrape: Scrape) -> None:
    """Its keys were meant: limits, perhaps."""
    (scrape.folder / "scraper.toml").symlink_to("moved.toml")
    told = one_line(scrape.here("--show-config"))
    assert (
        told
        == "cannot read configuration scraper.toml: No such file or directory"
    )


def test_the_configuration_of_the_folder_is_used_and_said_so(
    scrape: Scrape,
) -> None:
    (scrape.folder / "scraper.toml").write_text("[run]\nthreads = 5\n")
    shown = scrape.here("--show-config")
    assert shown.stderr == "using scraper.toml of this folder\n"
    assert "threads = 5  # scraper.toml [run]" in shown.stdout


def test_an_unknown_variable(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPER_THREAD", "5")
    told = one_line(scrape.here("urls.txt"))
    assert told.startswith(
        "unknown key 'thread' in environment variable SCRAPER_THREAD"
    )


@pytest.mark.parametrize(
    ("html", "says"),
    [
        ("nonsense", "write module:function"),
        ("mysite.py:f", "write module:function; did you mean mysite:f?"),
        ("./mysite.py:f", "did you mean mysite:f?"),
        ("shop/mysite.py:f", "did you mean shop.mysite:f?"),
        ("mysite.f", "did you mean mysite:f?"),
        ("no_such_module:f", "no module 'no_such_module'"),
        ("mysite:missing", "mysite has no 'missing'"),
        ("mysite:short", "is a lambda or a local function"),
    ],
)
def test_a_function_that_cannot_be_used(
    html: str, says: str, scrape: Scrape
) -> None:
    (scrape.folder / "mysite.py").write_text("short = lambda page: {}\n")
    path = list(sys.path)
    try:
        told = one_line(
            scrape.here(scrape.list_of("https://localhost/"), "--html", html)
        )
    finally:
        sys.path[:] = path
        sys.modules.pop("mysite", None)
    assert told.startswith("html")
    assert says in told
    assert not (scrape.folder / "run").exists(), (
        "it is found out before anything is begun"
    )


def test_a_function_that_raises_costs_its_page(scrape: Scrape) -> None:
    (scrape.folder / "mysite.py").write_text(
        "def article(page):\n"
        "    if 'bad' in page.url:\n        raise KeyError('price')\n"
        "    return {'length': len(page.text)}\n"
    )
    with FaultyServer(
        NO_RULES | {"/good": page("<p>good"), "/bad": page("<p>bad")}
    ) as server:
        urls = scrape.list_of(server.url("/good"), server.url("/bad"))
        done = scrape(urls, "--html", "mysite:article", "-p", "1")
    assert done.code == 3
    assert "Traceback" not in done.stderr
    good, bad = (done.by_url()[server.url(path)] for path in ("/good", "/bad"))
    assert good["data"] == {"length": len("<p>good")}
    assert (bad["error_kind"], bad["error_stage"]) == (
        "function_failed",
        "process",
    )
    assert "price" in bad["error_message"]
    assert (done.folder / bad["path"]).read_bytes() == b"<p>bad", (
        "the page itself is kept"
    )


# -- what it says on purpose ------------------------------------------------------------------


def test_help_fits_a_terminal_and_is_in_groups(scrape: Scrape) -> None:
    shown = scrape("--help", dir=None, environment={"COLUMNS": "80"})
    assert shown.code == 0
    assert [line for line in shown.stdout.splitlines() if len(line) > 80] == []
    groups = re.findall(r"^(\S.*):$", shown.stdout, re.MULTILINE)
    assert groups[1:] == ["what", "how much at once, and where",
                          "lists that are tables", "requests", "hosts", "pages",
                          "links that are followed", "links without end", "pictures",
                          "anything else", "worker processes",
                         "what has changed since the last time",
                          "logging and output"]  # fmt: skip
    for flag in (
        "--threads",
        "--allow-hosts",
        "--html",
        "--resize",
        "--retry",
        "--refresh",
    ):
        assert flag in shown.stdout


def test_the_version(scrape: Scrape) -> None:
    assert scrape.here("--version").stdout == f"scraper {scraper.__version__}\n"


def test_the_configuration_is_shown_with_its_origins(
    scrape: Scrape, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCRAPER_TIMEOUT", "5s")
    shown = scrape.here("--show-config", "-j", "3")
    assert shown.code == 0
    assert "threads = 3  # the command line" in shown.stdout
    assert (
        "timeout_seconds = 5.0  # environment variable SCRAPER_TIMEOUT"
        in shown.stdout
    )
    assert "per_host = 8  # default" in shown.stdout


def test_run_is_what_it_does_without_a_word(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        urls = scrape.list_of(server.url())
        assert scrape.here("run", urls).code == 0
        assert scrape.here(urls).code == 0
        assert server.count("/") == 1


def test_urls_may_stand_on_the_command_line(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        done = scrape.here(server.url())
    assert [each["source"] for each in done.records] == ["command-line"]


def test_a_whole_run_says_what_came_of_it(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        done = scrape.here(
            scrape.list_of(server.url(), server.url("/missing"), "ftp://x")
        )
    assert done.code == 3
    assert done.stdout == ""
    first, failed, *rest = done.stderr.splitlines()
    assert first.startswith("1 done · 2 failed")
    assert "1 http_404" in failed
    assert "1 bad_scheme" in failed
    assert str(Path("run") / "records.jsonl") in rest[0]


def test_quiet_is_quiet(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        done = scrape.here(scrape.list_of(server.url()), "--quiet")
    assert (done.code, done.stdout, done.stderr) == (0, "", "")


def test_records_on_standard_output_are_alone_there(scrape: Scrape) -> None:
    """Also what a user's function prints goes elsewhere."""
    (scrape.folder / "mysite.py").write_text(
        "def article(page):\n    print('here I am')\n    return {'n': 1}\n"
    )
    with FaultyServer(NO_RULES | {"/": page("<title>A</title>")}) as server:
        done = scrape("-", "-o", "-", "--html", "mysite:article", "-p", "1",
                      stdin=f"{server.url()}\n{server.url('/missing')}\n")  # fmt: skip
    assert [
        json.loads(line) for line in done.stdout.splitlines()
    ] == done.records
    assert len(done.records) == 2
    assert {each["source"] for each in done.records} == {"stdin"}


# -- what workers print -----------------------------------------------------------------------

PRINTING = """
import os
def article(page):
    print("price is", 7, "\\x1b[31m")
    os.write(2, b"a library warns\\n")
    return {"n": 1}
"""


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_function_prints_goes_to_the_log_with_its_url(
    form: str, scrape: Scrape
) -> None:
    (scrape.folder / "mysite.py").write_text(PRINTING)
    with FaultyServer(NO_RULES | {"/": page("<title>A</title>")}) as server:
        done = scrape(
            server.url(),
            "--html",
            "mysite:article",
            "-p",
            "1",
            "--log-format",
            form,
        )
    assert "price" not in done.stderr
    assert "warns" not in done.stderr
    log = (done.folder / "run.log").read_text()
    assert "\x1b" not in log
    if form == "text":
        assert (
            f"[process] INFO: id=1 printed {server.url()} price is 7 \\x1b[31m\n"
            in log
        )
        assert (
            f"[process] INFO: id=1 printed {server.url()} a library warns\n"
            in log
        )
    else:
        printed = [
            each
            for each in map(json.loads, log.splitlines())
            if each["event"] == "printed"
        ]
        assert [(each["task"], each["url"], each["message"]) for each in printed] == [
            (1, server.url(), "price is 7 \x1b[31m"), (1, server.url(), "a library warns")
        ]  # fmt: skip


def test_a_verbose_run_shows_what_a_function_prints(scrape: Scrape) -> None:
    (scrape.folder / "mysite.py").write_text(PRINTING)
    with FaultyServer(NO_RULES | {"/": page("<title>A</title>")}) as server:
        done = scrape(server.url(), "--html", "mysite:article", "-p", "1", "-v")
    lines = done.stderr.splitlines()
    assert f"{server.url()} printed: price is 7 \\x1b[31m" in lines
    assert f"{server.url()} printed: a library warns" in lines


def test_what_libtiff_says_of_a_picture_goes_to_the_log(scrape: Scrape) -> None:
    picture = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(
        picture, "TIFF", compression="tiff_lzw"
    )
    spoilt = bytearray(picture.getvalue())
    spoilt[40:60] = bytes(byte ^ 0xFF for byte in spoilt[40:60])
    with FaultyServer(
        NO_RULES | {"/a.tif": body(bytes(spoilt), "image/tiff")}
    ) as server:
        done = scrape(server.url("/a.tif"), "-p", "1")
    assert done.records[0]["error_stage"] == "process"
    printed = [line for line in (done.folder / "run.log").read_text().splitlines()
               if f"printed {server.url('/a.tif')} " in line]  # fmt: skip
    assert printed
    told = printed[0].rpartition("/a.tif ")[2]
    assert told not in done.stderr


# -- quiet, for cron --------------------------------------------------------------------------


def one_line_of(scraped: Scraped) -> str:
    """What cron would mail: a single line on standard error, and nothing else."""
    assert scraped.stdout == ""
    assert len(scraped.stderr.splitlines()) == 1, scraped.stderr
    return scraped.stderr.rstrip("\n")


def test_a_quiet_run_in_which_urls_fail_says_so_in_one_line(
    scrape: Scrape,
) -> None:
    with FaultyServer(
        NO_RULES | {"/": page("a"), "/gone": status(410)}
    ) as server:
        done = scrape.here(
            scrape.list_of(server.url(), server.url("/gone")), "-q"
        )
    assert done.code == 3
    told = one_line_of(done)
    assert "1 done" in told
    assert "1 http_410" in told
    assert str(Path("run") / "errors.jsonl") in told


def test_a_quiet_run_that_has_nothing_left_to_do_still_says_what_had_failed(
    scrape: Scrape,
) -> None:
    with FaultyServer(
        NO_RULES | {"/": page("a"), "/gone": status(410)}
    ) as server:
        urls = scrape.list_of(server.url(), server.url("/gone"))
        scrape.here(urls, "-q")
        again = scrape.here(urls, "-q")
    assert again.code == 3
    assert "1 http_410" in one_line_of(again)


def test_a_quiet_run_that_is_stopped_says_why_in_one_line(
    scrape: Scrape,
) -> None:
    with FaultyServer(NO_RULES | {"/a": page("a"), "/b": page("b")}) as server:
        urls = scrape.list_of(server.url("/a"), server.url("/b"))
        done = scrape.here(urls, "-q", "--max-urls", "1")
        assert done.code == 5
        assert (
            "max_urls of 1 URL is reached; the same command continues"
            in one_line_of(done)
        )
        rest = scrape.here(urls, "-q")
    assert (rest.code, rest.stderr) == (0, ""), "not even that it continues"


def test_a_quiet_run_does_not_speak_of_its_configuration(
    scrape: Scrape,
) -> None:
    (scrape.folder / "scraper.toml").write_text("[run]\nthreads = 5\n")
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        done = scrape.here(scrape.list_of(server.url()), "-q")
    assert (done.code, done.stderr) == (0, "")


def test_a_quiet_run_keeps_its_warnings_for_its_log(scrape: Scrape) -> None:
    """A proxy is one thing that a run warns of."""
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        done = scrape.here(
            scrape.list_of(server.url()), "-q", "--proxy", server.url()
        )
    assert "through a proxy" in (done.folder / "run.log").read_text()
    assert "through a proxy" not in done.stderr


def test_a_quiet_run_that_is_interrupted_says_so_in_one_line(
    scrape: Scrape,
) -> None:
    with FaultyServer(NO_RULES | {"/": silent()}) as server:
        urls = scrape.list_of(server.url())
        process = subprocess.Popen(
            [sys.executable, "-m", "scraper", urls, "-d", "run", "-q", "--grace", "0",
             "--save-only"],
            cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        server.wait_for(2)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert len(stderr.splitlines()) == 1, stderr
    assert "interrupted (SIGTERM); the same command continues" in stderr


WHILE_IT_IMPORTS = """
class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "scraper.runner":
            os.kill(os.getpid(), NUMBER)
sys.meta_path.insert(0, Interrupting())
"""
WHILE_IT_OPENS = """
from scraper.storage import store
store.Store.open = lambda self: os.kill(os.getpid(), NUMBER)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "when", [WHILE_IT_IMPORTS, WHILE_IT_OPENS], ids=["imports", "opens"]
)
def test_a_quiet_run_that_is_interrupted_while_it_begins_says_so_in_one_line(
    number: signal.Signals, when: str, scrape: Scrape
) -> None:
    urls = scrape.list_of("http://localhost:1/")
    script = (
        f"import importlib.abc, os, sys\nNUMBER = {int(number)}\n{when}"
        "from scraper.cli import main\nsys.exit(main(sys.argv[1:]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, urls, "-d", "run", "-q", "--save-only"],
        cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 128 + number, done.stderr
    assert (
        done.stderr
        == f"stopped: interrupted ({number.name}); the same command continues\n"
    )


# -- what excludes each other -----------------------------------------------------------------


@pytest.mark.parametrize("kinds", [[], ["http_500"]])
def test_retry_and_refresh_together_are_refused(
    kinds: list[str], scrape: Scrape
) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        urls = scrape.list_of(server.url())
        scrape.here(urls)
        told = one_line(scrape.here(urls, "--refresh", "--retry", *kinds))
        assert server.count("/") == 1
    assert told.startswith("--retry and --refresh exclude each other")


@pytest.mark.parametrize("kinds", [(), ("timeout_read",)])
def test_a_script_cannot_ask_for_both_either(kinds: tuple[str, ...]) -> None:
    with pytest.raises(
        scraper.UsageError, match="retry and refresh exclude each other"
    ):
        scraper.stream(["https://localhost/"], retry=kinds, refresh=True)


# -- the same command again -------------------------------------------------------------------


def test_the_same_command_again_has_nothing_left_to_do(scrape: Scrape) -> None:
    with FaultyServer(NO_RULES | {"/": page("a")}) as server:
        urls = scrape.list_of(server.url(), server.url("/missing"))
        scrape.here(urls)
        asked = server.count()
        again = scrape.here(urls)
        assert server.count() == asked
    assert again.code == 3, "the exit code speaks of the pass"
    assert again.stderr.startswith(
        f"nothing left to do: pass 1 of {Path('run')} is complete\n"
    )
    assert len(again.records) == 2


def test_retry_asks_failed_urls_again_and_no_others(scrape: Scrape) -> None:
    site = NO_RULES | {
        "/": page("a"),
        "/recovers": sequence(status(410), page("b")),
    }
    with FaultyServer(site) as server:
        urls = scrape.list_of(server.url(), server.url("/recovers"))
        assert scrape.here(urls).code == 3
        done = scrape.here(urls, "--retry")
        assert server.count("/") == 1
        assert server.count("/recovers") == 2
    assert done.code == 0
    recovered = [
        each
        for each in done.records
        if each["canonical_url"].endswith("/recovers")
    ]
    assert [(each["pass"], each["state"]) for each in recovered] == [
        (1, "failed"),
        (2, "done"),
    ]


def test_retry_takes_kinds(scrape: Scrape) -> None:
    site = NO_RULES | {"/a": status(410), "/b": status(404)}
    with FaultyServer(site) as server:
        urls = scrape.list_of(server.url("/a"), server.url("/b"))
        assert scrape.here(urls).code == 4
        scrape.here(urls, "--retry", "http_410")
        assert (server.count("/a"), server.count("/b")) == (2, 1)
        told = one_line(scrape.here(urls, "--retry", "time_out"))
    assert "no kind of failure is called 'time_out'" in told


def test_retry_may_stand_before_the_list(scrape: Scrape) -> None:
    with FaultyServer(
        NO_RULES | {"/": sequence(status(410), page("a"))}
    ) as server:
        urls = scrape.list_of(server.url())
        scrape.here(urls)
        assert scrape.here("--retry", urls).code == 0


def test_a_list_that_has_grown_opens_a_pass_with_what_is_new(
    scrape: Scrape,
) -> None:
    with FaultyServer(NO_RULES | {"/a": page("a"), "/b": page("b")}) as server:
        urls = scrape.list_of(server.url("/a"))
        scrape.here(urls)
        scrape.list_of(server.url("/a"), server.url("/b"))
        done = scrape.here(urls)
        assert server.count("/a") == 1
    assert [(each["pass"], each["canonical_url"]) for each in done.records] == [
        (1, server.url("/a")), (2, server.url("/b"))]  # fmt: skip
    assert done.code == 0


# -- what it costs to begin -------------------------------------------------------------------


def test_the_coordinator_never_loads_a_parser(scrape: Scrape) -> None:
    """That is the workers' part: start-up and memory of the parent stay small."""
    script = (
        "import json, sys\n"
        "from scraper.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "print(json.dumps([code, sorted(sys.modules)]))\n"
    )
    with FaultyServer(NO_RULES | {"/": page("<title>A</title>")}) as server:
        done = subprocess.run(
            [sys.executable, "-c", script, server.url(), "--dir", "run", "-p", "1", "-q"],
            cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    code, modules = json.loads(done.stdout)
    assert code == 0, done.stderr
    parsers = {
        "PIL",
        "bs4",
        "lxml",
        "selectolax",
        "protego",
        "processors.page",
        "tqdm",
    }
    assert parsers & set(modules) == set()
    record = json.loads((scrape.folder / "run" / "records.jsonl").read_text())
    assert record["title"] == "A", "yet the page was parsed"


def test_a_python_without_what_is_needed_is_told_in_a_line(
    tmp_path: Path,
) -> None:
    """As the system's own in a clone: it finds this package there, and nothing else."""
    bare = [sys.executable, "-S", "-c",
            "import runpy, sys; sys.argv = ['scraper', 'urls.txt']; "
            "runpy.run_module('scraper', run_name='__main__')"]  # fmt: skip
    told = subprocess.run(
        bare,
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert line.startswith("error: ")
    assert "use the Python of the environment" in line


def test_a_wrong_recipe_is_said_before_anything_else(scrape: Scrape) -> None:
    told = scrape.here("--demo", "shop", "--select", "name", "h3", dir=None)
    assert "--select: 'name' is not NAME=SELECTOR" in told.stderr


def test_the_defaults_of_lists_are_shown_as_they_are_written(
    scrape: Scrape,
) -> None:
    helped = " ".join(scrape.here("--help", dir=None).stdout.split())
    assert "names, all or none (all)" in helped
