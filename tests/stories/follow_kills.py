"""A run that follows links and is killed again and again; later the site has changed.

`python -m tests.stories.follow_kills --pages 5000 --kills 30 --seed 7` prints what it did; the
suite runs a shorter one. The set of pages asked is that of the truth, each with one record; and
what a second run with `--refresh` finds, and finds gone, is what has changed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.sites.changes import changed
from benchmarks.sites.generate import generate
from benchmarks.sites.model import Place
from benchmarks.sites.serving import Served, serving
from benchmarks.sites.truth import Options, Truth
from scraper.run_folder.verification import verify
from scraper.storage.readers.inventory import Fault
from tests.stories import following, kills
from tests.stories.runs import last_of, records_of

OPTIONS = Options(99, "host", follow=("a.next", "rel=next"))
FLAGS = (
    "--depth",
    "99",
    "--scope",
    "host",
    "--follow",
    "a.next",
    "--follow",
    "rel=next",
    "--page-images",
    "none",
    "--per-host",
    "8",
    "--grace",
    "120",
    "--no-progress",
    "-p",
    "2",
    "-j",
    "8",
)

ENVIRONMENT = {
    "SCRAPER_RETRY_WAIT": "10ms",
    "SCRAPER_ALLOW_HOSTS": "127.0.0.1,*.localhost",
}


@dataclass
class Story:
    """What happened in one pass."""

    starts: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    repeated: int = 0  # beside what fails once

    @property
    def hard(self) -> int:
        """Kills after which something may be asked again."""
        return sum(
            count
            for manner, count in self.kills.items()
            if manner.startswith("kill")
        )


class Pass:
    """One pass over the site as it stands, through so many kills."""

    def __init__(
        self, served: Served, folder: Path, number: int, draw: random.Random
    ) -> None:
        self._served = served
        self._folder = folder
        self._number = number
        self._draw = draw
        self._home = served.site.entries["home"]
        self.truth = Truth(served.site, [self._home], OPTIONS)
        self.expected = following.requests_of(
            self.truth, served.site, served.asked()
        )
        self.story = Story()

    def run(self, count: int, say: Callable[[str], None]) -> Counter[Place]:
        """To the end; returns what was asked."""
        server = self._served.servers[0]
        before, met = self._served.asked(), server.count()
        step = sum(self.expected.values()) // (count + 1)
        plan = [
            (
                met + step * (n + 1) + self._draw.randint(0, step // 2),
                kills.MANNERS[n % len(kills.MANNERS)],
            )
            for n in range(count)
        ]
        code = -1
        while code != 0:
            strikes = kills.Strikes(plan, self._folder)
            code = strikes.run(server, self._start())
            self.story.kills.update(strikes.done)
            say(
                f"pass {self._number}, run {self.story.starts:3}: "
                f"{', '.join(strikes.done) or 'to the end'}; exit {code}"
            )
            # 3: what is not found has failed
            assert code in (0, 3, -9, 130, 143), f"exit {code}"
            code = 0 if code == 3 else code
        assert not plan, f"{len(plan)} kills came too late"
        asked = self._served.asked() - before
        self.story.requests = sum(asked.values())
        self.story.repeated = sum((asked - self.expected).values())
        return asked

    def _start(self) -> subprocess.Popen[bytes]:
        self.story.starts += 1
        urls = self._folder / "urls.txt"
        urls.write_text(f"{self._served.site.href(self._home)}\n")
        command = [sys.executable, "-m", "scraper", str(urls), *FLAGS]
        command += ["--dir", str(self._folder / "run")]
        if self._number > 1:
            command.append("--refresh")
        with (self._folder / "stderr.txt").open("ab") as log:
            return subprocess.Popen(
                command,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **ENVIRONMENT},
            )


def tell(
    folder: Path, pages: int, count: int, seed: int, say: Callable[[str], None]
) -> tuple[Story, Story]:
    """Both passes; raises AssertionError if anything is lost, doubled or told wrongly."""
    draw = random.Random(seed)
    with serving() as served:
        served.site = generate(seed, pages, served.names)
        first = Pass(served, folder, 1, draw)
        check(served, folder, first, first.run(count, say))
        served.site = changed(served.site, seed)
        second = Pass(served, folder, 2, draw)
        check(served, folder, second, second.run(count, say))
        check_changes(served, folder, first.truth, second.truth)
    return first.story, second.story


def check(
    served: Served, folder: Path, of: Pass, asked: Counter[Place]
) -> None:
    """The same set, each once, but for what a kill has torn."""
    wrong = following.explained(asked, of.expected)
    assert asked.keys() == of.expected.keys(), wrong
    assert not of.expected - asked, wrong
    assert of.story.repeated <= of.story.hard * kills.WINDOW_AND_BATCH
    run, number = folder / "run", of._number
    records = [each for each in records_of(run) if each["pass"] == number]
    if number == 1:
        following.check_records(served.site, of.truth, records)
    urls = Counter(each["url"] for each in records)
    assert set(urls.values()) == {1}, urls.most_common(3)
    faults: list[Fault] = []
    verify(run, faults.append)
    assert faults == []
    assert not list((run / ".scraper" / "parts").iterdir())


def check_changes(
    served: Served, folder: Path, before: Truth, now: Truth
) -> None:
    """What is new, and what is gone: not found, or led to by no page."""
    lines = changes_of(folder / "run")
    told: dict[str, set[str]] = {}
    for each in lines:
        told.setdefault(each["change"], set()).add(each["url"])
    was, are = _good(served, before), _good(served, now)
    new, gone = told.pop("new", set()), told.pop("gone", set())
    assert new == are - was, sorted(new ^ (are - was))[:5]
    assert gone == was - are, sorted(gone ^ (was - are))[:5]
    assert told.keys() <= {"changed"}, told.keys()
    last = last_of(folder / "run")
    assert {
        url
        for url in was & are
        if last[url]["state"] not in ("done", "unchanged")
    } == set()


def changes_of(run: Path) -> list[dict[str, Any]]:
    """What `scraper changes` says of the second pass."""
    command = [sys.executable, "-m", "scraper", "changes", str(run)]
    said = subprocess.run(
        [*command, "--pass", "2", "--json"], capture_output=True, check=True
    )
    return [json.loads(line) for line in said.stdout.splitlines()]


def _good(served: Served, truth: Truth) -> set[str]:
    return {
        served.site.href(place)
        for place, page in truth.answers.items()
        if page is not None and page.status == 200
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stories = tell(folder, given.pages, given.kills, given.seed, print)
        for number, story in enumerate(stories, 1):
            print(
                f"pass {number}: {story.starts} starts, kills {dict(story.kills)}, "
                f"{story.requests} requests, {story.repeated} repeated, "
                f"bound {story.hard * kills.WINDOW_AND_BATCH}"
            )
        gone = kills.none_left(folder, 5)
        print(f"processes left: {[] if gone else kills.processes_of(folder)}")


if __name__ == "__main__":
    main()
