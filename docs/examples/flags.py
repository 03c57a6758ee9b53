"""The flags of twenty countries, one after the other and then at the same time.

They come from a server on this machine, which has its moods (servers/flags.py).

    python docs/examples/flags.py [folder]
"""

import concurrent.futures
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from servers.flags import COUNTRIES, site

import scraper

Found = dict[str, scraper.Outcome]


def session() -> scraper.Session:
    """It only asks: no worker processes, no folder."""
    return scraper.Session(save_only=True, retry_wait="50ms")


def one_by_one(urls: Iterable[str]) -> Found:
    found = {}
    with session() as opened:
        for url in urls:
            found[url] = opened.submit(url).result()
    return found


def all_at_once(urls: Iterable[str]) -> Found:
    found = {}
    with session() as opened:
        futures = {opened.submit(url): url for url in urls}
        for future in concurrent.futures.as_completed(futures):
            found[futures[future]] = future.result()
    return found


def save(found: Found, folder: Path) -> Counter[str]:
    """The flags as files. Returns how many there are of each end."""
    folder.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    for url, outcome in found.items():
        if outcome.failure is None:
            (folder / url.rpartition("/")[2]).write_bytes(outcome.body)
        counts[outcome.failure.label if outcome.failure else "saved"] += 1
    return counts


def download(ask: Callable[[Iterable[str]], Found], folder: Path) -> None:
    with site() as server:
        urls = [server.url(f"/{country.lower()}.gif") for country in COUNTRIES]
        began = time.perf_counter()
        found = ask(urls)
        seconds = time.perf_counter() - began
    counts = save(found, folder)
    said = ", ".join(f"{counts[each]} {each}" for each in sorted(counts))
    print(f"{folder.name}: {said}, in {seconds:.1f} s")


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "flags")
    download(one_by_one, folder / "sequential")
    download(all_at_once, folder / "concurrent")


if __name__ == "__main__":
    main()
