"""`prune`: the files of what is long gone go, and nothing else does."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scraper.cli.scrape import main
from scraper.errors import InUse, LocalFault
from scraper.faulty import FaultyServer, etag, status
from scraper.run_folder.pruning import Pruned, prune
from scraper.run_folder.verification import verify
from scraper.storage.readers.inventory import Fault
from scraper.storage.store import Store
from tests.stories import writes
from tests.stories.changing import ChangingSite
from tests.stories.runs import last_of, records_of
from tests.stories.test_reprocess import _picture

PATHS = tuple(f"/{number}" for number in range(6))
FOREVER = {"max_gone": "100%"}
DAY = 86_400.0
FILES_THAT_STAY = ("records.jsonl", "errors.jsonl", "changes.jsonl")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[ChangingSite]:
    pages = {path: etag(b"<p>" + path.encode(), '"1"') for path in PATHS}
    with FaultyServer(pages) as server:
        yield ChangingSite(server, tmp_path)


def _later() -> float:
    """By then all that is gone now has been gone for long."""
    return time.time() + DAY


def _faults(folder: Path) -> list[tuple[str, str]]:
    faults: list[Fault] = []
    verify(folder, faults.append)
    return [(each.fault, each.path) for each in faults]


def _bodies(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for name in ("pages", "images", "files", "processed")
        for path in (folder / name).rglob("*")
        if path.is_file()
    }


def _empty_folders(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for name in ("pages", "images", "files", "processed")
        for path in (folder / name).rglob("*")
        if path.is_dir() and not any(path.iterdir())
    }


def _path_of(site: ChangingSite, path: str) -> str:
    """Where a record has said that the body of a URL lies."""
    found = {
        each["path"]
        for each in records_of(site.folder)
        if each["url"] == site.server.url(path) and each.get("path")
    }
    assert len(found) == 1
    return str(found.pop())


def _two_nights(site: ChangingSite, **keys: Any) -> None:
    """/4 answers 404, and /5 is on no list any more."""
    site.night(*PATHS, **FOREVER, **keys)
    site.server.behaviours["/4"] = status(404)
    site.night(*PATHS[:5], **FOREVER, **keys)
    assert site.told(2) == {
        "/4": ("gone", "http_404"),
        "/5": ("gone", "unlisted"),
    }


# -- what goes ---------------------------------------------------------------------------------


def test_what_is_long_gone_goes_and_all_else_stays(site: ChangingSite) -> None:
    _two_nights(site)
    before = {
        name: (site.folder / name).read_bytes() for name in FILES_THAT_STAY
    }
    gone = {_path_of(site, "/4"), _path_of(site, "/5")}
    stays = _bodies(site.folder) - gone
    pruned = prune(site.folder, _later())
    assert (pruned.urls, pruned.files, pruned.leftovers) == (2, 2, 0)
    assert pruned.bytes == 2 * len(b"<p>/4")
    assert _bodies(site.folder) == stays
    assert _faults(site.folder) == []
    assert before == {
        name: (site.folder / name).read_bytes() for name in FILES_THAT_STAY
    }
    assert prune(site.folder, _later()) == Pruned()


def test_what_is_gone_for_a_shorter_time_stays(site: ChangingSite) -> None:
    _two_nights(site)
    bodies = _bodies(site.folder)
    assert prune(site.folder, time.time() - DAY) == Pruned()
    assert _bodies(site.folder) == bodies


def test_a_dry_run_says_the_same_and_writes_nothing(site: ChangingSite) -> None:
    _two_nights(site)
    before = {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in site.folder.rglob("*")
        if path.is_file()
    }
    later = _later()
    said = prune(site.folder, later, dry_run=True)
    assert before == {
        path: (path.stat().st_mtime_ns, path.read_bytes())
        for path in site.folder.rglob("*")
        if path.is_file()
    }
    assert said == prune(site.folder, later)


def test_an_unclear_answer_is_not_gone(site: ChangingSite) -> None:
    site.night(*PATHS, **FOREVER)
    site.server.behaviours["/4"] = status(500)
    site.night(*PATHS, **FOREVER)
    assert prune(site.folder, _later()).files == 0


def test_a_picture_goes_with_its_variants(site: ChangingSite) -> None:
    site.server.behaviours["/5"] = etag(_picture(7), '"1"', "image/png")
    keys: dict[str, Any] = {
        "save_only": False,
        "processes": 1,
        "resize": "60",
        **FOREVER,
    }
    site.night(*PATHS, **keys)
    assert any(name.startswith("processed/") for name in _bodies(site.folder))
    site.night(*PATHS[:5], **keys)
    assert prune(site.folder, _later()).files == 2
    assert len(_bodies(site.folder)) == 5
    assert _faults(site.folder) == []


def test_a_folder_goes_with_its_last_file(site: ChangingSite) -> None:
    """One of them has another program's file; that another has made is not ours to remove."""
    _two_nights(site, name="{host}/{stem}/page{ext}")
    used = (site.folder / _path_of(site, "/5")).parent
    (used / "notes.txt").write_text("mine")
    (site.folder / "pages/mine").mkdir()
    gone = (site.folder / _path_of(site, "/4")).parent
    assert prune(site.folder, _later()).files == 2
    assert not gone.exists()
    assert [path.name for path in used.iterdir()] == ["notes.txt"]
    assert _empty_folders(site.folder) == {"pages/mine"}
    site.server.behaviours |= dict.fromkeys(PATHS, status(404))
    site.night(*PATHS, **FOREVER)
    assert prune(site.folder, _later()).files == 4
    assert {each.name for each in (site.folder / "pages").iterdir()} == {
        "mine",
        used.parent.name,
    }
    (used / "notes.txt").unlink()
    site.server.behaviours["/5"] = etag(b"<p>/5", '"1"')
    site.night(*PATHS, **FOREVER)
    assert _faults(site.folder) == []


