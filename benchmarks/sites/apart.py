"""A generated site in a process of its own: `python -m benchmarks.sites.apart --pages 5000`.

It says its ports, serves until its standard input ends, and then says what was asked of it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.environments import PROJECT
from benchmarks.sites.calm import serving_calmly
from benchmarks.sites.generate import generate
from benchmarks.sites.model import Place, Site
from benchmarks.sites.serving import names_of, serving

NAME = "127.0.0.1"  # which every program can resolve
WORDS = 150  # of a page


@dataclass
class Apart:
    """A site that is served elsewhere; `asked` is there once it has ended."""

    site: Site
    asked: Counter[Place] = field(default_factory=Counter)

    @property
    def home(self) -> str:
        return self.site.href(self.site.entries["home"])


@contextmanager
def apart(pages: int, seed: int, *, is_calm: bool) -> Iterator[Apart]:
    """Serve it while the block runs."""
    command = [sys.executable, "-m", "benchmarks.sites.apart"]
    command += ["--pages", str(pages), "--seed", str(seed)]
    process = subprocess.Popen(
        [*command, *(["--calm"] if is_calm else [])],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None, "it is a pipe"
            first, second = json.loads(process.stdout.readline())
            elsewhere = Apart(
                generate(seed, pages, names_of(first, second, NAME), WORDS)
            )
            yield elsewhere
            said, _ = process.communicate()
        finally:
            process.terminate()
    for host, path, count in json.loads(said):
        elsewhere.asked[Place(host, path)] = count


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--calm", action="store_true", help="never slow, never failing"
    )
    given = parser.parse_args()
    if given.calm:
        with serving_calmly(NAME) as calm:
            first, second = calm.ports
            names = names_of(first, second, NAME)
            calm.serve(generate(given.seed, given.pages, names, WORDS))
            asked = _wait(calm.ports, calm.asked)
    else:
        with serving(NAME) as served:
            served.site = generate(given.seed, given.pages, served.names, WORDS)
            ports = [each.port for each in served.servers]
            asked = _wait(ports, served.asked)
    print(json.dumps([(*place, count) for place, count in asked.items()]))


def _wait(
    ports: Sequence[int], asked: Callable[[], Counter[Place]]
) -> Counter[Place]:
    """Say where it is served; what was asked by the time that nobody needs it any more."""
    print(json.dumps(ports), flush=True)
    sys.stdin.read()
    return asked()


if __name__ == "__main__":
    main()
