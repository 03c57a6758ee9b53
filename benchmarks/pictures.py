"""Spoiled pictures through the process stage, in one run, as a crawl would send them."""

from __future__ import annotations

import argparse
import queue
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from PIL import Image

from benchmarks import table
from benchmarks.mutations import PICTURE_KINDS, Mutation, mutations
from processors.image import FORMATS
from scraper.messages import PoolBroken, Processed
from scraper.model import Task
from scraper.urls import parts_of
from scraper.workers.stage import Limits, Processing, ProcessStage, WorkItem

PLAN = {
    "resize": 24,
    "max_pixels": 4_000_000,
    "exif": ("all", "gps"),
    "truncated": "keep",
    "frames": "all",
}
LIMITS = Limits(seconds=10.0, memory_bytes=2**28)
EXPECTED = {"done", "image_broken", "image_truncated", "image_too_large"}
INSIDE = 64  # the stage at a time
SILENCE = 60.0
Results = Counter[tuple[str, str]]


def measure(given: argparse.Namespace) -> None:
    """Try them all, and print how they came out. Exits 1 if one is not as promised."""
    print(f"{given.fuzz:,} spoiled pictures, seed {given.seed}")
    counts, _ = try_pictures(given.fuzz, given.seed)
    results = sorted({result for _, result in counts})
    rows = [
        [kind, *(f"{counts[kind, result]:,}" for result in results)]
        for kind in PICTURE_KINDS
    ]
    table.show(["", *results], rows)
    print(table.repeat())
    if not set(results) <= EXPECTED:
        raise SystemExit(1)


def seed_pictures() -> list[bytes]:
    """One small picture of each format and most modes, some with metadata, some that move."""
    noise = Image.effect_noise((40, 30), 60)
    colours = Image.merge("RGB", [noise, noise.rotate(90), noise.rotate(180)])
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Acme"
    made = [
        _saved(picture, format, **options)
        for picture, format, options in (
            (colours, "JPEG", {"exif": exif, "xmp": b"<x/>", "comment": "x"}),
            (colours, "JPEG", {"progressive": True}),
            (colours.convert("CMYK"), "JPEG", {}),
            (colours, "PNG", {"exif": exif}),
            (colours.quantize(), "PNG", {"transparency": 3}),
            (noise.convert("I;16"), "PNG", {}),
            (colours, "WEBP", {"exif": exif, "xmp": b"<x/>"}),
            (colours.convert("RGBA"), "WEBP", {"lossless": True}),
            (colours, "GIF", {"save_all": True, "append_images": [noise]}),
            (colours, "AVIF", {"speed": 10, "exif": exif}),
            (colours, "BMP", {}),
            (colours, "TIFF", {}),
            (colours, "TIFF", {"compression": "tiff_lzw"}),
            (noise, "TIFF", {"compression": "tiff_adobe_deflate"}),
            (noise.convert("1"), "TIFF", {"compression": "group4"}),
            (colours, "TIFF", {"compression": "jpeg"}),
            (colours, "ICO", {"sizes": [(16, 16), (30, 30)]}),
            (colours, "PPM", {}),
            (colours, "PCX", {}),
        )
    ]
    made += [
        _saved(colours, name) for name in ("HEIF", "JXL") if name in FORMATS
    ]
    return made


def _saved(picture: Image.Image, format: str, **options: Any) -> bytes:
    written = BytesIO()
    picture.save(written, format, **options)
    return written.getvalue()


def try_pictures(count: int, seed: int) -> tuple[Results, int]:
    """How many came out how, by the kind of harm; and how often the pool broke.

    Behind the spoiled ones comes a whole one, of the kind `whole`.
    """
    seeds = seed_pictures()
    counts: Results = Counter()
    with TemporaryDirectory(prefix="scraper-fuzz-") as name:
        run = _Run(Path(name))
        try:
            spoiled = mutations(seeds, count, seed, PICTURE_KINDS)
            for kind, result in run.results(spoiled):
                counts[kind, result] += 1
            whole = iter([Mutation("whole", seeds[0], None)])
            for kind, result in run.results(whole):
                counts[kind, result] += 1
        finally:
            run.stage.close()
        return counts, run.broken


class _Run:
    """As much of the coordinator as the stage needs."""

    def __init__(self, folder: Path) -> None:
        self.broken = 0
        self._folder = folder
        self._inbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._inside: dict[
            int, tuple[Mutation, tuple[Task, WorkItem, int]]
        ] = {}
        self._numbers = 0
        self.stage = ProcessStage(
            2, LIMITS, Processing(plan=PLAN), self._inbox.put
        )
        self.stage.start(folder / "parts")
        self.stage.check_start()

    def results(self, spoiled: Iterator[Mutation]) -> Iterator[tuple[str, str]]:
        """What becomes of each, in the order in which it does."""
        for each in spoiled:
            self._submit(each)
            while len(self._inside) >= INSIDE:
                yield from self._receive()
        while self._inside:
            yield from self._receive()

    def _submit(self, mutation: Mutation) -> None:
        self._numbers += 1
        number = self._numbers
        path = self._folder / f"body-{number}"
        path.write_bytes(mutation.body)
        url = parts_of(f"https://a.example/{number}")
        item = WorkItem(
            "image",
            str(path),
            url.href,
            None,
            str(self._folder / "parts" / f"p{number}"),
            f"processed/a/{number}",
        )
        work = Task(number, url, url), item, len(mutation.body)
        self._inside[number] = mutation, work
        self.stage.submit(*work)

    def _receive(self) -> Iterator[tuple[str, str]]:
        self.stage.watch_workers()
        message = self._inbox.get(timeout=SILENCE)
        match message:
            case PoolBroken():
                self.broken += 1
                self.stage.recover()
            case Processed():
                yield self._settle(message)

    def _settle(self, answer: Processed) -> tuple[str, str]:
        mutation, (_, item, _) = self._inside.pop(answer.task.id)
        Path(item.path).unlink()
        if answer.failure is not None:
            return mutation.kind, answer.failure.kind
        orjson.loads(answer.facts)
        for made in answer.files:
            if made.part is not None:
                (self._folder / "parts" / made.part).unlink()
        return mutation.kind, "done"