def test_equal_bytes_of_a_living_url_stay(site: ChangingSite) -> None:
    site.server.behaviours |= {
        path: etag(b"<p>the same", '"1"') for path in PATHS
    }
    _two_nights(site)
    assert prune(site.folder, _later()).bytes == 0, "others have the bytes"
    assert len(_bodies(site.folder)) == 4
    assert _faults(site.folder) == []
    site.night(*PATHS[:5], "/new", **FOREVER)
    assert _faults(site.folder) == []


# -- what comes back ---------------------------------------------------------------------------


@pytest.mark.parametrize("refresh", [True, False])
def test_what_comes_back_to_the_list_is_asked_in_full(
    site: ChangingSite, *, refresh: bool
) -> None:
    _two_nights(site)
    prune(site.folder, _later())
    asked = site.server.count("/5")
    site.night(*PATHS, refresh=refresh, **FOREVER)
    assert site.server.count("/5") == asked + 1
    assert last_of(site.folder)[site.server.url("/5")]["status"] == 200
    assert (site.folder / _path_of(site, "/5")).read_bytes() == b"<p>/5"
    assert _faults(site.folder) == []
    assert site.told(3)["/5"] == ("back",)


def test_what_answers_again_is_asked_in_full(site: ChangingSite) -> None:
    _two_nights(site)
    prune(site.folder, _later())
    site.server.behaviours["/4"] = etag(b"<p>/4", '"1"')
    site.night(*PATHS[:5], **FOREVER)
    assert last_of(site.folder)[site.server.url("/4")]["status"] == 200
    assert site.told(3) == {"/4": ("back",)}
    assert _faults(site.folder) == []
    assert prune(site.folder, _later()).files == 0


# -- files that no last record names -----------------------------------------------------------


def _leave(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_only_what_a_record_has_named_goes_of_other_files(
    site: ChangingSite,
) -> None:
    """One came back after a power loss; one has its name, and is not what it was; one is none of
    ours."""
    _two_nights(site)
    paths = _path_of(site, "/4"), _path_of(site, "/5")
    prune(site.folder, _later())
    ours = _leave(site.folder, paths[0], b"<p>/4")
    edited = _leave(site.folder, paths[1], b"<p>notes of mine")
    foreign = _leave(site.folder, "pages/mine/notes.txt", b"notes")
    dry = prune(site.folder, _later(), dry_run=True)
    assert (dry.leftovers, dry.bytes, dry.unknown) == (1, 5, 2)
    assert prune(site.folder, _later()) == dry
    assert not ours.exists()
    assert edited.read_bytes() == b"<p>notes of mine"
    assert foreign.read_bytes() == b"notes"
    assert {fault for fault, _ in _faults(site.folder)} == {"stray"}


def test_a_link_in_the_place_of_a_folder_leads_nowhere(
    site: ChangingSite, tmp_path: Path
) -> None:
    _two_nights(site)
    path = site.folder / _path_of(site, "/5")
    moved = tmp_path / "elsewhere"
    path.parent.rename(moved)
    path.parent.symlink_to(moved)
    assert prune(site.folder, _later()).files == 0
    assert (moved / path.name).exists()


# -- passes, and the ledger --------------------------------------------------------------------


def _passes(folder: Path) -> list[int]:
    with sqlite3.connect(folder / ".scraper/ledger.sqlite") as ledger:
        rows = ledger.execute("SELECT number FROM pass ORDER BY number")
        return [number for (number,) in rows]


def test_passes_that_nothing_refers_to_are_forgotten(
    site: ChangingSite,
) -> None:
    for _ in range(4):
        site.night(*PATHS, **FOREVER)
    assert prune(site.folder, time.time() - DAY).passes == 0
    # the facts of all stand in the first one
    assert prune(site.folder, _later()).passes == 2
    assert _passes(site.folder) == [1, 4]
    site.night(*PATHS, **FOREVER)
    assert _passes(site.folder) == [1, 4, 5]
    assert _faults(site.folder) == []


# -- who else is there -------------------------------------------------------------------------


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_folder_in_use_is_refused(
    site: ChangingSite, *, dry_run: bool
) -> None:
    _two_nights(site)
    bodies = _bodies(site.folder)
    store = Store(site.folder)
    store.open()
    try:
        with pytest.raises(InUse, match="in use"):
            prune(site.folder, _later(), dry_run=dry_run)
    finally:
        store.close()
    assert _bodies(site.folder) == bodies


def test_the_command_says_it(
    site: ChangingSite, capsys: pytest.CaptureFixture[str]
) -> None:
    _two_nights(site)
    words = ["prune", str(site.folder), "--gone", "0"]
    assert main([*words, "--dry-run"]) == 0
    assert "would be removed: 2 files of 2 URLs" in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["urls"], said["files"], said["dry_run"]) == (2, 2, False)
    assert main(words) == 0
    assert "removed: 0 files" in capsys.readouterr().out
    assert main(["prune", str(site.folder)]) == 2
    assert main(["prune", str(site.folder), "--gone", "soon"]) == 2
    assert main(["prune", str(site.folder / "none"), "--gone", "1d"]) == 2


