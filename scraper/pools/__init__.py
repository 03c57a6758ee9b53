"""Pools that a script brings along: an executor for the requests."""

from __future__ import annotations

import sys
from concurrent.futures import Executor
from operator import attrgetter
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper.errors import UsageError
from scraper.opening import Makers
from scraper.pools.executors import Borrowed


class Pools(Struct, frozen=True):
    """What a script decides about the pools of its runs; by default a run makes its own.

    `fetch_executor` makes the requests: any executor that works in threads of this process. It may
    be shared, and is never closed; no more than `threads` requests are in it at the same time.
    """

    fetch_executor: Executor | None = None

    def __post_init__(self) -> None:
        if self.fetch_executor is not None:
            _check_executor(self.fetch_executor)


def makers_with(pools: Pools, base: Makers = Makers()) -> Makers:  # noqa: B008  it is frozen
    """How a run with these pools makes its parts."""
    executor = pools.fetch_executor
    if executor is None:
        return base
    return replace(
        base,
        threads=lambda _: Borrowed(executor),
        at_once=attrgetter("threads"),
    )


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
