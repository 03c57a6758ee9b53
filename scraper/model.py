"""The nouns. Frozen, picklable Structs of msgspec; nothing else travels between modules.

A `Task` is asked; asking it ends in one fact: `Fetched` (it is on disk), `Moved` (ask there
instead), `RobotsText` (this origin's robots.txt) or `FetchFailed`. What all of it comes to is an
`Outcome` (outcomes/outcome.py).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from msgspec import Struct

from scraper.outcomes.fills import Fills
from scraper.redaction import redacted, redacted_line
from scraper.urls import Url

State = Literal["done", "unchanged", "failed", "skipped"]
STATES: tuple[State, ...] = get_args(State)
Kind = Literal["page", "image", "file"]
Trust = Literal["listed", "private", "public", "proxy"]  # who named this URL
HostClass = Literal["private", "public"]
Reported = Literal["here", "unknown", "gone"]  # of a URL in changes.jsonl
Headers = tuple[tuple[str, str], ...]

# Of what waits by the thousand the garbage collector keeps no account (gc=False): frozen nouns
# that hold each other form no circle.


class Failure(Struct, frozen=True):
    """Why, in a word that can be counted. `kind` is one of `errors.KINDS`."""

    kind: str
    stage: str
    message: str
    retryable: bool = False
    blame: str = "url"  # "url", "host", or "here": a fault of this machine, never an outcome
    status: int | None = None
    # Seconds for which the answer asks us to leave the host alone: at most a year.
    pause: float | None = None
    # unix time before which it is not asked, though it will be: see `errors.UNASKED`
    not_before: float | None = None

    @property
    def label(self) -> str:
        """What summaries count: the kind, and for `http_status` the status itself."""
        return label_of(self.kind, self.status)


def label_of(kind: str, status: int | None) -> str:
    """What summaries and `--retry` call a failure: its kind, but http_404 for a status."""
    return f"http_{status}" if kind == "http_status" else kind


def flags_in(text: str | None) -> tuple[str, ...]:
    """The flags in a text of the ledger.

    >>> flags_in("captcha,looks_same"), flags_in("")
    (('captcha', 'looks_same'), ())
    """
    return tuple(text.split(",")) if text else ()


class Hop(Struct, frozen=True):
    """One redirect on the way: the URL that answered, and with which status."""

    url: Url
    status: int


class StoredResponse(Struct, frozen=True, gc=False):
    """The copy of a URL that an earlier pass has brought, and the validators to ask with."""

    path: str | None = None
    type: str | None = None
    charset: str | None = None
    bytes: int | None = None
    sha256: str | None = None
    process_hash: str | None = None
    facts_pass: int | None = None  # whose record holds its facts
    facts_offset: int | None = None  # of that record, in records.jsonl
    error_kind: str | None = None  # under which it ended last
    flags: str | None = None  # what it was flagged as, with commas
    fill: str | None = None  # which fields recipes have filled; see `Fills`
    final_url: str | None = None  # what answered, if it is not the URL itself
    status: int | None = None  # of the last answer
    etag: str | None = None
    last_modified: str | None = None
    url: str | None = None  # that answered


class Standing(Struct, frozen=True, gc=False):
    """What was reported last of a URL whose last answer does not say it; its last good record."""

    reported: Reported
    # It is not there any more, which is reported when the list has ended.
    is_missing: bool = False
    facts_pass: int | None = None
    facts_offset: int | None = None  # in records.jsonl
    sha256: str | None = None
    process_hash: str | None = None
    final_url: str | None = None


class Task(Struct, frozen=True, gc=False):
    """Ask this URL. `url` is what is asked now, `origin_url` what the record is about."""

    id: int  # row in the ledger
    url: Url
    origin_url: Url
    purpose: Literal["url", "robots"] = "url"
    attempt: int = 1
    hops: tuple[Hop, ...] = ()
    depth: int = 0  # steps from what the user has listed
    # Of a page that links lead to: the steps of them that are levels, those to the next page of a
    # chain that come last. None of what is listed, and of a page's images.
    level: int | None = None
    chain: int = 0
    parent: Url | None = None  # of the page that named it first
    page: Url | None = (
        None  # where that page came from, if redirects led elsewhere
    )
    written: str | None = (
        None  # as the user wrote it, where that differs from the canonical form
    )
    seq: int | None = (
        None  # place in the input, from 1; None if found on a page
    )
    source: str | None = None
    # where its list came from, if this program has fetched that
    sender: Url | None = None
    line: int | None = None
    columns: str | None = None  # of its row in a table, as a JSON object
    refusal: str | None = (
        None  # the kind under which the line itself was refused
    )
    stored: StoredResponse | None = None  # what an earlier pass has brought
    standing: Standing | None = None  # where the last answer was not good
    started: float = 0.0  # unix time of the first attempt in this pass
    tries: int = (
        0  # spent in this pass: a request that its host refused spends none
    )
    refusals: int = 0  # by its host, with good answers to others between them
    unasked: int = 0  # passes that gave it up where its host answered others
    robots: str | None = (
        None  # "disallowed" where robots.txt forbids what is asked all the same
    )
    headers: Headers = ()  # that are sent for this URL alone

    @property
    def is_picture(self) -> bool:
        """Does a page name it as one of its pictures, and nothing else leads to it?"""
        return self.depth > 0 and self.level is None

    @property
    def shown_url(self) -> str:
        """What the record is about, without secrets: a URL, or the line that is none."""
        show = redacted_line if self.refusal else redacted
        return show(self.origin_url.href)


class Timings(Struct, frozen=True):
    """Seconds of a request by phase; `connect` is None on a connection that was kept."""

    connect: float | None = None
    first_byte: float | None = None
    fetch: float = 0.0


class Fetched(Struct, frozen=True):
    """It is on disk, whole, or known to be what we already hold."""

    task: Task
    url: Url  # the URL that answered
    status: int
    kind: Kind
    type: str  # what the first bytes say, else Content-Type, e.g. "text/html"
    charset: str | None  # the one that HTTP declares
    headers: Headers
    part: str | None  # path below the parts folder; None of what is unchanged
    bytes: int
    wire_bytes: int
    sha256: str | None
    at: float  # unix time of the answer
    timings: Timings
    peer: str | None = None
    pause: float | None = None
    throttled: float = 0.0  # seconds, by our own bandwidth limits
    has_known_bytes: bool = False  # though it was transferred once more

    @property
    def is_unchanged(self) -> bool:
        """Do we hold it already?"""
        return self.status == 304 or self.has_known_bytes


class Moved(Struct, frozen=True):
    """Ask there instead: one hop, to be judged by the frontier like any other URL."""

    task: Task
    to: Url
    status: int
    at: float  # unix time
    pause: float | None = None
    wire_bytes: int = 0  # of a body that is not kept
    throttled: float = 0.0


class RobotsText(Struct, frozen=True):
    """What this origin permits: the text of its robots.txt ("" permits everything)."""

    task: Task
    text: str
    at: float
    status: int | None = None
    wire_bytes: int = 0
    pause: float | None = None
    throttled: float = 0.0


class FetchFailed(Struct, frozen=True):
    """The request failed.

    It was `answered` if one byte of an HTTP answer came, fit to be read or not. What a proxy says
    of its tunnel is none; what it says in the place of a host counts as that host's.
    """

    task: Task
    failure: Failure
    url: Url
    at: float
    timings: Timings = Timings()
    headers: Headers = ()
    wire_bytes: int = 0  # of a body that came, whole or not
    answered: bool = False
    throttled: float = 0.0

    @property
    def pause(self) -> float | None:
        """As of every fact: seconds for which the answer asks us to leave the host alone."""
        return self.failure.pause


Fact = Fetched | Moved | RobotsText | FetchFailed


class Flag(NamedTuple):
    """What a body seems to be instead of what was asked for, and what shows it."""

    flag: str  # one of `errors.FLAGS`
    evidence: str  # one line


class Publication(Struct, frozen=True):
    """A finished part and the name under which it appears; without a part, a name to remove."""

    part: str | None  # path below the parts folder
    path: str  # path below the run folder, with "/"


class Line(Struct, frozen=True):
    """One more URL for the ledger: a line of a list (`seq` set by `add`), an image of a page, or
    `how` a page leads on (next, page or link)."""

    url: Url
    written: str | None = None
    source: int | None = None
    line: int | None = None
    refusal: str | None = None
    depth: int = 0
    columns: str | None = None  # of a row in a table, as a JSON object
    modified: float | None = None  # unix time: its list says, not changed since
    level: int | None = None
    chain: int = 0
    how: str | None = None
    parent: int | None = None  # row of the page


class Sender(NamedTuple):
    """Who has sent a list that this program fetched."""

    url: Url  # the last one on the way
    host_class: HostClass  # of its host


class Waiting(Struct, frozen=True, gc=False):
    """A task that waits in its lane, and since when it may be asked."""

    task: Task
    due: float


class LaneAhead(NamedTuple):
    """What is known of a lane before it is awake."""

    is_known: bool = False  # something may be remembered of its host
    is_large: bool = False  # more URLs wait in it than in most


class HostState(Struct, frozen=True):
    """What is remembered of a host between runs. Times are unix seconds, 0 for never."""

    id: int
    name: str
    robots: str | None = None
    # What its refusals have taught (frontier/rate.py); requests a second.
    learned_rate: float = 0.0
    sure_rate: float = 0.0
    refused_rate: float = 0.0
    rate_refused_at: float = 0.0
    rate_learned_at: float = 0.0
    rate_hold: float = 0.0  # seconds
    rate_burst: float = 0.0  # good answers at once
    quota: int = 0  # good answers until it refused for longer
    recovery: float = 0.0  # seconds
    pause_until: float = 0.0
    host_class: str | None = None
    refusals: int = 0
    silences: int = 0
    troubled_since: float = 0.0
    failed_at: float = 0.0
    answered_at: float = 0.0
    given_up: str | None = None  # in this pass; the kind of the failure
    given_up_why: str | None = None
    not_before: float | None = None
    given_up_passes: int = 0
    given_up_since: float = 0.0
    failed_with: str | None = None  # of its trouble: http_429, connect_timeout
    gives_up_at: float = 0.0  # when its patience ends, if it hangs on that


class Ended(NamedTuple):
    """How many URLs ended alike, and the size of their bodies; `kind` of those that came out."""

    state: str
    kind: str | None
    error_kind: str | None
    status: int | None
    urls: int
    bytes: int
    unasked: int = 0  # of them
    not_before: float | None = None  # unix time; of the first that may be asked
    flags: str | None = None  # of their bodies, with commas
    fills: Fills | None = None  # what recipes came to on them
