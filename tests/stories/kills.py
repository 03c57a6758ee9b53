"""A run that is killed again and again, and what must be true of it afterwards.

`python -m tests.stories.kills --urls 2000 --kills 30 --seed 7` prints what it did; the suite runs
a shorter one. A kill is triggered by the server's n-th answer, n drawn from the seed, and the next
start follows at once.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from scraper.faulty import FaultyServer, Seen, body, redirect, status
from scraper.faulty.server import Exchange
from scraper.run_folder.verification import Verified, verify
from scraper.storage.readers.inventory import Fault
from tests.stories.runs import items_of

WINDOW_AND_BATCH = 256 + 256
MANNERS = ("kill parent", "kill worker", "kill group", "terminate", "interrupt")
GRACEFUL = {"terminate": signal.SIGTERM, "interrupt": signal.SIGINT}


@dataclass
class Site:
    """Pages, pictures and redirects, a pure function of the path."""

    urls: int
    pictures: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in range(5):
            picture = Image.new(
                "RGB", (700 + number, 300), (40 * number, 90, 160)
            )
            file = io.BytesIO()
            picture.save(file, "JPEG" if number % 2 else "PNG")
            self.pictures.append(file.getvalue())

    def paths(self) -> list[str]:
        """What the list names: every fifth a picture, every eleventh a redirect, else pages."""
        return [
            f"/moved/{i}"
            if i % 11 == 0
            else f"/picture/{i}"
            if i % 5 == 0
            else f"/page/{i}"
            for i in range(self.urls)
        ]

    def content(self, path: str) -> bytes:
        kind, _, number = path.strip("/").partition("/")
        if kind == "picture":
            return self.pictures[int(number) % len(self.pictures)]
        # Two pictures a page, each named by several pages.
        images = "".join(
            f"<img src='/picture/{10_000 + int(number) // 4 + k}'>"
            for k in range(2)
        )
        return (
            f"<title>Page {number}</title><p>{'word ' * 200}{images}".encode()
        )

    def answer(self, exchange: Exchange) -> None:
        path = exchange.seen.path
        if path == "/robots.txt":
            status(404)(exchange)
        elif path.startswith("/moved/"):
            redirect(path.replace("moved", "page"))(exchange)
        else:
            kind = "text/html" if path.startswith("/page/") else "image/png"
            body(self.content(path), kind)(exchange)


@dataclass
class Story:
    """What happened."""

    starts: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    # by the manner of the kill before
    repeated: Counter[str] = field(default_factory=Counter)


def tell(
    folder: Path, urls: int, kills: int, seed: int, say: Callable[[str], None]
) -> Story:
    """Run to the end through `kills` kills; raises AssertionError if the invariant is hurt."""
    draw = random.Random(seed)
    site = Site(urls)
    story = Story()
    step = int(urls * 1.25) // (kills + 1)
    plan = [(step * (i + 1) + draw.randint(0, step // 2), MANNERS[i % len(MANNERS)])
            for i in range(kills)]  # fmt: skip
    with FaultyServer(site.answer) as server:
        lst = folder / "urls.txt"
        lst.write_text(
            "".join(server.url(path) + "\n" for path in site.paths())
        )
        before, code = 0, -1
        # path -> how the run ended that asked it last
        fate: dict[str, str] = {}
        while code != 0:
            strikes = Strikes(plan, folder)
            code = strikes.run(server, _start(folder, lst, story))
            for seen in server.seen[before:]:
                if seen.path in fate:
                    story.repeated[fate[seen.path]] += 1
                fate[seen.path] = strikes.last
            before = server.count()
            story.kills.update(strikes.done)
            say(
                f"run {story.starts:3}: {', '.join(strikes.done) or 'to the end'}; exit {code}"
            )
            assert code in (0, -9, 130, 143), f"exit {code}"
        story.requests = server.count()
        assert not plan, f"{len(plan)} kills came too late"
        check(folder / "run", site, urls, ("default", "thumb"))
    return story


class Strikes:
    """The kills that fall into one run; killing a worker does not end it."""

    def __init__(self, plan: list[tuple[int, str]], folder: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._lock = threading.Lock()
        self._over = False
        self.done: list[str] = []

    @property
    def last(self) -> str:
        return self.done[-1] if self.done else ""

    def run(
        self, server: FaultyServer, process: subprocess.Popen[bytes]
    ) -> int:
        def trigger(seen: Seen) -> None:
            with self._lock:
                if self._over or not self._plan or seen.n < self._plan[0][0]:
                    return
                _, manner = self._plan.pop(0)
                self.done.append(manner)
                self._over = manner != "kill worker"
                _strike(process, manner, self._folder)

        server.on_request = trigger
        try:
            return process.wait(timeout=300)
        finally:
            server.on_request = None


def _command(folder: Path, lst: Path) -> list[str]:
    # What a busy machine does not end within its grace is asked again, as it should be.
    return [sys.executable, "-m", "scraper", str(lst), "--dir", str(folder / "run"),
            "--allow-hosts", "127.0.0.1", "--no-progress", "-p", "2", "-j", "8",
            "--per-host", "8", "--grace", "120", "--each", "img", "--select", "src=@src",
            "--variant", "default=300", "--variant", "thumb=64x64,cover,gray,webp"]  # fmt: skip


def _start(folder: Path, lst: Path, story: Story) -> subprocess.Popen[bytes]:
    story.starts += 1
    with (folder / "stderr.txt").open("ab") as log:
        return subprocess.Popen(
            _command(folder, lst), stderr=log, start_new_session=True
        )


def _strike(
    process: subprocess.Popen[bytes], manner: str, folder: Path
) -> None:
    if manner == "kill parent":
        process.kill()
    elif manner == "kill group":
        os.killpg(process.pid, signal.SIGKILL)
    elif manner == "kill worker":
        for note in (folder / "run" / ".scraper").rglob("begun-*"):
            with suppress(ProcessLookupError):  # of an earlier run
                os.kill(int(note.name.partition("-")[2]), signal.SIGKILL)
                break
    else:
        process.send_signal(GRACEFUL[manner])


def check(
    run: Path,
    site: Site,
    urls: int,
    variants: Sequence[str] = ("default",),
) -> None:
    """The invariant, from the files alone."""
    records = [
        json.loads(line)
        for line in (run / "records.jsonl").read_bytes().splitlines()
    ]
    asked = [record["canonical_url"] for record in records]
    assert len(asked) == len(set(asked)), [
        u for u, n in Counter(asked).items() if n > 1
    ][:5]
    assert {record["state"] for record in records} == {"done"}, Counter(
        (record["error_kind"], record["error_message"]) for record in records
    )
    assert sum(record["parent"] is None for record in records) >= urls * 0.9
    ledger = sqlite3.connect(
        f"file:{run / '.scraper/ledger.sqlite'}?mode=ro", uri=True
    )
    rows = dict(
        ledger.execute(
            "SELECT url, path FROM url JOIN answer USING (id) WHERE state = 'done'"
        )
    )
    assert ledger.execute(
        "SELECT count(*) FROM url WHERE state != 'done'"
    ).fetchone() == (0,)
    ledger.close()
    assert set(rows) == set(asked)
    named = {record["path"] for record in records}
    named |= {
        each["path"]
        for record in records
        for each in record.get("processed", ())
    }
    folders = ("pages", "images", "files", "processed")
    there = {
        path.relative_to(run).as_posix()
        for name in folders
        for path in (run / name).rglob("*")
        if path.is_file()
    }
    assert there == named, (sorted(there ^ named)[:5], len(there), len(named))
    for record in records:
        made = [each["variant"] for each in record.get("processed", ())]
        assert made == [*variants] * (record["kind"] == "image")
        content = site.content(
            record["final_url"].partition("//")[2].partition("/")[2]
        )
        assert record["sha256"] == hashlib.sha256(content).hexdigest(), record[
            "url"
        ]
        saved = (run / record["path"]).read_bytes()
        assert hashlib.sha256(saved).hexdigest() == record["sha256"], record[
            "path"
        ]
        for each in record.get("processed", ()):
            content = (run / each["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == each["sha256"], each[
                "path"
            ]
    faults: list[Fault] = []
    sizes = sum((run / path).stat().st_size for path in named)
    assert verify(run, faults.append) == Verified(len(named), sizes, 0), faults
    assert not list((run / ".scraper" / "parts").iterdir())
    errors = (run / "errors.jsonl").read_bytes()
    assert errors == b"", errors[:200]
    log = run / "items.jsonl"  # of runs that look for items
    items = log.read_bytes().splitlines() if log.exists() else []
    assert len(items) >= urls or not log.exists()
    assert [json.loads(line) for line in items] == items_of(records)
    changes = map(json.loads, (run / "changes.jsonl").read_bytes().splitlines())
    told = [(each["url"], each["change"]) for each in changes]
    assert told == [(url, "new") for url in asked]


def processes_of(folder: Path) -> list[int]:
    """Processes whose command line names this folder, or that hold one of its files open."""
    found = []
    for proc in Path("/proc").glob("[0-9]*"):
        try:
            held = [os.readlink(each) for each in (proc / "fd").iterdir()]
        except OSError:
            continue
        if any(path.startswith(str(folder)) for path in held):
            found.append(int(proc.name))
    return [pid for pid in found if pid != os.getpid()]


def none_left(folder: Path, seconds: float) -> bool:
    """Are all processes of this folder's runs gone, at the latest after `seconds`?"""
    end = time.monotonic() + seconds
    pause = threading.Event()
    while processes_of(folder):
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--urls", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        story = tell(
            folder, arguments.urls, arguments.kills, arguments.seed, print
        )
        hard = sum(
            n for manner, n in story.kills.items() if manner.startswith("kill")
        )
        print(
            f"{story.starts} starts, kills {dict(story.kills)}, seed {arguments.seed}"
        )
        print(f"{story.requests} requests, repeated after {dict(story.repeated)}, "
              f"bound {hard * WINDOW_AND_BATCH}")  # fmt: skip
        print(
            f"processes left: {processes_of(folder) if not none_left(folder, 5) else []}"
        )


if __name__ == "__main__":
    main()
