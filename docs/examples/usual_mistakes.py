"""Three mistakes that programs with pools make, and what becomes of them here."""

import concurrent.futures
import queue
import time

import scraper
from scraper import demo
from scraper.faulty import FaultyServer, silent


def fail(number: int) -> None:
    raise ValueError(number)


def unread_results() -> None:
    with concurrent.futures.ThreadPoolExecutor() as pool:
        pool.map(fail, range(3))
    print("an executor: three errors, and no word of them")
    with demo.serve() as site, scraper.Session(save_only=True) as session:
        session.submit(site.server.url("/sold-out"))
    print("a session:", dict(session.report.failures))


def cancelling_what_runs() -> None:
    with (
        FaultyServer({"/": silent()}) as server,
        scraper.Session(save_only=True) as session,
    ):
        future = session.submit(server.url("/"))
        while not server.count("/"):
            time.sleep(0.01)
        print("cancel:", future.cancel())
        print("abort:", session.abort(future), future.result().state)


def waiting_for_oneself() -> None:
    said: queue.SimpleQueue[str] = queue.SimpleQueue()
    with demo.serve() as site, scraper.Session(save_only=True) as session:

        def ask_more(future: scraper.Future) -> None:
            more = session.submit(site.server.url("/dunes"))
            try:
                more.result()  # in a pool of one thread: for ever
            except scraper.UsageError as error:
                said.put(str(error))

        session.submit(site.server.url("/lake")).add_done_callback(ask_more)
        print("waiting in a callback:", said.get(timeout=30))


if __name__ == "__main__":
    unread_results()
    cancelling_what_runs()
    waiting_for_oneself()
