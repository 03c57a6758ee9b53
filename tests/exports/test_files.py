"""Which files may be asked for, and that each is there as a whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest

import scraper
from scraper.errors import LocalFault, UsageError
from scraper.exports.files import check_formats, check_places
from tests.conftest import PROJECT
from tests.exports.made import Made, make_folder
from tests.exports.readers import READERS, each_of

URLS = [
    Made(str(n), {n + 2: {"note": f"No. {n}"}}, {"title": "x" * 3_000})
    for n in range(300)
]
FILES = [f"items{format}" for format in READERS] + [
    "remaining.txt",
    "failed.csv",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    states = [each._replace(state="failed") for each in URLS[:50]]
    folder: Path = tmp_path_factory.mktemp("made") / "run"
    return make_folder(folder, [*states, *URLS[50:]], ["Link", "note"])


# -- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("items", "the extension says the format, one of .csv .tsv .json"),
        ("items.cvs", "did you mean .csv?"),
        ("items.xlsx", "one of .csv .tsv .json .jsonl .parquet .sqlite"),
        ("items.txt", "a list is called remaining.txt or failed.txt"),
        ("failed.sqlite", "no list is a database; failed.csv is one"),
        ("-", "name a file, such as items.jsonl"),
    ],
)
def test_a_name_of_no_format_is_one_clear_line(name: str, says: str) -> None:
    with pytest.raises(UsageError) as raised:
        check_formats(["good.csv", name])
    assert says in str(raised.value)


def test_names_are_told_by_their_ends_whatever_their_case() -> None:
    check_formats(["ITEMS.CSV", "a.b.jsonl", "Remaining.TXT", "failed.tsv"])


def test_parquet_needs_its_library_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, folder: Path, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.json", None)
    with pytest.raises(UsageError, match=r"pip install 'scraper\[parquet\]'"):
        scraper.export(folder, tmp_path / "items.parquet")


# -- places ------------------------------------------------------------------------------------


def test_what_would_be_lost_is_never_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    for inner in (".scraper", "pages"):
        (run / inner).mkdir(parents=True)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "link.csv").symlink_to("urls.csv")
    (tmp_path / "urls.csv").touch()
    lists = [f"file:{tmp_path}/urls.csv", "stdin"]
    for name, says in (
        ("urls.csv", "is the list"),
        ("link.csv", "is the list"),
        ("run/records.jsonl", "is a file of the run itself"),
        ("run/pages/items.csv", "is a file of the run itself"),
        ("run/.scraper/items.csv", "is a file of the run itself"),
        ("nowhere/items.csv", "there is no folder"),
        ("folder.csv", "is there and no file"),
    ):
        with pytest.raises(UsageError, match=says):
            check_places([name], run, lists)
    with pytest.raises(UsageError, match=r"-o a\.csv and -o \./a\.csv are one"):
        check_places(["a.csv", "./a.csv"], run, lists)
    check_places(["a.csv", "run/items.csv", "records.jsonl"], run, lists)


def test_a_folder_that_the_run_will_make_may_take_it(tmp_path: Path) -> None:
    check_places([f"{tmp_path}/new/items.csv"], tmp_path / "new", ())
    with pytest.raises(UsageError, match="is a file of the run itself"):
        check_places([f"{tmp_path}/new/records.jsonl"], tmp_path / "new", ())


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_takes_nothing_says_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="cannot be written to"):
        check_places([f"{tmp_path}/items.csv"], tmp_path / "run", ())


def test_a_list_of_the_folder_is_not_replaced(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "run", [Made("a", {2: {}})])
    (tmp_path / "urls.csv").write_text("Link\n")
    with closing(sqlite3.connect(folder / ".scraper/ledger.sqlite")) as db:
        db.execute(
            "INSERT INTO meta VALUES ('inputs', json_object(?, 1))",
            (f"file:{tmp_path}/urls.csv",),
        )
        db.commit()
    with pytest.raises(UsageError, match="is the list"):
        scraper.export(folder, tmp_path / "urls.csv")


def test_a_link_stays_one_and_leads_to_the_new_table(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    scraper.export(folder, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_bytes().count(b"\n") == 301


# -- whole or absent ---------------------------------------------------------------------------

# In a child for each limit: a file may be so large, and the write that goes beyond it kills
# (SIGXFSZ), or fails as on a full disk; or the last step before the name kills.
TRIALS = textwrap.dedent("""
    import json, os, resource, signal, sys
    from pathlib import Path
    import scraper
    from scraper.errors import LocalFault

    folder, file, *limits = sys.argv[1:]
    if file.endswith("parquet"):
        import pyarrow.json, pyarrow.parquet

    def trial(how, limit):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if limit == "name":
            os.replace = lambda *names: os.kill(os.getpid(), signal.SIGKILL)
        else:
            if how == "kill":
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            sys.dont_write_bytecode = True  # a limit would cut what others import
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
        try:
            scraper.export(folder, file)
        except LocalFault as fault:
            os._exit(5 if "ulimit -f" in str(fault) or "no space left" in str(fault) else 9)
        os._exit(0)

    ends = {"kill": [], "full": []}
    for how, found in ends.items():
        for limit in limits:
            child = os.fork()
            if not child:
                try:
                    trial(how, limit)
                finally:
                    os._exit(8)
            found.append(os.waitpid(child, 0)[1])
    print(json.dumps(ends))
""")


def ends_of(
    folder: Path, file: Path, limits: list[object]
) -> dict[str, list[int]]:
    """How each trial ended, as `os.waitpid` says it."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            TRIALS,
            str(folder),
            str(file),
            *map(str, limits),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    ends: dict[str, list[int]] = json.loads(done.stdout)
    return ends


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="limits of POSIX")
@pytest.mark.parametrize("name", each_of(FILES))
def test_an_export_that_is_cut_short_leaves_what_was_there(
    name: str, folder: Path, tmp_path: Path
) -> None:
    file = tmp_path / name
    scraper.export(folder, file)
    whole = file.read_bytes()
    file.write_bytes(b"an earlier one")
    places = [0, len(whole) // 3, len(whole) - 1]
    limits = [each for each in places if each < len(whole)]
    ends = ends_of(folder, file, [*limits, "name"])
    *killed, named = ends["kill"]
    assert all(os.WTERMSIG(end) == signal.SIGXFSZ for end in killed)
    assert os.WTERMSIG(named) == signal.SIGKILL
    *full, named = ends["full"]
    assert [os.waitstatus_to_exitcode(end) for end in full] == [5] * len(full)
    assert os.WTERMSIG(named) == signal.SIGKILL
    assert file.read_bytes() == b"an earlier one"
    assert list(tmp_path.glob(".*.part")), "a kill leaves something beside it"
    scraper.export(folder, file)
    assert file.read_bytes() == whole or name.endswith("sqlite")
    assert sorted(each.name for each in tmp_path.iterdir()) == [name]


def test_what_another_process_writes_is_left_alone(
    folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / f".items.csv.{os.getppid()}.part"
    foreign = tmp_path / ".items.csv.x.part"
    for each in (other, foreign):
        each.touch()
    scraper.export(folder, tmp_path / "items.csv")
    assert other.exists()
    assert foreign.exists()


def test_a_full_disk_is_one_clear_error(folder: Path) -> None:
    """Of the folder for temporary files, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scraper.storage.readers.snapshot.read", _raise_full)
        with pytest.raises(
            LocalFault, match="no space left on the disk: the folder for temp"
        ):
            scraper.export(folder, folder.parent / "items.csv")
    assert not (folder.parent / "items.csv").exists()


def _raise_full(*_: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")
