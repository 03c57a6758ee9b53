"""What hosts do: each function makes one `Host.answer`."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from email.utils import formatdate

from benchmarks.played.world import (
    CONNECT_SECONDS,
    READ_SECONDS,
    START,
    Answer,
    Asked,
)

Behaviour = Callable[[Asked], Answer]
Header = Callable[[float, float], str | None]  # (now, end of refusing) -> text

LATENCY = 0.05


# -- single answers ---------------------------------------------------------------------------


def well(asked: Asked) -> Answer:
    """Answers."""
    return Answer(LATENCY, 200)


def status(code: int, header: str | None = None) -> Behaviour:
    """Always says this."""
    return lambda asked: Answer(LATENCY, code, header)


def resets(asked: Asked) -> Answer:
    """Accepts, and closes before it has said a word."""
    return Answer(LATENCY, failure="connection_lost")


def closed(asked: Asked) -> Answer:
    """Nobody listens."""
    return Answer(LATENCY / 10, failure="connect_refused")


def unreachable(asked: Asked) -> Answer:
    """Packets vanish."""
    return Answer(CONNECT_SECONDS, failure="connect_timeout")


def silent(asked: Asked) -> Answer:
    """Accepts, and says nothing."""
    return Answer(READ_SECONDS, failure="timeout_first_byte")


def unknown(asked: Asked) -> Answer:
    """Has no address."""
    return Answer(LATENCY, failure="dns_not_found")


def unresolved(asked: Asked) -> Answer:
    """Its name server does not answer."""
    return Answer(LATENCY * 10, failure="dns_failed")


def endless(asked: Asked) -> Answer:
    """A body that goes on for ever, until our own time for a request is over."""
    return Answer(math.inf, 200, has_begun=True)


def cut_off(asked: Asked) -> Answer:
    """A body that ends before it is whole."""
    return Answer(LATENCY, failure="body_short", has_begun=True)


def without_proxy(asked: Asked) -> Answer:
    """The proxy through which it is asked is dead."""
    return Answer(LATENCY / 10, failure="proxy_failed")


def slow(asked: Asked) -> Answer:
    """Answers, but takes its time."""
    return Answer(READ_SECONDS * 0.8, 200)


# -- over time --------------------------------------------------------------------------------


def during(begins: float, seconds: float, bad: Behaviour, good: Behaviour = well,
           ) -> Behaviour:  # fmt: skip
    """Is bad for a time. What is under way when it begins gets its answer."""
    return lambda asked: (
        bad if begins <= asked.at < begins + seconds else good
    )(asked)


def refusing(
    begins: float,
    seconds: float,
    code: int,
    header: Header = lambda now, end: None,
) -> Behaviour:
    """Refuses for a time, with a Retry-After that `header` makes."""
    end = begins + seconds
    return during(
        begins,
        seconds,
        lambda asked: Answer(LATENCY, code, header(asked.at, end)),
    )


def flapping(up: float, down: float, bad: Behaviour) -> Behaviour:
    """Now there, now not."""
    return lambda asked: (bad if asked.at % (up + down) >= up else well)(asked)


def at_random(share: float, bad: Behaviour, draw: random.Random) -> Behaviour:
    """Answers this share of all requests badly, whichever they are."""
    return lambda asked: (bad if draw.random() < share else well)(asked)


def by_url(bad: dict[int, Behaviour], good: Behaviour = well) -> Behaviour:
    """Some of its URLs have a behaviour of their own."""
    return lambda asked: bad.get(asked.number, good)(asked)


def for_robots(bad: Behaviour, good: Behaviour = well) -> Behaviour:
    """robots.txt has a behaviour of its own."""
    return lambda asked: (bad if asked.number < 0 else good)(asked)


def first_after(moment: float, once: Behaviour, other: Behaviour) -> Behaviour:
    """The first request after a moment gets an answer of its own."""
    seen: list[float] = []

    def answer(asked: Asked) -> Answer:
        if asked.at >= moment and not seen:
            seen.append(asked.at)
            return once(asked)
        return other(asked)

    return answer


# -- what Retry-After says --------------------------------------------------------------------


def honest(now: float, end: float) -> str:
    """The seconds that are left, rounded up."""
    return str(math.ceil(end - now))


def as_date(now: float, end: float) -> str:
    """The moment at which it ends, as a date."""
    return formatdate(math.ceil(START + end), usegmt=True)


def in_the_past(now: float, end: float) -> str:
    """A date long gone."""
    return formatdate(START + now - 86_400.0, usegmt=True)


def always(text: str) -> Header:
    """The same words, whenever."""
    return lambda now, end: text


def nonsense(now: float, end: float) -> str:
    """No number and no date."""
    words = ("NaN", "soon", "-5", "\u0661\u0662\u0660", "1e400", "")
    return words[int(now * 1_000) % len(words)]
