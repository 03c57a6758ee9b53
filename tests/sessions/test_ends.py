"""However a session ends, every future does, and nothing is left behind."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import scraper
from scraper.faulty import FaultyServer, body, page, silent
from scraper.sessions.futures import Future
from tests.sessions.gates import PATIENCE, Gate, gated, known, session
from tests.sessions.scripts import Scripts

Site = tuple[FaultyServer, Gate]
BIG = 5_000_000  # bytes, which are kept in a file


@pytest.fixture
def site() -> Iterator[Site]:
    with gated() as found:
        yield found


@pytest.fixture
def scripts(tmp_path: Path) -> Iterator[Scripts]:
    """They know the URLs of a server that says nothing, of a page and of a large file."""
    behaviours = {
        "/silent/*": silent(),
        "/big": body(b"x" * BIG, "application/octet-stream"),
        "/*": page("<title>A page</title>"),
    }
    with FaultyServer(behaviours) as server:
        yield Scripts(
            tmp_path,
            silent=[server.url(f"/silent/{number}") for number in range(9)],
            quick=server.url("/quick"),
            big=server.url("/big"),
        )


def own_threads() -> set[threading.Thread]:
    names = ("session-", "fetch")
    return {
        each
        for each in threading.enumerate()
        if each.name.startswith(names) and each.is_alive()
    }


# -- the interpreter ends ---------------------------------------------------------------------

OPEN = """
opened = session()
begun = threading.Event()
futures = [opened.submit(url) for url in silent]
for each in futures:
    each.add_done_callback(lambda future: print(told(future), flush=True))
while not futures[0].running():
    pass
