"""Pools that a script brings along: what is ours in them, and what is not."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import (
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import responses
from PIL import Image

import scraper
from scraper.api import source_of
from scraper.config import Config
from scraper.engine import Makers
from scraper.errors import LocalFault, UsageError
from scraper.faulty import FaultyServer, body, page, silent
from scraper.http.flight import Flight
from scraper.pools import Pools, makers_with
from scraper.pools.executors import Borrowed
from scraper.runner import Run
from scraper.supervision import Intervals
from tests import pool_functions
from tests.conftest import PROJECT

if TYPE_CHECKING:
    from processors.page import Page

PATIENCE = 20.0
PAGES = 20


@pytest.fixture
def site() -> Iterator[FaultyServer]:
    with FaultyServer({"/*": page("<title>A page</title>")}) as server:
        yield server


def config(folder: Path, **keys: Any) -> Config:
    usual = {"dir": str(folder / "run"), "robots": "off", "threads": 4, "per_host": 4,
             "save_only": True, "retries": 0}  # fmt: skip
    return scraper.configure(**(usual | keys))


def run_with(
    pools: Pools, urls: list[str], settings: Config, base: Makers | None = None
) -> Run:
    makers = makers_with(pools, base or Makers())
    return Run([source_of(urls)], settings, makers=makers, with_stored=True)


def urls_of(server: FaultyServer, count: int = PAGES) -> list[str]:
    return [server.url(f"/{number}") for number in range(count)]


def outcomes_of(
    pools: Pools, urls: list[str], settings: Config
) -> list[scraper.Outcome]:
    with run_with(pools, urls, settings) as run:
        return list(run)


def done(outcomes: list[scraper.Outcome]) -> int:
    return sum(each.state == "done" for each in outcomes)


def within(seconds: float, is_so: Callable[[], bool]) -> bool:
    until, pause = time.monotonic() + seconds, threading.Event()
    while not is_so():
        if time.monotonic() > until:
            return False
        pause.wait(0.01)
    return True


# -- an executor of the script's own ----------------------------------------------------------


class Logging(ThreadPoolExecutor):
    """Notes what goes through it."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, thread_name_prefix="theirs")
        self.submitted = 0
        self.under_way = 0
        self.most = 0

    def submit(self, fn: Any, /, *args: Any, **more: Any) -> Future[Any]:
        self.submitted += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        future = super().submit(fn, *args, **more)
        future.add_done_callback(self._note_end)
        return future

    def _note_end(self, future: Future[Any]) -> None:
        self.under_way -= 1


def test_requests_go_through_an_executor_that_logs_and_stays_open(
    tmp_path: Path, site: FaultyServer
) -> None:
    with Logging(8) as executor:
        for name in ("first", "second"):
            settings = config(tmp_path / name)
            urls = urls_of(site)
            assert done(outcomes_of(Pools(executor), urls, settings)) == PAGES
        assert executor.submitted == 2 * PAGES
        assert executor.most <= 4, "threads says how many are ours"
        assert executor.submit(int).result(PATIENCE) == 0


def test_an_executor_may_have_fewer_threads_than_the_run(
    tmp_path: Path, site: FaultyServer
) -> None:
    with Logging(1) as executor:
        urls = urls_of(site)
        settings = config(tmp_path, threads=8)
        assert done(outcomes_of(Pools(executor), urls, settings)) == PAGES


def test_the_time_of_a_request_begins_when_a_thread_takes_it_up(
    tmp_path: Path, site: FaultyServer
) -> None:
    """Three times as long as a request may take, the threads are others'."""
    free = threading.Event()
    with ThreadPoolExecutor(2) as executor:
        for _ in range(2):
            executor.submit(free.wait, PATIENCE)
        threading.Timer(1.5, free.set).start()
        settings = config(tmp_path, request_time_seconds=0.5)
        urls = urls_of(site, 3)
        outcomes = outcomes_of(Pools(executor), urls, settings)
    assert done(outcomes) == 3
    assert [each.record["attempts"] for each in outcomes] == [1, 1, 1]


