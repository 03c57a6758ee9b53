"""Scripts that workers import again, and programs that stand in no file."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scraper.faulty import FaultyServer, page
from tests.conftest import PROJECT
from tests.stories.runs import records_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shells of POSIX")

HINT = 'below `if __name__ == "__main__":`'
PAGES = 3


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    with FaultyServer({"/*": page("<title>A page</title>")}) as server:
        yield server


def _program(
    server: FaultyServer, *, options: str, how: str, guarded: bool, before: str
) -> str:
    """A program that prints the states of some pages."""
    urls = [server.url(f"/{number}") for number in range(PAGES)]
    work = {
        "stream": ["with scraper.stream(URLS, CONFIG) as outcomes:",
                   "    states = [outcome.state for outcome in outcomes]"],
        "run": ["report = scraper.run(URLS, CONFIG)", "states = ['done'] * report.done"],
        "cli": ["import scraper.cli", "codes = [scraper.cli.main([*URLS, '-q', '--dir', 'run'])]",
                "states = ['done'] * (not codes[0]) * 3"],
    }[how]  # fmt: skip
    lines = [
        "import scraper",
        f"URLS = {urls}",
        f"CONFIG = scraper.configure(dir='run', robots='off', processes=2, {options})",
        "def title(page):",
        "    return {'length': len(page.text)}",
        before,
    ]
    work = [*work, "print(*states)"]
    lines += (
        ["if __name__ == '__main__':", *(f"    {line}" for line in work)]
        if guarded
        else work
    )
    return "\n".join(lines) + "\n"


def _run(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line.replace("python", sys.executable)],
        cwd=folder, env={**os.environ, "PYTHONPATH": f"{PROJECT}:{folder}"},
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


def _is_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One exception, with the hint in its last line, and nobody else says anything."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("Traceback") == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("scraper.errors.UsageError: ")
    for word in words:
        assert word in last


STARTS = ["python script.py", "python -m script"]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("how", ["stream", "run"])
@pytest.mark.parametrize(
    "options", ["", "html='__main__:title'", "page_images='none', quiet=True"]
)
def test_a_script_without_a_guard_is_told_so_once(
    options: str, how: str, start: str, tmp_path: Path, site: FaultyServer
) -> None:
    script = _program(site, options=options, how=how, guarded=False, before="")
    (tmp_path / "script.py").write_text(script)
    _is_refused(_run(tmp_path, start), HINT, "script")
    assert site.count() == 0


def test_a_script_without_a_guard_that_calls_the_command_line_is_told_so(
    tmp_path: Path, site: FaultyServer
) -> None:
    script = _program(site, options="", how="cli", guarded=False, before="")
    (tmp_path / "script.py").write_text(script)
    done = _run(tmp_path, "python script.py")
    (line,) = done.stderr.splitlines()
    assert HINT in line
    assert site.count() == 0


def test_a_script_that_catches_everything_is_told_all_the_same(
    tmp_path: Path, site: FaultyServer
) -> None:
    script = _program(site, options="", how="run", guarded=False, before="")
    lines = ["try:", *(f"    {each}" for each in script.splitlines() if each),
             "except BaseException as error:", "    print(error)"]  # fmt: skip
    (tmp_path / "script.py").write_text("\n".join(lines))
    done = _run(tmp_path, "python script.py")
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    assert HINT in done.stdout


def test_two_runs_without_a_guard_of_which_only_the_second_has_workers(
    tmp_path: Path, site: FaultyServer
) -> None:
    config = "scraper.configure(dir='first', robots='off', save_only=True)"
    before = f"import os\nscraper.run(URLS, {config})"
    script = _program(site, options="", how="run", guarded=False, before=before)
    (tmp_path / "script.py").write_text(script)
    _is_refused(_run(tmp_path, "python script.py"), HINT)
    assert len(records_of(tmp_path / "first")) == PAGES


def test_what_goes_wrong_when_a_script_is_imported_again_is_said_once(
    tmp_path: Path, site: FaultyServer
) -> None:
    before = "import os\nos.mkdir('made')"
    script = _program(site, options="", how="run", guarded=True, before=before)
    (tmp_path / "script.py").write_text(script)
    _is_refused(
        _run(tmp_path, "python script.py"), HINT, "FileExistsError", "script.py"
    )


def test_a_script_that_ends_when_it_is_imported_again_is_told_so(
    tmp_path: Path, site: FaultyServer
) -> None:
    before = "import os, sys\nif os.path.exists('here'):\n    sys.exit()\nos.mkdir('here')"
    script = _program(site, options="", how="run", guarded=True, before=before)
    (tmp_path / "script.py").write_text(script)
    _is_refused(_run(tmp_path, "python script.py"), HINT, "script.py")


def test_a_script_that_names_itself_as_module_is_told_so(
    tmp_path: Path, site: FaultyServer
) -> None:
    script = _program(
        site, options="html='script:title'", how="run", guarded=False, before=""
    )
    (tmp_path / "script.py").write_text(script)
    _is_refused(_run(tmp_path, "python script.py"), HINT)


@pytest.mark.parametrize("start", STARTS)
def test_a_function_of_a_script_works(
    start: str, tmp_path: Path, site: FaultyServer
) -> None:
    script = _program(
        site,
        options="html='__main__:title'",
        how="stream",
        guarded=True,
        before="",
    )
    (tmp_path / "script.py").write_text(script)
    done = _run(tmp_path, start)
    assert (done.stdout, done.stderr) == ("done done done\n", "")
    assert [
        each["data"]["length"] > 0 for each in records_of(tmp_path / "run")
    ] == [True] * PAGES


def test_a_run_in_a_function_for_pages_fails_those_pages(
    tmp_path: Path, site: FaultyServer
) -> None:
    (tmp_path / "mine.py").write_text(
        "import scraper\ndef f(page):\n    scraper.run([], scraper.configure(dir='other'))\n"
    )
    script = _program(
        site, options="html='mine:f'", how="stream", guarded=True, before=""
    )
    (tmp_path / "script.py").write_text(script)
    assert _run(tmp_path, "python script.py").stdout == "failed failed failed\n"


NO_FILE = {
    "standard input": "python < script.py",
    "a pipe": "cat script.py | python -",
    "-c": 'python -c "$(cat script.py)"',
    "exec in a notebook": (
        "python -c \"import sys, types; m = types.ModuleType('__main__'); "
        "sys.modules['__main__'] = m; exec(open('script.py').read(), m.__dict__)\""
    ),
}


@pytest.mark.parametrize("start", NO_FILE.values(), ids=list(NO_FILE))
@pytest.mark.parametrize("guarded", [False, True])
def test_a_program_without_a_file_works(
    guarded: bool, start: str, tmp_path: Path, site: FaultyServer
) -> None:
    script = _program(
        site, options="", how="stream", guarded=guarded, before=""
    )
    (tmp_path / "script.py").write_text(script)
    done = _run(tmp_path, start)
    assert (done.stdout, done.stderr) == ("done done done\n", "")
    assert records_of(tmp_path / "run")[0]["title"] == "A page"


@pytest.mark.parametrize("start", NO_FILE.values(), ids=list(NO_FILE))
def test_a_function_of_a_program_without_a_file_is_refused(
    start: str, tmp_path: Path, site: FaultyServer
) -> None:
    options = "html='__main__:title'"
    script = _program(
        site, options=options, how="stream", guarded=True, before=""
    )
    (tmp_path / "script.py").write_text(script)
    _is_refused(_run(tmp_path, start), "mysite:title")
    assert site.count() == 0


def test_a_run_at_a_prompt_works(tmp_path: Path, site: FaultyServer) -> None:
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-q"], cwd=tmp_path, stdin=slave, stdout=slave, stderr=slave,
        env={**os.environ, "PYTHONPATH": str(PROJECT), "TERM": "dumb"},
        start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        words = ["import scraper", f"urls = ['{site.url('/a')}']",
                 "config = scraper.configure(dir='run', robots='off')",
                 "print('the code is', scraper.run(urls, config).exit_code)",
                 "config = scraper.configure(dir='run2', robots='off', html='__main__:f')",
                 "print(scraper.run(urls, config))", "exit()"]  # fmt: skip
        os.write(master, "".join(f"{word}\n" for word in words).encode())
        said = b""
        while True:
            try:
                said += os.read(master, 4096)
            except OSError:  # all of them have closed it
                break
        assert process.wait(30) == 0
    os.close(master)
    assert b"the code is 0" in said
    assert b"UsageError: html: f stands in no file" in said
    assert said.count(b"Traceback") == 1
