"""The flags of twenty countries, one after the other and then at the same time.

The example of chapter 20 of "Fluent Python" by Luciano Ramalho, with a session in the place of its
own requests. It needs no network: the flags come from a small server on this machine, which is slow
with some of them, fails once for others, and does not have two.

    python docs/examples/flags.py [folder]
"""

import concurrent.futures
import io
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from PIL import Image

import scraper
from scraper.faulty import FaultyServer, body, delay, sequence, status

COUNTRIES = ["CN", "IN", "US", "ID", "BR", "PK", "NG", "BD", "RU", "JP",
             "MX", "PH", "VN", "ET", "EG", "DE", "IR", "TR", "CD", "FR"]  # fmt: skip
SLOW = {"US", "NG", "JP", "DE"}
FAILS_ONCE = {"BR", "VN", "FR"}
MISSING = {"ET", "CD"}
COLOURS = ["red", "white", "blue", "green", "gold", "black", "orange"]

Found = dict[str, scraper.Outcome]


def flag(country: str) -> bytes:
    """A flag of three stripes. It is not the right one."""
    picture = Image.new("RGB", (60, 30))
    for place in range(3):
        colour = COLOURS[(ord(country[place % 2]) + place) % len(COLOURS)]
        picture.paste(colour, (20 * place, 0, 20 * place + 20, 30))
    file = io.BytesIO()
    picture.save(file, "GIF")
    return file.getvalue()


def site() -> FaultyServer:
    """A server for one walk through all of them."""
    behaviours = {}
    for country in COUNTRIES:
        answer = body(flag(country), "image/gif")
        if country in SLOW:
            answer = delay(0.2, answer)
        if country in FAILS_ONCE:
            answer = sequence(status(502), answer)
        if country in MISSING:
            answer = status(404)
        behaviours[f"/{country}.gif"] = answer
    return FaultyServer(behaviours)


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
        urls = [server.url(f"/{country}.gif") for country in COUNTRIES]
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