def test_a_run_that_is_left_takes_back_what_has_not_begun(
    tmp_path: Path,
) -> None:
    """Though the threads are busy with others for longer."""
    free = threading.Event()
    with FaultyServer({"/*": silent()}) as server, Logging(2) as executor:
        executor.submit(free.wait, PATIENCE)
        urls = [server.url("/x", f"{name}.localhost") for name in "abcdef"]

        def stop() -> None:
            within(PATIENCE, lambda: server.count() == 1)
            run.stop(grace=0.0)

        with run_with(Pools(executor), urls, config(tmp_path)) as run:
            threading.Thread(target=stop).start()
            assert list(run) == []
        assert run.threads_are_back
        assert executor.under_way == 1, "but for the one that is theirs"
        asked = server.count()
        free.set()
        assert executor.submit(int).result(PATIENCE) == 0
        assert server.count() == asked


def test_nothing_of_a_run_is_kept_by_an_executor_that_goes_on(
    tmp_path: Path, site: FaultyServer
) -> None:
    with ThreadPoolExecutor(4) as executor:
        borrowed = Borrowed(executor)
        base = Makers(threads=lambda _: borrowed)
        with run_with(Pools(), urls_of(site, 3), config(tmp_path), base) as run:
            assert done(list(run)) == 3
        left = weakref.ref(run)
        del run
        borrowed.shutdown()
        assert executor.submit(int).result(PATIENCE) == 0
        gc.collect()
        assert left() is None


class Refusing(Executor):
    def submit(self, fn: Any, /, *args: Any, **more: Any) -> Future[Any]:
        raise MemoryError("no more")


class Elsewhere(Executor):
    """Says that it has done what it was given, and has not: as one that sends it away."""

    def submit(self, fn: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(None)
        return future


class Unable(Executor):
    """As one that cannot pickle what it would send away."""

    def submit(self, fn: Any, /, *args: Any, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(TypeError("cannot pickle a lock"))
        return future


def shut() -> Executor:
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    return executor


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (shut, "takes no work (RuntimeError: cannot schedule new futures"),
        (Refusing, "takes no work (MemoryError: no more)"),
        (Elsewhere, "runs what it is given in another process"),
        (Unable, "has not made a request (TypeError: cannot pickle a lock)"),
    ],
)
def test_an_executor_that_makes_no_request_ends_the_run_with_one_line(
    make: Callable[[], Executor], says: str, tmp_path: Path, site: FaultyServer
) -> None:
    urls, settings = urls_of(site), config(tmp_path)
    with (
        run_with(Pools(make()), urls, settings) as run,
        pytest.raises(LocalFault) as caught,
    ):
        list(run)
    assert f"fetch_executor {says}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert site.count() == 0
    assert scraper.run(urls, settings).done == PAGES, "nothing is lost"


def test_an_executor_that_is_shut_down_during_a_run_ends_it(
    tmp_path: Path, site: FaultyServer
) -> None:
    executor = ThreadPoolExecutor(2)
    urls, settings = urls_of(site, 200), config(tmp_path)
    got = []

    def follow(run: Run) -> None:
        for outcome in run:
            got.append(outcome.url)
            executor.shutdown(wait=False, cancel_futures=True)

    with (
        run_with(Pools(executor), urls, settings) as run,
        pytest.raises(LocalFault, match="fetch_executor"),
    ):
        follow(run)
    assert 0 < len(got) < len(urls)
    totals = scraper.run(urls, settings).totals
    assert totals is not None
    assert totals.states == {"done": len(urls)}, "nothing is lost"


def test_a_pool_of_processes_is_refused_at_once() -> None:
    with (
        ProcessPoolExecutor(1) as executor,
        pytest.raises(UsageError, match="ThreadPoolExecutor does it"),
    ):
        Pools(executor)


def test_what_is_no_executor_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="takes an executor"):
        Pools(8)  # type: ignore[arg-type]


