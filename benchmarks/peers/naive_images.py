"""The naive script: fetch in 32 threads, hand bodies over in a callback, shrink in 2 processes."""

import io
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import requests
from PIL import Image, ImageOps

THREADS, PROCESSES, LONGEST, QUALITY = 32, 2, 512, 85
_own = threading.local()


def fetch(url: str) -> bytes:
    """One body."""
    if not hasattr(_own, "session"):
        _own.session = requests.Session()
    response = _own.session.get(url, timeout=30)
    response.raise_for_status()
    body: bytes = response.content
    return body


def shrink(body: bytes, path: str) -> None:
    """The picture with its longest side at most 512, written to `path`."""
    with Image.open(io.BytesIO(body)) as opened:
        picture = ImageOps.exif_transpose(opened).convert("RGB")
    scale = LONGEST / max(picture.size)
    if scale < 1:
        size = (round(picture.width * scale), round(picture.height * scale))
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    picture.save(path, "JPEG", quality=QUALITY)


def main(urls: Path, out: Path) -> None:
    """Fetch and shrink all; everything is submitted at once."""
    out.mkdir(parents=True)
    waiting: list[Future[None]] = []
    with ProcessPoolExecutor(PROCESSES) as workers:
        with ThreadPoolExecutor(THREADS) as threads:
            for url in urls.read_text().split():
                path = str(out / url.rpartition("/")[2])

                def hand_over(done: Future[bytes], path: str = path) -> None:
                    waiting.append(workers.submit(shrink, done.result(), path))

                threads.submit(fetch, url).add_done_callback(hand_over)
        for each in waiting:
            each.result()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
