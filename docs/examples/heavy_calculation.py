"""A heavy calculation beside requests: in processes of yours, which take nothing from threads."""

import concurrent.futures
import multiprocessing

import scraper
from scraper import demo


def primes_below(limit: int) -> int:
    sieve = bytearray([1]) * limit
    sieve[:2] = b"\0\0"
    for number in range(2, int(limit**0.5) + 1):
        if sieve[number]:
            sieve[number * number :: number] = bytes(
                len(sieve[number * number :: number])
            )
    return sum(sieve)


def main() -> None:
    spawn = multiprocessing.get_context(
        "spawn"
    )  # a session has threads: never fork beside it
    with (
        demo.serve("inks") as site,
        concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool,
        scraper.Session(save_only=True) as session,
    ):
        counting = pool.submit(primes_below, 1_000_000)
        pages = [outcome.state for outcome in session.as_completed(site.urls)]
        print(pages.count("done"), "pages")
        print(counting.result(), "primes")


if __name__ == "__main__":
    main()