def test_threads_that_all_hang_end_the_run_however_few_they_are(
    tmp_path: Path, site: FaultyServer
) -> None:
    thaw = threading.Event()
    waited_for: list[Flight] = []

    def freeze(flight: Flight) -> None:
        flight.begin()
        if not thaw.wait(PATIENCE):
            waited_for.append(flight)

    class Frozen:
        proxies = ()

        def __init__(self, *_: object, **__: object) -> None:
            """As of a disk that answers no more."""

        fetch = staticmethod(freeze)

        def close(self) -> None:
            """It has nothing."""

    base = Makers(
        fetcher=Frozen,  # type: ignore[arg-type]
        intervals=Intervals(tick=0.05, stall=3.0, lost=0.1),
    )
    settings = config(tmp_path, request_time_seconds=0.3)
    with ThreadPoolExecutor(1) as executor:
        run = run_with(Pools(executor), urls_of(site), settings, base)
        with run, pytest.raises(LocalFault, match="every fetch thread hangs"):
            list(run)
        assert not run.threads_are_back
        thaw.set()
    assert waited_for == []


def test_an_executor_that_is_borrowed_hands_on_what_is_raised() -> None:
    def fails() -> None:
        raise SystemExit(3)

    with ThreadPoolExecutor(1) as executor:
        borrowed = Borrowed(executor)
        assert borrowed.submit(int, "7", base=8).result(PATIENCE) == 7
        with pytest.raises(SystemExit):
            borrowed.submit(fails).result(PATIENCE)
        borrowed.shutdown()
        assert executor.submit(int).result(PATIENCE) == 0


# -- everything in one thread -----------------------------------------------------------------

seen: list[tuple[str, int, list[str]]] = []  # by the function below


def look_around(page: Page) -> dict[str, int]:
    """What a page's function sees of this process; some pages end it badly."""
    threads = sorted(each.name for each in threading.enumerate())
    seen.append((page.url, threading.get_ident(), threads))
    if "/exits" in page.url:
        sys.exit("enough")
    if "/hoards" in page.url:
        raise MemoryError
    if "/interrupts" in page.url:
        raise KeyboardInterrupt
    return {"number": len(seen)}


@pytest.fixture
def shop() -> Iterator[FaultyServer]:
    """Pages that name a picture each."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(picture, "PNG")
    answers = {
        "/cat.png": body(picture.getvalue(), "image/png"),
        "/*": page('<title>A page</title><img src="/cat.png">'),
    }
    with FaultyServer(answers) as server:
        seen.clear()
        yield server


def inline(folder: Path, **keys: Any) -> Config:
    usual = {"save_only": False, "html": "tests.test_pools:look_around"}
    return config(folder, **(usual | keys))


def test_inline_everything_is_done_in_the_thread_that_iterates(
    tmp_path: Path, shop: FaultyServer
) -> None:
    before = {each.name for each in threading.enumerate()}
    hosts = ("localhost", "b.localhost", "c.localhost")
    urls = [shop.url(f"/{n}", host) for n in range(3) for host in hosts]
    urls += [shop.url("/exits"), shop.url("/hoards")]
    outcomes = outcomes_of(Pools(inline=True), urls, inline(tmp_path))
    assert [each.state for each in outcomes].count("done") == 12
    kinds = {
        each.url.rpartition("/")[2]: each.failure.kind
        for each in outcomes
        if each.failure
    }
    assert kinds == {"exits": "function_failed", "hoards": "process_memory"}
    assert len(seen) == len(urls)
    for _, thread, threads in seen:
        assert thread == threading.get_ident()
        ours = {each for each in threads if not each.startswith("faulty-")}
        assert ours - before <= {"list-reader"}
    pictures = [each for each in outcomes if each.url.endswith(".png")]
    assert [bool(each.record["processed"]) for each in pictures] == [True] * 3


def test_inline_the_order_is_always_the_same(
    tmp_path: Path, shop: FaultyServer
) -> None:
    hosts = ("localhost", "b.localhost", "c.localhost")
    urls = [shop.url(f"/{n}", host) for n in range(4) for host in hosts]
    orders = []
    for name in "abc":
        settings = inline(tmp_path / name, page_images="none")
        list_of_urls = tmp_path / f"{name}.txt"
        list_of_urls.write_text("\n".join(urls))
        source = str(list_of_urls)
        makers = makers_with(Pools(inline=True))
        with Run([source_of(source)], settings, makers=makers) as run:
            orders.append([each.url for each in run])
    assert orders[0] == orders[1] == orders[2]
    assert sorted(orders[0]) == sorted(urls)


def test_inline_an_interrupt_ends_the_run_and_nothing_is_lost(
    tmp_path: Path, shop: FaultyServer
) -> None:
    settings = inline(tmp_path, page_images="none")
    urls = [shop.url("/1"), shop.url("/interrupts"), shop.url("/2")]
    run = run_with(Pools(inline=True), urls, settings)
    with pytest.raises(KeyboardInterrupt), run:
        list(run)
    assert run.report.stopped == "left before the end"
    again = config(tmp_path, page_images="none", save_only=False)
    assert done(outcomes_of(Pools(inline=True), urls, again)) == 3


def test_inline_loads_nothing_of_multiprocessing(
    tmp_path: Path, shop: FaultyServer
) -> None:
    script = f"""
