"""Tables that a run makes at its end, and the command that makes them at any time."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.errors import LocalFault, UsageError
from scraper.exports.of_run import RunExports
from scraper.faulty import FaultyServer, page, silent, status
from tests.conftest import PROJECT, Scrape
from tests.exports.readers import read_csv, read_lines

QUICK = ("--robots", "off", "-R", "0")


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    site = {"/gone": status(404), "/*": page("<title>here</title>")}
    with FaultyServer(site) as running:
        yield running


@pytest.fixture
def urls(scrape: Scrape, server: FaultyServer) -> str:
    return scrape.list_of(*(server.url(path) for path in ("/b", "/gone", "/a")))


def test_a_run_makes_its_tables_at_the_end(scrape: Scrape, urls: str) -> None:
    files = ("-o", "items.csv", "-o", "run/all.jsonl", "-o", "failed.txt")
    done = scrape.here(urls, *QUICK, *files)
    assert done.code == 3
    assert (
        "items.csv: 3 rows\nrun/all.jsonl: 3 rows\nfailed.txt: 1 row\n"
        in done.stderr
    )
    table = read_csv(scrape.folder / "items.csv")
    assert [row["url"][-2:] for row in table] == ["/b", "ne", "/a"]
    assert [row["state"] for row in table] == ["done", "failed", "done"]
    lines = read_lines(done.folder / "all.jsonl")
    assert [each["key"] for each in lines] == [row["key"] for row in table]
    assert (scrape.folder / "failed.txt").read_text() == table[1]["url"] + "\n"


def test_a_later_run_makes_them_of_the_whole_folder(
    scrape: Scrape, urls: str, server: FaultyServer
) -> None:
    flags = (*QUICK, "-o", "items.csv", "--fields", "url,state")
    scrape.here(urls, *flags)
    with (scrape.folder / urls).open("a") as file:
        file.write(server.url("/new") + "\n")
    assert scrape.here(urls, *flags).code == 3
    assert len(read_csv(scrape.folder / "items.csv")) == 4
    (scrape.folder / "items.csv").unlink()
    again = scrape.here(urls, *flags)
    assert "nothing left to do" in again.stderr
    table = read_csv(scrape.folder / "items.csv")
    assert [[*row] for row in table] == [["url", "state"]] * 4


def test_records_on_standard_output_go_on_beside_them(
    scrape: Scrape, urls: str
) -> None:
    done = scrape.here(urls, *QUICK, "-o", "-", "-o", "items.jsonl", "-q")
    assert done.stdout.count('"state":"done"') == 2
    assert len(read_lines(scrape.folder / "items.jsonl")) == 3


def test_flags_of_a_table_hold_for_those_of_a_run(
    scrape: Scrape, urls: str
) -> None:
    scrape.here(urls, *QUICK, "-o", "items.csv", "--only", "good", "--order",
                "done", "--csv-raw", "--fields", "state, status")  # fmt: skip
    text = (scrape.folder / "items.csv").read_bytes()
    assert text == b"state,status\r\n" + b"done,200\r\n" * 2


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (("-o", "items.xls"), "the extension says the format"),
        (("-o", "urls.txt"), "-o urls.txt: a list is called remaining.txt"),
        (("-o", "nowhere/items.csv"), "there is no folder"),
        (("-o", "items.csv", "--fields", "titel"), "did you mean title?"),
        (("-o", "items.csv", "--only", "bad"), "only = 'bad'"),
        (("-o", "a.csv", "-o", "a.csv"), "are one file"),
    ],
)
def test_what_cannot_be_made_is_said_before_the_first_request(
    flags: tuple[str, ...],
    says: str,
    scrape: Scrape,
    urls: str,
    server: FaultyServer,
) -> None:
    done = scrape.here(urls, *QUICK, *flags)
    assert done.code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert server.count() == 0
    assert not done.folder.exists()


def test_the_list_itself_is_never_replaced(
    scrape: Scrape, server: FaultyServer
) -> None:
    scrape.list_of(server.url("/a"), name="failed.txt")
    done = scrape.here("failed.txt", *QUICK, "-o", "failed.txt")
    assert done.code == 2
    assert "-o failed.txt is the list" in done.stderr
    assert server.count() == 0


def test_without_pyarrow_one_line_comes_before_anything_is_read(
    scrape: Scrape, server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.json", None)
    done = scrape.here("missing.txt", *QUICK, "-o", "items.parquet")
    assert done.code == 2
    scrape.list_of(server.url("/a"))
    done = scrape.here("urls.txt", *QUICK, "-o", "items.parquet")
    assert (done.code, server.count()) == (2, 0)
    assert "pip install 'scraper[parquet]'" in done.stderr


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_after_a_signal_the_summary_names_the_command(
    quiet: tuple[str, ...], scrape: Scrape
) -> None:
    site = {"/robots.txt": status(404), "/a": page("a"), "/b": silent()}
    with FaultyServer(site) as server:
        urls = scrape.list_of(server.url("/a"), server.url("/b"))
        process = subprocess.Popen(
            [sys.executable, "-m", "scraper", urls, "-d", "run", "--grace", "0", "--save-only",
             *quiet, "-o", "my items.csv", "--fields", "url", "--only", "good",
             "--order", "done", "--csv-raw"],
            cwd=scrape.folder, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        server.wait_for(3)
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    (line,) = [each for each in stderr.splitlines() if "not made" in each]
    _, _, command = line.partition("not made: my items.csv; ")
    assert not (scrape.folder / "my items.csv").exists()
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "scraper"]
    assert scrape.inside(*words[3:], dir=None).code == 0
    assert (scrape.folder / "my items.csv").read_bytes().startswith(b"url\r\n")


def test_a_limit_is_an_end_by_itself(
    scrape: Scrape,
) -> None:
    with FaultyServer({"/robots.txt": status(404), "/*": page("x")}) as other:
        slow = scrape.list_of(*(other.url(f"/{n}") for n in range(50)))
        done = scrape.here(
            slow, "--delay", "1", "--per-host", "1", "--max-urls", "2",
            "-o", "items.csv",
        )  # fmt: skip
    assert done.code == 5
    assert "items.csv: 2 rows" in done.stderr


def test_leaving_a_loop_early_makes_nothing(
    tmp_path: Path, server: FaultyServer
) -> None:
    file = tmp_path / "items.csv"
    config = scraper.configure(output=[str(file)], robots="off", save_only=True)
    with scraper.stream([server.url("/a"), server.url("/b")], config) as run:
        next(run)
    assert not file.exists()
    with scraper.stream([server.url("/a"), server.url("/b")], config) as run:
        assert len(list(run)) == 2
    assert len(read_csv(file)) == 2, "and the folder was a temporary one"


def test_a_table_that_cannot_be_written_is_the_error_of_the_run(
    scrape: Scrape, urls: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("scraper.exports.replacing.os.fsync", refuse)
    done = scrape.here(urls, *QUICK, "-o", "items.csv")
    assert done.code == LocalFault.exit_code
    assert "no space left on the disk" in done.stderr
    assert (
        "not made: items.csv; python -m scraper export run -o items.csv"
        in done.stderr
    )
    assert not (scrape.folder / "items.csv").exists()
    assert len(done.records) == 3


def test_a_session_makes_none(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"scraper\.export\(folder, 'items\.csv'\) does"
    ):
        scraper.Session(output=["items.csv"])


def test_the_command_of_a_run_with_defaults_is_short() -> None:
    exports = RunExports(scraper.configure(output=["a.csv", "-", "b.json"]))
    assert exports.command(Path("run")) == (
        "python -m scraper export run -o a.csv -o b.json"
    )


# -- the command -------------------------------------------------------------------------------


def test_export_makes_tables_of_a_folder_or_of_its_list(
    scrape: Scrape, urls: str
) -> None:
    scrape.here(urls, *QUICK, dir=None)
    for folder in ("downloads/urls", urls):
        done = scrape.inside(
            "export", folder, "-o", "items.csv", "-o", "failed.txt", dir=None
        )
        assert (done.code, done.stdout) == (0, "")
        assert done.stderr == "items.csv: 3 rows\nfailed.txt: 1 row\n"
    done = scrape.inside("export", urls, "-o", "i.csv", "--fields", "url,pass",
                  "--only", "failed", "--order", "done", "--pass", "1",
                  "--csv-raw", dir=None)  # fmt: skip
    assert done.stderr == "i.csv: 1 row\n"
    assert (scrape.folder / "i.csv").read_text().startswith("url,pass\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run",), "export needs a file"),
        (("nowhere", "-o", "a.csv"), "no run in nowhere"),
        (("run", "-o", "a.xls"), "the extension says the format"),
        (("run", "-o", "a.csv", "--fields", "titel"), "did you mean title?"),
        (("run", "-o", "a.csv", "--only", "bad"), "invalid choice: 'bad'"),
        (("run", "-o", "run/records.jsonl"), "is a file of the run itself"),
        (("run", "-o", "urls.txt"), "a list is called remaining.txt"),
    ],
)
def test_what_export_cannot_do_is_one_clear_line(
    arguments: tuple[str, ...], says: str, scrape: Scrape, urls: str
) -> None:
    scrape.here(urls, *QUICK)
    done = scrape.inside("export", *arguments, dir=None)
    assert done.code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_folder_in_use_by_a_run_is_exported_as_far_as_it_is(
    tmp_path: Path, server: FaultyServer
) -> None:
    folder = tmp_path / "run"
    config = scraper.configure(dir=str(folder), robots="off", save_only=True)
    urls = [server.url(f"/{number}") for number in range(40)]
    counts = []
    with scraper.stream(urls, config) as run:
        for number, outcome in enumerate(run, 1):
            if number % 10:
                continue
            rows = read_lines(scraper.export(folder, tmp_path / "i.jsonl"))
            assert outcome.record in rows
            counts.append(len(rows))
    assert counts == sorted(counts)
    assert counts[0] >= 10
    assert counts[-1] == 40


@pytest.mark.parametrize(
    ("name", "rows", "why"),
    [
        ("urls.csv", "url,id\n{url},7\n", "did you mean 'input.id'"),
        ("urls.txt", "{url}\n", "has no columns of yours"),
    ],
)
def test_a_column_that_no_list_has_is_said_before_anything_is_asked(
    scrape: Scrape, server: FaultyServer, name: str, rows: str, why: str
) -> None:
    (scrape.folder / name).write_text(rows.format(url=server.url("/a")))
    flags = (*QUICK, "-o", "items.csv", "--fields", "url,input.idd")
    refused = scrape.here(name, *flags)
    assert refused.code == 2
    assert "--fields: there is no 'input.idd'" in refused.stderr
    assert why.replace("'", "") in refused.stderr.replace("'", "")
    assert not server.seen
    assert scrape.here(name, *QUICK).code == 0
    again = scrape.here(name, *flags)
    assert again.code == 2
    assert again.stderr.splitlines()[-1:] == refused.stderr.splitlines()[-1:]
    assert "1 done" not in again.stderr
    assert not (scrape.folder / "items.csv").exists()


def test_a_column_of_later_rows_of_json_is_no_mistake(
    scrape: Scrape, server: FaultyServer
) -> None:
    line = '{"url": "' + server.url("/a") + '"}\n'
    last = '{"url": "' + server.url("/b") + '", "id": 7}\n'
    list = scrape.folder / "urls.jsonl"
    list.write_text(line * 200 + last)
    flags = (*QUICK, "-o", "items.csv", "--fields", "url,input.id")
    assert scrape.here("urls.jsonl", *flags).code == 0
    assert read_csv(scrape.folder / "items.csv")[-1]["input.id"] == "7"
    (scrape.folder / "more.csv").write_text(f"url\n{server.url('/c')}\n")
    joined = scrape.here("more.csv", "--add-list", *flags)
    assert joined.code == 0, joined.stderr


@pytest.mark.parametrize("rows", [(), ("--rows", "items")])
def test_columns_of_a_list_are_asked_for_by_their_own_names(
    scrape: Scrape, server: FaultyServer, rows: tuple[str, ...]
) -> None:
    table = f"id,name,url\n7,Lamp,{server.url('/a')}\n"
    (scrape.folder / "urls.csv").write_text(table)
    recipe = ("--each", "title", "--select", "text=:self")
    made = (*rows, "-o", "items.csv", "--fields", "id,name")
    done = scrape.inside("urls.csv", *QUICK, *recipe, *made)
    assert done.code == 0, done.stderr
    expected = [{"id": "7", "name": "Lamp"}]
    assert read_csv(scrape.folder / "items.csv") == expected
    (scrape.folder / "items.csv").unlink()
    again = scrape.inside("export", str(done.folder), *made, dir=None)
    assert again.code == 0, again.stderr
    assert read_csv(scrape.folder / "items.csv") == expected


def test_an_unknown_name_is_told_all_that_the_user_has_named(
    scrape: Scrape, server: FaultyServer
) -> None:
    table = f"id,name,url\n7,Lamp,{server.url('/a')}\n"
    (scrape.folder / "urls.csv").write_text(table)
    made = ("--select", "price=.price", "-o", "a.csv", "--fields", "nmae")
    done = scrape.inside("urls.csv", *QUICK, *made)
    assert done.code == 2
    assert done.stderr.rstrip().endswith(
        "--fields: there is no 'nmae'; did you mean name?; fields of recipes: price; "
        "columns of your lists: id, name; docs/records.md lists all others"
    )
    assert server.count() == 0
    assert not done.folder.exists()
