"""Pools that a script brings along or decides about; or none, for tests and debuggers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import Makers, recipe_of
from scraper.errors import UsageError
from scraper.guard.network_probe import NetworkProbe
from scraper.messages import Message
from scraper.pools.executors import Borrowed, InlineExecutor
from scraper.workers.inline import InlineStage


class Pools(Struct, frozen=True):
    """What a script decides about the pools of its runs; by default a run makes its own.

    `fetch_executor` makes the requests: any executor that works in threads of this process. It may
    be shared, and is never closed; no more than `threads` requests are in it at the same time.
    `inline` does everything but reading the list in the thread that iterates, one after the other,
    without limits of time and memory.
    """

    fetch_executor: Executor | None = None
    inline: bool = False

    def __post_init__(self) -> None:
        if self.fetch_executor is not None:
            _check_executor(self.fetch_executor)
        if self.inline and self.fetch_executor is not None:
            raise UsageError(
                "inline=True makes requests in the calling thread: leave fetch_executor out"
            )


def makers_with(pools: Pools, base: Makers = Makers()) -> Makers:  # noqa: B008  it is frozen
    """How a run with these pools makes its parts."""
    if pools.inline:
        return _inline_makers(base)
    executor = pools.fetch_executor
    if executor is None:
        return base
    return replace(
        base,
        threads=lambda _: Borrowed(executor),
        at_once=attrgetter("threads"),
    )


def _inline_makers(base: Makers) -> Makers:
    return replace(
        base,
        threads=lambda _: InlineExecutor(),
        at_once=lambda _: 1,
        guard=partial(base.guard, lookups=0),
        probe=_InlineProbe,
        stage=_inline_stage,
    )


class _InlineProbe(NetworkProbe):
    """Probes the network in the calling thread."""

    def start(self, hosts: Sequence[str]) -> None:
        self._run(hosts)


def _inline_stage(
    config: Config, processes: int, post: Callable[[Message], None]
) -> InlineStage:
    return InlineStage(recipe_of(config), post)


def _check_executor(executor: object) -> None:
    if not isinstance(executor, Executor):
        raise UsageError(
            f"fetch_executor takes an executor of concurrent.futures, not {executor!r}"
        )
    # Where it was never loaded there is none of it.
    processes: Any = sys.modules.get("concurrent.futures.process")
    if processes and isinstance(executor, processes.ProcessPoolExecutor):
        raise UsageError(
            "fetch_executor takes threads of this process, and a ProcessPoolExecutor has none: "
            "a ThreadPoolExecutor does it"
        )