import json, sys
import scraper
from scraper.api import source_of
from scraper.pools import Pools, makers_with
from scraper.runner import Run
config = scraper.configure(dir={str(tmp_path / "run")!r}, robots="off")
makers = makers_with(Pools(inline=True))
with Run([source_of([{shop.url("/")!r}])], config, makers=makers) as run:
    states = [each.state for each in run]
print(json.dumps([states, sorted(sys.modules)]))
"""
    states, modules = json.loads(_python("-c", script))
    assert states == ["done", "done"]
    assert [each for each in modules if "multiprocessing" in each] == []
    assert "concurrent.futures.process" not in modules


def test_inline_a_module_that_cannot_be_imported_is_one_line(
    tmp_path: Path, shop: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scraper.runner.check_functions", lambda *_: None)
    run = run_with(
        Pools(inline=True),
        [shop.url("/")],
        inline(tmp_path, html="tests.absent:at_all"),
    )
    with pytest.raises(UsageError, match="nothing can be processed: Module"):
        run.__enter__()


def test_inline_answers_may_be_mocked(tmp_path: Path) -> None:
    url = "http://shop.localhost/"
    with responses.RequestsMock() as mock:
        mock.get(url, body="<title>Mocked</title>", content_type="text/html")
        settings = inline(tmp_path, html="")
        (outcome,) = outcomes_of(Pools(inline=True), [url], settings)
    assert outcome.record["title"] == "Mocked"


def test_inline_takes_no_executor() -> None:
    with (
        ThreadPoolExecutor(1) as executor,
        pytest.raises(UsageError, match="leave fetch_executor out"),
    ):
        Pools(executor, inline=True)


def _python(*arguments: str) -> str:
    """What a program prints, which ends in time."""
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


# -- worker processes -------------------------------------------------------------------------

STORY = """
import json, sys, threading
import scraper
from scraper.api import source_of
from scraper.errors import ScraperError
from scraper.pools import Pools, makers_with
from scraper.runner import Run
import tests.pool_functions as functions

if __name__ == "__main__":
    folder, urls, pools, before = json.loads(sys.argv[1])
    exec(before)
    config = scraper.configure(dir=folder, robots="off", processes=2, threads=4, retries=0,
                               html="tests.pool_functions:act")
    try:
        pools = {name: eval(value) for name, value in pools.items()}
        makers = makers_with(Pools(**pools))
        with Run([source_of(urls)], config, makers=makers) as run:
            told = [[each.url, each.state, each.failure and each.failure.kind,
                     each.record.get("data"), len(each.record.get("processed") or ())]
                    for each in run]
    except ScraperError as error:
        told = [type(error).__name__, str(error)]
    print(json.dumps(told))
