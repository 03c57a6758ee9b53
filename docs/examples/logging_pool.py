"""A pool of yours that notes each request: the session works in it, and never closes it."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import scraper
from scraper import demo


class LoggingPool(ThreadPoolExecutor):
    """Counts what is begun, and what is ended."""

    begun = ended = 0

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **more: Any
    ) -> Future[Any]:
        self.begun += 1
        future = super().submit(fn, *args, **more)
        future.add_done_callback(self.note_end)
        return future

    def note_end(self, future: Future[Any]) -> None:
        self.ended += 1


def main() -> None:
    with demo.serve("news") as site, LoggingPool(4) as pool:
        with scraper.Session(save_only=True, fetch_executor=pool) as session:
            pages = [outcome.state for outcome in session.map(site.urls)]
        print(len(pages), "pages")
        print("it was used:", pool.begun >= len(pages))
        print("it is still open:", pool.submit(len, "abc").result() == 3)
    print("all has ended:", pool.begun == pool.ended)


if __name__ == "__main__":
    main()