# -- kill it anywhere --------------------------------------------------------------------------


@pytest.fixture
def many(site: ChangingSite, monkeypatch: pytest.MonkeyPatch) -> ChangingSite:
    """Whose files go in several commits, and their folders with them."""
    monkeypatch.setattr("scraper.run_folder.pruning._AT_ONCE", 1)
    keys = {**FOREVER, "name": "{host}/{stem}/page{ext}"}
    _two_nights(site, name=keys["name"])
    gone = _path_of(site, "/4")
    prune(site.folder, _later())
    _leave(site.folder, gone, b"<p>/4")
    site.server.behaviours["/3"] = status(410)
    site.night(*PATHS[:3], "/3", **keys)
    site.night("/0", "/1", "/3", **keys)
    return site


def _check_killed(site: ChangingSite, folder: Path) -> None:
    """Nothing that lives is lost, and the next one finishes."""
    left = {path for _, path in _faults(folder)}
    assert left <= {_path_of(site, "/4")}, "that was a stray before"
    prune(folder, _later())
    assert _faults(folder) == []
    living = {_path_of(site, path) for path in ("/0", "/1")}
    assert _bodies(folder) == living


def _prunes(folder: Path) -> bool:
    return prune(folder, _later()).files > 0


@pytest.mark.skipif(
    not hasattr(os, "fork"), reason="each is a fork of this process"
)
def test_a_kill_at_any_write_loses_nothing(
    many: ChangingSite, tmp_path: Path
) -> None:
    for write in range(1, 100):
        folder = tmp_path / f"copy-{write}"
        shutil.copytree(many.folder, folder)
        code = writes.die_before(write, folder, partial(_prunes, folder))
        _check_killed(many, folder)
        assert not _empty_folders(folder)
        if code == 0:
            break
        assert code == writes.KILLED
    assert write > 8


def _fault_of(folder: Path) -> LocalFault | None:
    try:
        prune(folder, _later())
    except LocalFault as fault:
        return fault
    return None


def test_a_full_disk_at_any_write_loses_nothing(
    many: ChangingSite, tmp_path: Path
) -> None:
    for number in range(1, 200):
        folder = tmp_path / f"copy-{number}"
        shutil.copytree(many.folder, folder)
        left = number

        def fill(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise OSError(errno.ENOSPC, "No space left on device")

        with pytest.MonkeyPatch.context() as patch:
            writes.watch(patch, folder, fill)
            if fault := _fault_of(folder):
                assert fault.failure.kind == "disk_full"
        _check_killed(many, folder)
        if left > 0:
            break
    assert number > 15


# -- whatever the nights were ------------------------------------------------------------------


_NIGHTS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(PATHS), unique=True),  # on the list
        st.lists(st.sampled_from(PATHS), unique=True),  # answer 404
        st.booleans(),  # pruned after it
    ),
    min_size=2,
    max_size=5,
)


@settings(max_examples=15, deadline=None)
@given(_NIGHTS)
def test_no_file_goes_that_a_living_url_has(
    tmp_path_factory: pytest.TempPathFactory,
    nights: list[tuple[list[str], list[str], bool]],
) -> None:
    with FaultyServer() as server:
        site = ChangingSite(server, tmp_path_factory.mktemp("nights"))
        for listed, missing, is_pruned in nights:
            server.behaviours |= {
                path: status(404)
                if path in missing
                else etag(b"<p>" + path[1:2].encode(), '"1"')
                for path in PATHS
            }
            site.night(*(listed or PATHS), **FOREVER)
            if is_pruned:
                prune(site.folder, _later())
            assert _faults(site.folder) == []
            for path in set(listed or PATHS).difference(missing):
                content = (site.folder / _path_of(site, path)).read_bytes()
                assert content == b"<p>" + path[1:2].encode()