"""


@pytest.mark.parametrize(
    ("end", "code"),
    [("", 0), ("raise KeyError('mine')", 1), ("sys.exit(7)", 7)],
    ids=["by itself", "with an error", "by sys.exit"],
)
def test_the_interpreter_ends_with_futures_open(
    scripts: Scripts, end: str, code: int
) -> None:
    lines = scripts.run(OPEN + end, code)
    assert len(lines) == 9, "each has its callback"
    assert lines.count("cancelled") == 8
    assert "the interpreter ends" in "".join(lines)
    assert ("KeyError: 'mine'" in scripts.errors) is (code == 1)


def test_the_interpreter_ends_while_another_thread_submits(
    scripts: Scripts,
) -> None:
    lines = scripts.run("""
        may_go = threading.Event()

        def work():
            with session() as opened:
                futures = [opened.submit(url) for url in silent]
                while not futures[0].running():
                    pass
                may_go.set()
                for each in futures:
                    try:
                        each.result()
                    except BaseException:
                        pass
                print(sorted({told(each)[:9] for each in futures}))
                for attempt in (lambda: opened.submit(quick), session):
                    try:
                        attempt()
                    except scraper.UsageError as error:
                        print(error)

        threading.Thread(target=work).start()
        may_go.wait()
    """)
    assert lines == [
        "['LocalFaul', 'cancelled']",
        "this session is closed: open another one",
        "the interpreter ends: no session opens any more",
    ]


def test_the_interpreter_ends_while_a_callback_blocks(
    scripts: Scripts,
) -> None:
    scripts.run("""
        opened = session()
        is_blocked = threading.Event()

        def block(_):
            is_blocked.set()
            threading.Event().wait()

        opened.submit(quick).add_done_callback(block)
        for url in silent:
            opened.submit(url).add_done_callback(block)
        is_blocked.wait()
    """)


def test_the_interpreter_ends_while_a_worker_is_busy(
    scripts: Scripts,
) -> None:
    (scripts.folder / "mine.py").write_text(
        "import os, time\n"
        "def article(page):\n"
        "    open('worker', 'w').write(str(os.getpid()))\n"
        "    os.rename('worker', 'busy')\n"
        "    time.sleep(60)\n"
    )
    script = """
        if __name__ == "__main__":
            opened = session(save_only=False, processes=1, html="mine:article")
            future = opened.submit(quick)
            future.add_done_callback(lambda future: print(told(future)))
            while not os.path.exists("busy"):
                pass
    """
    (line,) = scripts.run(script)
    assert "the interpreter ends" in line
    pid = int((scripts.folder / "busy").read_text())
    assert not Path(f"/proc/{pid}").exists()


def test_a_script_without_its_guard_is_one_clear_error(
    scripts: Scripts,
) -> None:
    lines = scripts.run("""
        try:
            session(save_only=False, processes=1)
        except scraper.UsageError as error:
            print(error)
    """)
    assert len(lines) == 1
    assert 'below `if __name__ == "__main__":`' in lines[0]


def test_what_an_outcome_keeps_in_a_file_goes_with_the_interpreter(
    scripts: Scripts,
) -> None:
    lines = scripts.run("""
        with session() as opened:
            outcome = opened.submit(big).result()
        print(len(outcome.body), outcome.files[0].exists())
    """)
    assert lines == [f"{BIG} True"]


# -- a fork -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings", ["", "dir='run'", "dir='run', inline=True"]
)
def test_a_forked_child_that_ends_leaves_the_session_to_its_parent(
    scripts: Scripts, settings: str
) -> None:
    lines = scripts.run(f"""
        import gc
        opened = session({settings})
        opened.submit(big).result()
        child = os.fork()
        if child == 0:
            del opened
            gc.collect()
            sys.exit(0)
        print("child:", os.waitpid(child, 0)[1])
        with opened:
            print("state:", opened.submit(quick).result().state)
    """)
    assert lines == ["child: 0", "state: done"]


@pytest.mark.parametrize("end", ["sys.exit(0)", "os._exit(0)"])
def test_a_forked_child_has_no_use_of_its_parents_session(
    scripts: Scripts, end: str
) -> None:
    lines = scripts.run(f"""
        with session() as opened:
            outcome = opened.submit(big).result()
            future = opened.submit(silent[0])
            child = os.fork()
            if child == 0:
                for wrong in (lambda: opened.submit(quick), opened.shutdown,
                              opened.new_pass, future.result):
                    try:
                        wrong()
                    except scraper.UsageError as error:
                        print(error, flush=True)
                with session() as own:
                    print(own.submit(quick).result().state, flush=True)
                del outcome
                {end}
            print("child:", os.waitpid(child, 0)[1])
            print("body:", len(outcome.body))
            print("state:", opened.submit(quick).result().state)
            opened.abort(future)
    """)
    assert len(set(lines[:4])) == 1
    assert "forked" in lines[0]
    assert lines[4:] == ["done", "child: 0", f"body: {BIG}", "state: done"]


# -- left behind ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    ["", "dir='run'", "save_only=False, processes=1"],
    ids=["memory", "folder", "workers"],
)
def test_nothing_is_left_behind(scripts: Scripts, settings: str) -> None:
    """But for the fork server and the resource tracker, which Python keeps."""
    lines = scripts.run(f"""
        def descriptors():
            found = set()
            for each in os.listdir("/proc/self/fd"):
                try:
                    found.add((each, os.readlink(f"/proc/self/fd/{{each}}")))
                except OSError:
                    pass
            return {{each for each in found if not each[1].startswith("/proc")}}

        def use():
            with session({settings}) as opened:
                states = [each.state for each in opened.map([quick, big])]
            assert states == ["done", "done"]

        if __name__ == "__main__":
            use()  # has the fork server started
            before = descriptors()
            use()
            print(threading.enumerate() == [threading.main_thread()])
            print(descriptors() - before)
    """)
    assert lines == ["True", "set()"]


def test_shutdown_without_waiting_leaves_no_thread(site: Site) -> None:
    server, gate = site
    before = own_threads()
    opened = session()
    future = opened.submit(server.url("/slow/1"))
    server.wait_for(1)
    opened.shutdown(wait=False)
    started = own_threads() - before
    gate.open()
    assert future.result(PATIENCE).state == "done"
    for each in started:
        each.join(PATIENCE)
    assert not own_threads() & started


def test_a_session_that_is_dropped_ends_when_all_is_done(site: Site) -> None:
    server, gate = site
    before = own_threads()
    opened = session()
    future = opened.submit(server.url("/slow/1"))
    server.wait_for(1)
    started = own_threads() - before
    del opened
    gc.collect()
    gate.open()
    assert future.result(PATIENCE).state == "done"
    for each in started:
        each.join(PATIENCE)
    assert not own_threads() & started


def test_a_large_body_goes_with_its_outcome() -> None:
    with (
        FaultyServer(body(b"x" * BIG, "application/x-big")) as server,
        session() as opened,
    ):
        outcome = opened.submit(server.url("/")).result(PATIENCE)
        (file,) = outcome.files
        assert file.stat().st_size == BIG
        del outcome
        gc.collect()
        assert not file.exists()


# -- with an error ----------------------------------------------------------------------------


def test_an_interrupt_in_the_block_ends_every_future(site: Site) -> None:
    server, _ = site
    with (  # noqa: PT012
        pytest.raises(KeyboardInterrupt),
        session(grace=0, per_host=1) as opened,
    ):
        futures = [opened.submit(server.url(f"/slow/{n}")) for n in range(5)]
        server.wait_for(1)
        raise KeyboardInterrupt
    assert all(each.done() for each in futures)
    with pytest.raises(scraper.LocalFault, match="left with an error"):
        futures[0].result(0)
    assert all(each.cancelled() for each in futures[1:])


def test_a_limit_of_the_run_ends_the_session_and_says_so(site: Site) -> None:
    server, _ = site
    with session(max_urls=1) as opened:
        futures = [opened.submit(server.url(f"/{n}")) for n in range(3)]
        assert futures[0].result(PATIENCE).state == "done"
        for each in futures[1:]:
            with pytest.raises(scraper.LocalFault, match="1 URL"):
                each.result(PATIENCE)
        with pytest.raises(scraper.UsageError, match="1 URL"):
            opened.submit(server.url("/more"))


def test_a_signal_handler_may_shut_it_down(site: Site) -> None:
    """Whatever of the session it interrupts in the same thread."""
    server, _ = site
    opened = session()
    future = opened.submit(server.url("/a"))
    submissions = opened._coordinator._submissions

    def interrupt() -> None:
        for lock in (opened._lock, opened._owner.lock, submissions.lock):
            with lock:
                opened.shutdown(wait=False, cancel_futures=True)

    interrupted = threading.Thread(target=interrupt, daemon=True)
    interrupted.start()
    interrupted.join(PATIENCE)
    assert not interrupted.is_alive()
    opened.shutdown()
    assert future.done()


# -- callbacks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [SystemExit, KeyboardInterrupt, GeneratorExit]
)
def test_whatever_a_callback_raises_deliveries_go_on(
    site: Site, error: type[BaseException]
) -> None:
    server, gate = site
    called: list[Future] = []

    def raise_it(_: Future) -> None:
        raise error

    with session() as opened:
        future = opened.submit(server.url("/slow/1"))
        future.add_done_callback(raise_it)
        future.add_done_callback(called.append)
        gate.open()
        future.result(PATIENCE)
        assert opened.submit(server.url("/a")).result(PATIENCE).state == "done"
    assert called == [future]
    assert opened.callback_errors == 1


def test_mistakes_of_callbacks_are_printed_where_no_logging_is_configured(
    scripts: Scripts,
) -> None:
    scripts.run(
        """
        import sqlite3
        db = sqlite3.connect(":memory:")

        def tell(event):
            raise ValueError("a listener's mistake")

        def insert(future):
            db.execute("INSERT INTO pages VALUES (?)", [future.url])

        with session(on_event=tell) as opened:
            opened.submit(quick).add_done_callback(insert)
        sys.exit(3)
        """,
        code=3,
    )
    said = scripts.errors
    assert "a callback of http://" in said
    assert ", in insert" in said
    assert "ProgrammingError: SQLite objects created in a thread" in said
    assert "on_event raised ValueError: a listener's mistake" in said


def test_what_a_run_warns_of_is_not_printed_where_no_logging_is_configured(
    scripts: Scripts,
) -> None:
    scripts.run("""
        import logging
        with session() as opened:
            logging.getLogger("scraper.run").error("the disk is slow")
    """)
    assert scripts.errors == ""


def test_a_callback_of_what_is_cancelled_may_raise_too(site: Site) -> None:
    server, gate = site
    with session(per_host=1) as opened:
        opened.submit(server.url("/slow/1"))
        server.wait_for(1)
        waiting = opened.submit(server.url("/slow/2"))

        def leave(_: Future) -> None:
            raise SystemExit

        waiting.add_done_callback(leave)
        assert waiting.cancel()
        gate.open()
    assert opened.callback_errors == 1
    assert server.count("/slow/2") == 0


def test_a_callback_submits_nothing_once_the_session_is_closed(
    site: Site,
) -> None:
    server, gate = site
    raised: list[BaseException] = []

    def submit_more(_: Future) -> None:
        try:
            opened.submit(server.url("/more"))
        except scraper.UsageError as error:
            raised.append(error)

    with session() as opened:
        slow = opened.submit(server.url("/slow/1"))
        slow.add_done_callback(submit_more)
        opened.shutdown(wait=False)
        gate.open()
    assert "this session is closed" in str(raised[0])
    assert server.count("/more") == 0


def test_a_callback_may_submit_a_thousand(site: Site) -> None:
    server, _ = site
    found: list[Future] = []
    done = threading.Event()

    with session() as opened:
        known(opened, server)

        def submit_more(_: Future) -> None:
            for number in range(1_000):
                found.append(opened.submit(server.url(f"/{number}")))
            done.set()

        opened.submit(server.url("/first")).add_done_callback(submit_more)
        assert done.wait(PATIENCE)
    assert {each.result(0).state for each in found} == {"done"}
    assert len(found) == 1_000


def test_a_callback_may_open_a_session_of_its_own(site: Site) -> None:
    server, _ = site
    found: list[str] = []

    def ask_there(_: Future) -> None:
        with session() as another:
            outcome = another.submit(server.url("/inner")).result(PATIENCE)
            found.append(outcome.url)

    with session() as opened:
        opened.submit(server.url("/outer")).add_done_callback(ask_there)
    assert found == [server.url("/inner")]