"""


def story(
    folder: Path, urls: list[str], before: str = "", **pools: str
) -> list[Any]:
    """What a script of its own sees: it may hang, and has a single thread when it begins."""
    script = folder / "story.py"
    script.write_text(STORY)
    given = json.dumps([str(folder / "run"), urls, pools, before])
    told: list[Any] = json.loads(_python(str(script), given))
    return told


def pages_with_a_villain(server: FaultyServer) -> list[str]:
    urls = [server.url(f"/good/{number}") for number in range(12)]
    return [*urls[:6], server.url("/dies/1"), *urls[6:]]


@pytest.mark.parametrize(
    "context",
    ["'spawn'", "'forkserver'", "'fork'",
     "__import__('multiprocessing').get_context('fork')"],
)  # fmt: skip
def test_workers_may_be_started_in_any_way(
    context: str, tmp_path: Path, shop: FaultyServer
) -> None:
    noted = tmp_path / "noted"
    noted.mkdir()
    outcomes = story(
        tmp_path,
        pages_with_a_villain(shop),
        mp_context=context,
        initializer="functions.initialize",
        initargs=f"({str(noted)!r}, 7)",
    )
    kinds = [kind for _, _, kind, _, _ in outcomes if kind]
    assert kinds == ["process_died"]
    assert len(outcomes) == 13 + 1
    assert sum(pictures for *_, pictures in outcomes) == 1
    facts = [data for _, _, _, data, _ in outcomes if data]
    assert len(facts) == 12
    assert all(each["calls"] == [[str(noted), 7]] for each in facts), "once"
    pids = {int(each.name) for each in noted.iterdir()}
    assert {each["pid"] for each in facts} <= pids
    assert len(pids) > 2, "and in those that replace them"


def test_a_forked_worker_has_what_its_parent_had(
    tmp_path: Path, shop: FaultyServer
) -> None:
    told = story(
        tmp_path,
        [shop.url("/1"), shop.url("/2")],
        "functions.heap.append(b'of the parent')",
        mp_context="'fork'",
    )
    facts = [data for _, _, _, data, _ in told if data]
    assert [each["leaked"] for each in facts] == [1, 1]


@pytest.mark.parametrize(
    "before",
    [
        "threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "import _thread; _thread.start_new_thread(threading.Event().wait, ())",
    ],
)
def test_a_process_with_threads_is_not_forked(
    before: str, tmp_path: Path, shop: FaultyServer
) -> None:
    told = story(tmp_path, [shop.url("/")], before, mp_context="'fork'")
    assert told[0] == "UsageError"
    assert told[1].startswith("mp_context: this process has 2 threads")
    assert shop.count() == 0


@pytest.mark.parametrize("context", ["'forkserver'", "'fork'"])
def test_an_initializer_that_raises_is_one_line(
    context: str, tmp_path: Path, shop: FaultyServer
) -> None:
    told = story(
        tmp_path,
        [shop.url("/")],
        mp_context=context,
        initializer="functions.fails",
    )
    assert told[0] == "UsageError"
    assert told[1].startswith(
        "the worker processes cannot start: initializer fails: "
        "ValueError: no licence (pool_functions.py"
    )
    assert shop.count() == 0


def test_an_initializer_that_raises_later_ends_the_run_at_once(
    tmp_path: Path, shop: FaultyServer
) -> None:
    told = story(
        tmp_path,
        pages_with_a_villain(shop),
        initializer="functions.fails_later",
        initargs=f"({str(tmp_path / 'made')!r},)",
    )
    assert told[0] in ("LocalFault", "StageFailed", "UsageError")
    assert "initializer fails: ValueError: no licence" in told[1]


def test_an_initializer_that_hangs_ends_the_run(
    tmp_path: Path, shop: FaultyServer
) -> None:
    told = story(
        tmp_path,
        [shop.url("/")],
        "from scraper.workers import child, stage; stage.ProcessStage."
        "check_start.__defaults__ = (2.0,)",
        initializer="functions.hangs",
    )
    assert told[0] == "UsageError"
    assert "do not answer" in told[1]


def test_inline_the_initializer_is_called_here_and_once(
    tmp_path: Path, shop: FaultyServer
) -> None:
    pools = Pools(
        inline=True, initializer=pool_functions.initialize, initargs=()
    )
    settings = inline(tmp_path, html="tests.pool_functions:act")
    pool_functions.calls.clear()
    pages = [shop.url("/1"), shop.url("/2")]
    outcomes = outcomes_of(pools, pages, settings)
    data = [each.record["data"] for each in outcomes if "data" in each.record]
    assert [each["calls"] for each in data] == [[[]], [[]]]
    assert {each["pid"] for each in data} == {os.getpid()}
    failing = Pools(inline=True, initializer=pool_functions.fails)
    with pytest.raises(UsageError, match="initializer fails: ValueError"):
        outcomes_of(failing, pages, inline(tmp_path / "b"))


def test_a_worker_is_replaced_when_it_has_done_its_share(
    tmp_path: Path, shop: FaultyServer
) -> None:
    urls = [shop.url(f"/leaks/{number}") for number in range(60)]
    pools = Pools(max_tasks_per_worker=5)
    settings = inline(tmp_path, html="tests.pool_functions:act", processes=2)
    outcomes = outcomes_of(pools, urls, settings)
    assert done(outcomes) == 61, "each once, and the picture"
    data = [each.record["data"] for each in outcomes if "data" in each.record]
    shares = Counter(each["pid"] for each in data)
    assert max(shares.values()) <= 5
    assert len(shares) >= 12
    assert max(each["leaked"] for each in data) <= 5, "what leaks is bounded"


@pytest.mark.parametrize("tasks", [1, 3])
def test_shares_that_end_beside_slow_items_and_deaths_lose_nothing(
    tasks: int, tmp_path: Path, shop: FaultyServer
) -> None:
    urls = [shop.url(f"/good/{number}") for number in range(20)]
    urls[3:3] = [shop.url("/slow/1"), shop.url("/dies/1"), shop.url("/slow/2")]
    urls += [shop.url("/dies/2")]
    pools = Pools(max_tasks_per_worker=tasks)
    settings = inline(tmp_path, html="tests.pool_functions:act", processes=2)
    outcomes = outcomes_of(pools, urls, settings)
    failed = {each.url: each.failure.kind for each in outcomes if each.failure}
    assert failed == dict.fromkeys(
        [shop.url("/dies/1"), shop.url("/dies/2")], "process_died"
    )
    assert done(outcomes) == 22 + 1
    data = [each.record["data"] for each in outcomes if "data" in each.record]
    assert max(Counter(each["pid"] for each in data).values()) <= tasks


class Odd:
    def __reduce__(self) -> str:
        raise RuntimeError("never")


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"mp_context": "threads"}, "mp_context takes 'fork', 'spawn'"),
        ({"mp_context": 3}, "or a context of multiprocessing, not 3"),
        ({"initializer": "f"}, "initializer takes a function, not 'f'"),
        ({"initializer": lambda: 0}, "find a function by its name"),
        (
            {"initializer": print, "initargs": (Odd(),)},
            "with plain arguments (RuntimeError: never)",
        ),
        ({"initializer": print, "initargs": [1]}, "initargs takes a tuple"),
        ({"initargs": (1,)}, "initargs are those of an initializer"),
        ({"max_tasks_per_worker": 0}, "takes a number from 1 on, not 0"),
        ({"max_tasks_per_worker": True}, "takes a number from 1 on, not True"),
        ({"inline": True, "mp_context": "spawn"}, "leave mp_context out"),
        (
            {"inline": True, "max_tasks_per_worker": 3},
            "leave max_tasks_per_worker out",
        ),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    wrong: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        Pools(**wrong)
    assert says in str(caught.value)


def test_an_initializer_of_a_prompt_is_refused() -> None:
    script = (
        "from scraper.pools import Pools\n"
        "def ready(): pass\n"
        "try: Pools(initializer=ready)\n"
        "except Exception as error: print(error)\n"
    )
    assert "stands in no file that worker" in _python("-c", script)
