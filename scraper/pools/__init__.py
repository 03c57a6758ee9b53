"""Pools that a script brings along or decides about; or none, for tests and debuggers."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from scraper.config import Config
from scraper.engine import Makers, process_stage_of, processing_of
from scraper.errors import UsageError
from scraper.guard.network_probe import NetworkProbe
from scraper.machine import main_module
from scraper.messages import Message
from scraper.pools.executors import Borrowed, InlineExecutor
from scraper.workers.inline import InlineStage

if TYPE_CHECKING:
    # A run without processes does not load it.
    from multiprocessing.context import BaseContext


class Pools(Struct, frozen=True):
    """What a script decides about the pools of its runs; by default a run makes its own.

    `fetch_executor` makes the requests: any executor that works in threads of this process. It may
    be shared, and is never closed; no more than `threads` requests are in it at the same time.

    Worker processes are started by `mp_context`: "spawn", "forkserver", "fork" (while this process
    has a single thread) or a context of multiprocessing. Each calls `initializer(*initargs)` before
    its first item, and is replaced after `max_tasks_per_worker` items.

    `inline` does everything but reading the list in the thread that iterates, one after the other,
    without limits of time and memory. Raises UsageError for what cannot be.
    """

    fetch_executor: Executor | None = None
    mp_context: str | BaseContext | None = None
    initializer: Callable[..., object] | None = None
    initargs: tuple[Any, ...] = ()
    max_tasks_per_worker: int | None = None
    inline: bool = False

    def __post_init__(self) -> None:
        if self.fetch_executor is not None:
            _check_executor(self.fetch_executor)
        if self.mp_context is not None:
            _context_of(self.mp_context)
        _check_initializer(self)
        tasks = self.max_tasks_per_worker
        if tasks is not None and (type(tasks) is not int or tasks < 1):
            raise UsageError(
                f"max_tasks_per_worker takes a number from 1 on, not {tasks!r}"
            )
        if self.inline:
            _check_inline(self)


def makers_with(pools: Pools, base: Makers = Makers()) -> Makers:  # noqa: B008  it is frozen
    """How a run with these pools makes its parts."""
    if pools.inline:
        return _inline_makers(pools, base)
    executor = pools.fetch_executor
    if executor is not None:
        base = replace(
            base,
            threads=lambda _: Borrowed(executor),
            at_once=attrgetter("threads"),
        )
    given = (pools.mp_context, pools.initializer, pools.max_tasks_per_worker)
    if given == (None, None, None):
        return base
    stage = partial(
        process_stage_of,
        context=pools.mp_context and _context_of(pools.mp_context),
        initializer=_pickled(pools),
        max_tasks=pools.max_tasks_per_worker or 0,
    )
    return replace(base, stage=stage)


def _inline_makers(pools: Pools, base: Makers) -> Makers:
    initialize = pools.initializer and partial(
        pools.initializer, *pools.initargs
    )

    def stage(
        config: Config, processes: int, post: Callable[[Message], None]
    ) -> InlineStage:
        return InlineStage(processing_of(config), post, initialize)

    return replace(
        base,
        threads=lambda _: InlineExecutor(),
        at_once=lambda _: 1,
        guard=partial(base.guard, lookups=0),
        probe=_InlineProbe,
        stage=stage,
    )


class _InlineProbe(NetworkProbe):
    """Probes the network in the calling thread."""

    def start(self, hosts: Sequence[str]) -> None:
        self._run(hosts)


# -- what is refused --------------------------------------------------------------------------


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


def _context_of(given: object) -> BaseContext:
    import multiprocessing
    from multiprocessing.context import BaseContext

    if isinstance(given, BaseContext):
        return given
    methods = multiprocessing.get_all_start_methods()
    if isinstance(given, str) and given in methods:
        return multiprocessing.get_context(given)
    raise UsageError(
        f"mp_context takes {', '.join(map(repr, methods))} or a context of multiprocessing, "
        f"not {given!r}"
    )


def _check_initializer(pools: Pools) -> None:
    function, arguments = pools.initializer, pools.initargs
    if not isinstance(arguments, tuple):
        raise UsageError(f"initargs takes a tuple, not {arguments!r}")
    if function is None:
        if arguments:
            raise UsageError("initargs are those of an initializer: name one")
        return
    if not callable(function):
        raise UsageError(f"initializer takes a function, not {function!r}")
    if pools.inline:
        return
    _pickled(pools)
    module = getattr(function, "__module__", "")
    if module == "__main__" and main_module.imported_by_workers() is None:
        raise UsageError(
            "initializer: it stands in no file that worker processes could import: write it into "
            "a file such as mysite.py, and import it from there"
        )


def _pickled(pools: Pools) -> bytes:
    if pools.initializer is None:
        return b""
    try:
        return pickle.dumps((pools.initializer, pools.initargs))
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise UsageError(
            "initializer and initargs go to worker processes, which find a function by its name: "
            f"write it with `def` at the top of its module, with plain arguments ({why})"
        ) from error


def _check_inline(pools: Pools) -> None:
    for name in ("fetch_executor", "mp_context", "max_tasks_per_worker"):
        if getattr(pools, name) is not None:
            raise UsageError(
                f"inline=True has neither threads nor processes: leave {name} out"
            )
