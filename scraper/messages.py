"""Everything that may arrive in the coordinator's inbox; each class says what its message means.

Any thread may post; one loop reads (pipeline.py), and has one case for each of them.
"""

from __future__ import annotations

from queue import SimpleQueue
from typing import Literal

import orjson
from msgspec import Struct

from scraper.model import Fact, Failure, Flag, Publication, Task

# for what is under way when this machine is at fault
FAULT_GRACE_SECONDS = 10.0


class LinesReady(Struct, frozen=True):
    """The list has more lines: `Reader.take` returns them."""


class InputExhausted(Struct, frozen=True):
    """The list has ended; with `error`, because reading it failed."""

    error: BaseException | None = None


class Answered(Struct, frozen=True):
    """A request is over with this fact: its thread is free, and its host's clock starts."""

    request_id: int  # of the flight; a fact that comes after its flight was given up is late
    fact: Fact
    at: float  # unix time
    began: float  # unix time at which its thread had taken it up


SENDS_ON = (
    "sends_on"  # the one fact of a page that is no end, but a hop: the URL
)
_SENDS_ON = f'{{"{SENDS_ON}":'.encode()


class Processed(Struct, frozen=True):
    """A worker process has turned a body into facts, or has failed to.

    `facts` is a JSON object, encoded once, in the worker.
    """

    task: Task
    facts: bytes
    found: tuple[str, ...] = ()
    files: tuple[Publication, ...] = ()
    failure: Failure | None = None
    seconds: float = 0.0
    printed: str = ""  # what it printed meanwhile
    flags: tuple[Flag, ...] = ()
    fill: str = ""  # which fields recipes have filled, as JSON
    # URLs that a page leads to and that may be followed, with how: next, page or link
    leads: tuple[tuple[str, str], ...] = ()
    sketch: bytes = (
        b""  # what a page says, in a bit for each thing, if links are followed
    )

    @property
    def sends_on(self) -> str | None:
        """Where the page sends its reader, if that is to be followed."""
        if not self.facts.startswith(_SENDS_ON):
            return None
        url: str = orjson.loads(self.facts)[SENDS_ON]
        return url


class WorkReturned(Struct, frozen=True):
    """A body was lost with its worker while the run stops: its task is pending again."""

    task: Task


class PoolBroken(Struct, frozen=True):
    """A pool of worker processes is dead, or has done its share: `ProcessStage.recover` replaces
    it."""

    generation: int


class Asked(Struct, frozen=True):
    """The owner of a future wants its URL `withdrawn`, or what is under way for it `aborted`."""

    future: object  # of a session
    what: Literal["withdrawn", "aborted"]


class NetworkProbed(Struct, frozen=True):
    """Our own network was probed: `heard` if anything came back."""

    heard: bool


class Stop(Struct, frozen=True):
    """The run is to end early: request nothing more, let what is under way finish within `grace`
    seconds. A `failure` is this machine's, and ends the run with an error."""

    reason: str
    grace: float
    failure: Failure | None = None


def stop_for(fault: Failure | None) -> Stop | None:
    """With this machine at fault, what is under way may finish, and nothing more begins."""
    if fault is None or fault.kind == "interrupted":
        return None
    return Stop(fault.message, grace=FAULT_GRACE_SECONDS, failure=fault)


Message = (
    LinesReady
    | InputExhausted
    | Answered
    | Processed
    | WorkReturned
    | PoolBroken
    | Asked
    | NetworkProbed
    | Stop
)
Inbox = SimpleQueue[Message]
