"""Many URLs of a session: outcomes in the order of the input, as they end, or for asyncio.

Each reads its input as far ahead as `buffer` says, and no further, so that a generator of a million
URLs costs no memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import (
    AsyncIterable,
    AsyncIterator,
    Callable,
    Iterable,
    Iterator,
)
from queue import Empty, SimpleQueue
from typing import Any

from scraper.errors import UsageError
from scraper.machine.clock import steady_clock
from scraper.outcomes.outcome import Outcome, OutOfTime
from scraper.sessions.futures import Future

BUFFER = 1_000
Submit = Callable[[Any], Future]
_END = object()
_now = steady_clock()


def in_order(
    submit: Submit,
    urls: Iterable[Any],
    timeout: float | None,
    buffer: int,
) -> Iterator[Outcome]:
    """The outcomes in the order of the URLs, at most `buffer` of them ahead of the slowest."""
    ends_at = None if timeout is None else _now() + timeout
    source = iter(urls)
    waiting: deque[Future] = deque()
    has_more = True
    try:
        while has_more or waiting:
            if (waiting and (waiting[0].done() or not has_more)) or len(
                waiting
            ) >= buffer:
                yield _next_result(waiting, ends_at)
            else:
                url = next(source, _END)
                has_more = url is not _END
                if has_more:
                    waiting.append(submit(url))
    finally:
        _withdraw(waiting)


def _next_result(
    waiting: deque[Future],
    ends_at: float | None,
) -> Outcome:
    """Raises OutOfTime, with all that is done, if the first one is not."""
    try:
        outcome = waiting[0].result(_seconds_until(ends_at))
    except TimeoutError:
        if waiting[0].done():
            raise  # its own
        done = [each for each in waiting if _has_outcome(each)]
        raise OutOfTime([each.result() for each in done]) from None
    waiting.popleft()
    return outcome


def _seconds_until(moment: float | None) -> float | None:
    return None if moment is None else max(moment - _now(), 0.0)


def _has_outcome(future: Future) -> bool:
    is_over = future.done() and not future.cancelled()
    return is_over and future.exception() is None


def as_they_end(
    submit: Submit,
    urls: Iterable[Any],
    timeout: float | None,
    buffer: int,
) -> Iterator[Outcome]:
    """The outcomes as they come, with at most `buffer` URLs under way."""
    ends_at = None if timeout is None else _now() + timeout
    source = iter(urls)
    done: SimpleQueue[Future] = SimpleQueue()
    waiting: set[Future] = set()
    has_more = True
    try:
        while has_more or waiting:
            if done.empty() and has_more and len(waiting) < buffer:
                url = next(source, _END)
                has_more = url is not _END
                if has_more:
                    future = submit(url)
                    waiting.add(future)
                    future.add_done_callback(done.put)
                continue
            future = _next_done(done, ends_at)
            waiting.discard(future)
            yield future.result()
    finally:
        _withdraw(waiting)


def _next_done(done: SimpleQueue[Future], ends_at: float | None) -> Future:
    try:
        return done.get(timeout=_seconds_until(ends_at))
    except Empty:
        raise OutOfTime([]) from None


async def for_asyncio(
    submit: Submit,
    urls: Iterable[Any] | AsyncIterable[Any],
    buffer: int,
) -> AsyncIterator[Outcome]:
    """The outcomes as they come, without blocking the event loop."""
    import asyncio  # 30 ms, for those who have it running anyway

    source = _iterate(urls)
    loop = asyncio.get_running_loop()
    done: asyncio.Queue[Future] = asyncio.Queue()

    def hand_over(future: Future) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(done.put_nowait, future)

    waiting: set[Future] = set()
    has_more = True
    try:
        while has_more or waiting:
            if done.empty() and has_more and len(waiting) < buffer:
                url = await anext(source, _END)
                has_more = url is not _END
                if has_more:
                    future = submit(url)
                    waiting.add(future)
                    future.add_done_callback(hand_over)
                continue
            future = await done.get()
            waiting.discard(future)
            yield future.result()
    finally:
        _withdraw(waiting)


async def _iterate(
    urls: Iterable[Any] | AsyncIterable[Any],
) -> AsyncIterator[Any]:
    if isinstance(urls, AsyncIterable):
        async for url in urls:
            yield url
    else:
        for url in urls:
            yield url


def _withdraw(futures: Iterable[Future]) -> None:
    """Nothing more of these is wanted; what has begun goes on."""
    for future in futures:
        future.cancel()


def check_buffer(buffer: int) -> None:
    """Raises UsageError if it is none."""
    if isinstance(buffer, bool) or not isinstance(buffer, int) or buffer < 1:
        raise UsageError(f"buffer={buffer!r} is invalid: expected 1 or more")
