"""A list of a million URLs on a thousand names: is memory flat, and does the first request wait?

All names end in .localhost, which this program resolves to loopback by itself. The curve has a row
each twentieth of the run. Memory is that of the one process that a --save-only run has.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import contenders, table
from benchmarks.environments import PROJECT, clean
from benchmarks.measure import Tree, pss_bytes, rss_bytes
from benchmarks.scratch import Scratch
from benchmarks.server import serving

ROWS = 20
SAMPLE_SECONDS = 1.0
LOOKS_A_SAMPLE = 20  # so that the end is noticed in time
PROGRESS_SECONDS = 10.0
BODY = "tiny"
INODES_SPARE = 100_000
BYTES_A_URL = (
    7_000  # in a memory-backed folder: a page, an inode, a ledger row, a record
)


@dataclass(frozen=True, slots=True)
class Sample:
    """How the run stands at one moment."""

    seconds: float
    loaded: int
    recorded: int
    rss: int
    pss: int | None
    ledger_bytes: int


def measure(given: argparse.Namespace) -> None:
    """Run the list, or only load it (--load-only), and print curve and figures."""
    with Scratch(given.disk) as scratch:
        _check_room(scratch.folder, 0 if given.load_only else given.urls)
        log = scratch.folder / "access.log"
        with serving(body=BODY, log=log) as site:
            print(table.machine(site.name))
            urls = _write_list(scratch.folder / "urls.txt", site.port, given)
            size = table.megabytes(urls.stat().st_size)
            table.say(
                f"{given.urls:,} URLs on {given.names:,} names, a list of {size} MB"
            )
            folder = scratch.fresh()
            flags = [
                "--save-only",
                *(
                    ["--robots", "off", "--delay", "24h"]
                    if given.load_only
                    else []
                ),
            ]
            command = [*contenders.ours(urls, folder, flags), "--per-host", "4"]
            began_at = time.time()
            with Tree(
                command,
                cwd=PROJECT,
                env=clean(),
                log=folder.with_suffix(".log"),
            ) as tree:
                watch = Watch(tree, folder, given.urls)
                samples = watch.until_over(given.load_only)
                cost = tree.wait()
                done = watch.count()
        first = _first_arrival(log)
        said = (
            folder.with_suffix(".log")
            .read_text(errors="replace")
            .strip()[-500:]
        )
        ledger = _size(folder / ".scraper" / "ledger.sqlite")
    _show_curve(samples)
    print(
        f"first request after:  {_seconds(None if first is None else first - began_at)}"
    )
    print(
        f"list loaded after:    {_seconds(_loaded_after(samples, given.urls))}"
    )
    print(f"bytes a pending URL:  {_bytes_a_url(samples, given.urls)}")
    if given.load_only:
        print(f"ledger once closed:   {ledger / given.urls:.0f} bytes a URL")
        print(f"memory when loaded:   {_memory(samples[-1]) / 1e6:.0f} MB")
        print(
            f"CPU:                  {1e6 * cost.cpu / given.urls:.0f} us a URL, start and end in"
        )
    else:
        _show_memory(samples, given.urls)
        print(f"total:                {cost.wall:.0f} s, {done:,} records, "
              f"{done / cost.wall:,.0f}/s, {1000 * cost.cpu / max(done, 1):.2f} CPU-ms a URL, "
              f"exit {cost.exit}")  # fmt: skip
    if said:
        print(f"the program said:     {said}")
    print(table.repeat())


def _write_list(path: Path, port: int, given: argparse.Namespace) -> Path:
    with path.open("w", encoding="ascii") as file:
        for number in range(given.urls):
            host = number % given.names + 1
            file.write(f"http://h{host:04}.localhost:{port}/item/{number:07}\n")
    return path


def _check_room(folder: Path, urls: int) -> None:
    room = os.statvfs(folder)
    if room.f_files and room.f_favail < urls + INODES_SPARE:
        raise SystemExit(
            f"{folder} has room for {room.f_favail:,} files only: choose --disk DIR"
        )
    if room.f_bavail * room.f_frsize < urls * BYTES_A_URL:
        raise SystemExit(f"{folder} has too little room: choose --disk DIR")


class Watch:
    """Looks at a run each second."""

    def __init__(self, tree: Tree, folder: Path, urls: int) -> None:
        self._tree, self._folder, self._urls = tree, folder, urls
        self._offset = self._recorded = self._loaded = 0

    def until_over(self, load_only: bool) -> list[Sample]:
        """Samples until the run has ended; with `load_only`, until all is loaded and asked to."""
        samples: list[Sample] = []
        said = 0.0
        while self._still_running_after_a_while():
            sample = self._sample()
            if sample is None:
                continue
            samples.append(sample)
            if sample.seconds - said >= PROGRESS_SECONDS:
                said = sample.seconds
                table.say(_progress(sample))
            if load_only and sample.loaded >= self._urls:
                self._tree.ask_to_end()
                break
        if not samples:
            raise SystemExit(
                "the run ended at once: see --urls, or run the program by hand"
            )
        return samples

    def _still_running_after_a_while(self) -> bool:
        for _ in range(LOOKS_A_SAMPLE):
            if not self._tree.running:
                return False
            time.sleep(SAMPLE_SECONDS / LOOKS_A_SAMPLE)
        return self._tree.running

    def _sample(self) -> Sample | None:
        rss = rss_bytes(self._tree.pid)
        if rss is None:
            return None
        self.count()
        ledger = self._folder / ".scraper" / "ledger.sqlite"
        return Sample(
            time.perf_counter() - self._tree.began,
            self._loaded,
            self._recorded,
            rss,
            pss_bytes(self._tree.pid),
            _size(ledger) + _size(ledger.with_name("ledger.sqlite-wal")),
        )

    def count(self) -> int:
        """Read on, and tell how many records there are."""
        with (
            contextlib.suppress(OSError),
            (self._folder / "records.jsonl").open("rb") as file,
        ):
            file.seek(self._offset)
            while chunk := file.read(1 << 20):
                self._offset += len(chunk)
                self._recorded += chunk.count(b"\n")
        if self._loaded < self._urls:
            self._loaded = (
                _rows(self._folder / ".scraper" / "ledger.sqlite")
                or self._loaded
            )
        return self._recorded


def _rows(ledger: Path) -> int:
    """How many URLs the ledger shows to others: those of the last commit.

    The largest id, because count(*) would hold a snapshot for long and keep the log from being
    written back; a list without repetitions, with nothing found, has no gaps.
    """
    if not ledger.exists():
        return 0
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(
            sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)
        ) as connection,
    ):
        return int(
            connection.execute("SELECT max(id) FROM url").fetchone()[0] or 0
        )
    return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _memory(sample: Sample) -> int:
    return sample.rss if sample.pss is None else sample.pss


def _progress(sample: Sample) -> str:
    return (f"{sample.seconds:7.0f} s  loaded {sample.loaded:>9,}  records "
            f"{sample.recorded:>9,}  RSS {table.megabytes(sample.rss)} MB  PSS "
            f"{table.megabytes(sample.pss)} MB  ledger {table.megabytes(sample.ledger_bytes)} MB"
            )  # fmt: skip


def _show_curve(samples: Sequence[Sample]) -> None:
    last = len(samples) - 1
    picked = sorted({round(last * n / (ROWS - 1)) for n in range(ROWS)})
    rows = []
    before = Sample(0.0, 0, 0, 0, 0, 0)
    for sample in (samples[each] for each in picked):
        rate = (sample.recorded - before.recorded) / max(
            sample.seconds - before.seconds, 1e-9
        )
        before = sample
        rows.append([
            f"{sample.seconds:.0f}", f"{sample.loaded:,}", f"{sample.recorded:,}", f"{rate:,.0f}",
            table.megabytes(sample.rss), table.megabytes(sample.pss),
            table.megabytes(sample.ledger_bytes),
        ])  # fmt: skip
    print()
    table.show(
        [
            "s",
            "loaded",
            "records",
            "records/s",
            "RSS MB",
            "PSS MB",
            "ledger MB",
        ],
        rows,
    )
    print()


def _show_memory(samples: Sequence[Sample], urls: int) -> None:
    at_fifth = next((s for s in samples if s.recorded >= urls / 5), samples[-1])
    peak = max(samples, key=_memory)
    end = samples[-1]
    print(f"memory at 20 %:       {_memory(at_fifth) / 1e6:.1f} MB")
    print(f"memory at the end:    {_memory(end) / 1e6:.1f} MB, "
          f"{_memory(end) / _memory(at_fifth):.3f} times that at 20 %")  # fmt: skip
    print(
        f"peak:                 {_memory(peak) / 1e6:.1f} MB after {peak.seconds:.0f} s"
    )


def _loaded_after(samples: Sequence[Sample], urls: int) -> float | None:
    return next(
        (sample.seconds for sample in samples if sample.loaded >= urls), None
    )


def _bytes_a_url(samples: Sequence[Sample], urls: int) -> str:
    full = next((sample for sample in samples if sample.loaded >= urls), None)
    if full is None:
        return "- (never seen loaded as a whole)"
    return (f"{full.ledger_bytes / urls:.0f} (ledger and its log when the list was loaded, "
            f"{full.recorded:,} of it done)")  # fmt: skip


def _first_arrival(log: Path) -> float | None:
    if not log.exists():
        return None
    with log.open(encoding="latin-1") as file:
        line = file.readline()
    return float(line.split()[0]) if line.strip() else None


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"
