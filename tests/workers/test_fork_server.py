"""Where the fork server's socket lies, and what is left of it after a kill."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from scraper.errors import LocalFault, UsageError
from scraper.faulty import Exchange, FaultyServer, page
from scraper.machine.temporary import TemporaryFolder
from scraper.workers import fork_server
from scraper.workers.fork_server import HOME
from tests.conftest import PROJECT
from tests.stories.runs import records_of

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="there is no fork server"
)

PAGES = 6
PATIENCE_SECONDS = 10.0


class Site:
    """Pages, of which all but the first are held until `go_on`."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def answer(self, exchange: Exchange) -> None:
        if exchange.seen.path != "/0":
            self.go_on.wait(20)
        page("<p>A page")(exchange)


@pytest.fixture
def site() -> Site:
    return Site()


def _start(
    folder: Path,
    server: FaultyServer,
    temporary: Path,
    program: str = "-m scraper",
) -> subprocess.Popen[str]:
    temporary.mkdir(parents=True, exist_ok=True)
    lines = [server.url(f"/{number}") + "\n" for number in range(PAGES)]
    (folder / "urls.txt").write_text("".join(lines))
    return subprocess.Popen(
        ["bash", "-c", f"exec {sys.executable} {program} urls.txt --dir run --robots off -p 2"],
        cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TMPDIR": str(temporary)},
    )  # fmt: skip


def _finished(process: subprocess.Popen[str], folder: Path) -> str:
    """What it said; it has done everything."""
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert {each["state"] for each in records_of(folder / "run")} == {"done"}
    assert "Traceback" not in said
    return said


def _left_in(temporary: Path) -> list[str]:
    return [each.name.rpartition("-")[0] + "-" for each in temporary.iterdir()]


def test_a_run_leaves_no_temporary_folder(tmp_path: Path, site: Site) -> None:
    site.go_on.set()
    with FaultyServer(site.answer) as server:
        _finished(_start(tmp_path, server, tmp_path / "t"), tmp_path)
    assert _left_in(tmp_path / "t") == []


def test_what_a_kill_leaves_is_gone_with_the_next_run(
    tmp_path: Path, site: Site
) -> None:
    temporary = tmp_path / "t"
    with FaultyServer(site.answer) as server:
        process = _start(tmp_path, server, temporary)
        server.wait_for(2, 30)
        _await_workers(tmp_path / "run")
        process.kill()
        # Standard error ends when the last one that could write to it has ended.
        _, said = process.communicate(timeout=60)
        assert _left_in(temporary) == [HOME]
        assert said == "", "no warning of a tracker of semaphores"

        site.go_on.set()
        _finished(_start(tmp_path, server, temporary), tmp_path)
    assert _left_in(temporary) == []


def _await_workers(folder: Path) -> None:
    """Wait until there is one; how long that takes depends on the machine."""
    deadline, pause = time.monotonic() + PATIENCE_SECONDS, threading.Event()
    while not any(folder.glob(".scraper/parts/*/begun-*")):
        assert time.monotonic() < deadline
        pause.wait(0.01)


def test_a_folder_that_is_in_use_is_left_to_its_run(
    tmp_path: Path, site: Site
) -> None:
    (tmp_path / "other").mkdir()
    with FaultyServer(site.answer) as server:
        one = _start(tmp_path, server, tmp_path / "t")
        server.wait_for(2, 30)
        site.go_on.set()
        _finished(
            _start(tmp_path / "other", server, tmp_path / "t"),
            tmp_path / "other",
        )
        _finished(one, tmp_path)


@pytest.mark.skipif(
    sys.platform != "linux", reason="paths of sockets are shortened by /proc"
)
def test_the_folder_for_temporary_files_may_have_a_long_name(
    tmp_path: Path, site: Site
) -> None:
    temporary = tmp_path / ("t" * 120)
    site.go_on.set()
    with FaultyServer(site.answer) as server:
        _finished(_start(tmp_path, server, temporary), tmp_path)
    assert _left_in(temporary) == []


def test_no_folder_for_temporary_files_is_needed(
    tmp_path: Path, site: Site
) -> None:
    (tmp_path / "program.py").write_text(
        "import sys, tempfile\n"
        "tempfile._candidate_tempdir_list = lambda: ['/nowhere']\n"
        "from scraper.cli import main\n"
        "if __name__ == '__main__':\n"
        "    sys.exit(main())\n"
    )
    site.go_on.set()
    with FaultyServer(site.answer) as server:
        _finished(
            _start(tmp_path, server, tmp_path / "t", "program.py"), tmp_path
        )
    assert _left_in(tmp_path / "t") == []


def test_what_others_start_keeps_its_own_temporary_folder(
    tmp_path: Path, site: Site
) -> None:
    (tmp_path / "program.py").write_text(
        "import sys, multiprocessing\n"
        "from multiprocessing import util\n"
        "from scraper.cli import main\n"
        "if __name__ == '__main__':\n"
        "    code = main()\n"
        "    assert 'pymp-' in util.get_temp_dir()\n"
        "    with multiprocessing.Manager() as manager:\n"
        "        assert list(manager.list([1])) == [1]\n"
        "    sys.exit(code)\n"
    )
    site.go_on.set()
    with FaultyServer(site.answer) as server:
        _finished(
            _start(tmp_path, server, tmp_path / "t", "program.py"), tmp_path
        )


# -- which place --------------------------------------------------------------------------------


def _none(*_: object, **__: object) -> str:
    raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found")


def test_a_socket_lies_in_the_usual_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    home = fork_server._make_home(None)
    assert home is not None
    assert home.path.parent == tmp_path
    home.remove()


def test_a_socket_lies_elsewhere_if_no_short_path_leads_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setattr(
        TemporaryFolder, "short_path", lambda self, max_bytes: str(self.path)
    )
    monkeypatch.setattr(
        fork_server, "USUAL_PLACES", (tmp_path / "absent", Path("/tmp"))
    )
    home = fork_server._make_home(None)
    assert home is not None
    assert home.path.parent == Path("/tmp")
    assert list(long.iterdir()) == []
    home.remove()


def test_without_any_usual_place_the_run_folder_has_the_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "gettempdir", _none)
    monkeypatch.setattr(fork_server, "USUAL_PLACES", (tmp_path / "absent",))
    assert fork_server._make_home(None) is None, "no folder is known yet: later"
    home = fork_server._make_home(tmp_path)
    assert home is not None
    assert home.path.parent == tmp_path
    home.remove()


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(errno.EROFS, "Read-only file system"), UsageError),
        (OSError(errno.ENOSPC, "No space left on device"), LocalFault),
    ],
)
def test_without_any_place_for_a_socket_it_says_what_to_do(
    error: OSError,
    raised: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(raised, match=r"set TMPDIR|no space left"):
        fork_server._make_home(tmp_path)


FORKED = """
import multiprocessing, os, sys
import scraper

def run(urls, folder):
    config = scraper.configure(dir=folder, robots="off", processes=1)
    return scraper.run(urls, config).done

def run_in_pool(urls, folder):
    try:
        return run(urls, folder)
    except scraper.UsageError as error:
        return str(error)

if __name__ == "__main__":
    urls = sys.argv[1:]
    fork = multiprocessing.get_context("fork")
    print(run(urls, "first"), flush=True)
    child = os.fork()
    if not child:
        print(run(urls, "forked"), flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    process = fork.Process(target=lambda: print(run(urls, "process"), flush=True))
    process.start()
    process.join()
    assert process.exitcode == 0
    print(run(urls, "last"), flush=True)
    with fork.Pool(1) as pool:
        print(pool.apply(run_in_pool, (urls, "pool")), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_child_that_was_forked_after_a_run_may_run_too(
    tmp_path: Path,
) -> None:
    (tmp_path / "forked.py").write_text(FORKED)
    with FaultyServer({"/*": page("x")}) as server:
        done = subprocess.run(
            [sys.executable, "forked.py", server.url("/a"), server.url("/b")],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(PROJECT)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *counts, pool = done.stdout.splitlines()
    assert counts == ["2"] * 4
    assert "ProcessPoolExecutor" in pool


def test_what_workers_share_is_never_collected() -> None:
    """A collection writes to each object that it looks at, and so copies its page."""
    script = """
import gc, scraper.workers.preload
shared = gc.get_freeze_count()
print(shared, sum(1 for each in gc.get_objects()), gc.isenabled())
"""
    ran = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    frozen, others, enabled = ran.stdout.split()
    assert int(frozen) > 50 * int(others)
    assert enabled == "True"
