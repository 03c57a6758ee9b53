"""The tree of failure kinds, and the one place where foreign exceptions get our names.

    input      the line itself            bad_url  bad_scheme  bad_encoding
                                          bad_row  row_too_long  list_broken
                                          list_failed  file_unreadable
    rule       a rule of ours said no     host_not_allowed  port_not_allowed  private_address
                                          out_of_scope
                                          robots_disallowed  robots_directive
                                          redirect_not_followed  aborted
                                          trap_pages  trap_depth  trap_segments
                                          trap_query  trap_calendar  trap_folder
                                          trap_same_body
                                          filtered_bytes  filtered_size  filtered_area
                                          filtered_ratio  filtered_blank
    network    no usable answer came      dns_not_found  dns_failed  dns_timeout
                                          connect_refused  connect_timeout  connect_failed
                                          tls_certificate  tls_failed  proxy_failed
                                          connection_lost  timeout_first_byte
                                          timeout_read  timeout_total  too_slow
                                          host_refused  host_down  robots_unreachable
    server     an answer that is no good  http_status  too_many_redirects  bad_redirect
                                          protocol_error  body_short  body_too_large
                                          body_undecodable
    content    a body that is no good     wrong_content  flagged  field_missing
                                          field_invalid  name_taken
                                          image_broken  image_truncated  image_too_large
                                          page_broken  json_broken  function_failed
    process    the worker process failed    process_timeout  process_memory  process_died
    here       this machine is at fault   disk_full  disk_error  no_descriptors  network_down
                                          out_of_memory  interrupted  stalled
    bug        ours                       internal_error

`input`, `network`, `server`, `content`, `process` and `bug` end as state `failed`, `rule` as
`skipped`. `here` never ends as an outcome: the URL stays pending and the run stops with exit 5.
docs/errors.md says of each kind what it means and what to do; a test keeps the two equal.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

from scraper.text import printable

if TYPE_CHECKING:
    from scraper.model import Failure

Branch = Literal[
    "input", "rule", "network", "server", "content", "process", "here", "bug"
]
Blame = Literal["url", "host", "here"]


class FailureKind(NamedTuple):
    """One leaf of the tree."""

    name: str
    branch: Branch
    stage: str  # where it is met: input, rule, fetch, process, here
    retryable: bool  # may the next attempt come out differently?
    blame: Blame  # whom it speaks of; "host" pauses the host's lane


def _kinds(
    branch: Branch, stage: str, **kinds: tuple[bool, Blame]
) -> Iterator[FailureKind]:
    for name, (retryable, blame) in kinds.items():
        yield FailureKind(name, branch, stage, retryable, blame)


_NEVER: tuple[bool, Blame] = (False, "url")
_AGAIN: tuple[bool, Blame] = (True, "url")
_HOST: tuple[bool, Blame] = (True, "host")
_HERE: tuple[bool, Blame] = (True, "here")

KINDS: dict[str, FailureKind] = {
    kind.name: kind
    for kinds in (
        _kinds(
            "input",
            "input",
            bad_url=_NEVER,
            bad_scheme=_NEVER,
            bad_encoding=_NEVER,
            bad_row=_NEVER,
            row_too_long=_NEVER,
            list_broken=_NEVER,
            list_failed=_NEVER,
            file_unreadable=_NEVER,
        ),
        _kinds(
            "rule",
            "rule",
            host_not_allowed=_NEVER,
            port_not_allowed=_NEVER,
            private_address=_NEVER,
            out_of_scope=_NEVER,
            robots_disallowed=_NEVER,
            robots_directive=_NEVER,
            redirect_not_followed=_NEVER,
            aborted=_NEVER,
            trap_pages=_NEVER,
            trap_depth=_NEVER,
            trap_segments=_NEVER,
            trap_query=_NEVER,
            trap_calendar=_NEVER,
            trap_folder=_NEVER,
            trap_same_body=_NEVER,
            filtered_bytes=_NEVER,
            filtered_size=_NEVER,
            filtered_area=_NEVER,
            filtered_ratio=_NEVER,
            filtered_blank=_NEVER,
        ),
        _kinds(
            "network",
            "fetch",
            dns_not_found=(False, "host"),
            dns_failed=_HOST,
            dns_timeout=_HOST,
            connect_refused=_HOST,
            connect_timeout=_HOST,
            connect_failed=_HOST,
            tls_certificate=(False, "host"),
            tls_failed=_HOST,
            proxy_failed=_HOST,
            connection_lost=_AGAIN,
            timeout_first_byte=_HOST,
            timeout_read=_HOST,
            timeout_total=_AGAIN,
            too_slow=_AGAIN,
            host_refused=_HOST,
            host_down=_HOST,
            robots_unreachable=_AGAIN,
        ),
        _kinds(
            "server",
            "fetch",
            http_status=_NEVER,  # retryable by status: see `of_status`
            too_many_redirects=_NEVER,
            bad_redirect=_NEVER,
            protocol_error=_AGAIN,
            body_short=_AGAIN,
            body_too_large=_NEVER,
            body_undecodable=_AGAIN,
        ),
        _kinds(
            "content",
            "process",
            wrong_content=_NEVER,
            flagged=_NEVER,
            field_missing=_NEVER,
            field_invalid=_NEVER,
            name_taken=_NEVER,
            image_broken=_NEVER,
            image_truncated=_NEVER,
            image_too_large=_NEVER,
            page_broken=_NEVER,
            json_broken=_NEVER,
            function_failed=_NEVER,
        ),
        _kinds(
            "process",
            "process",
            process_timeout=_NEVER,
            process_memory=_NEVER,
            process_died=_NEVER,
        ),
        _kinds(
            "here",
            "here",
            disk_full=_HERE,
            disk_error=_HERE,
            no_descriptors=_HERE,
            network_down=_HERE,
            out_of_memory=_HERE,
            interrupted=_HERE,
            stalled=_HERE,
        ),
        _kinds("bug", "internal", internal_error=_NEVER),
    )
    for kind in kinds
}

# Statuses with which a host refuses for the moment: 420 and 430 are old and proprietary names of
# 429, 509 and 529 of a limit that is reached.
REFUSING_STATUSES = frozenset({420, 429, 430, 503, 509, 529})
# Statuses that are the last word on a URL, even with Retry-After.
SETTLED_STATUSES = frozenset({401, 404, 410, 451})
# A URL that ends so was not asked, or not to the end, for its host's sake: if it says `not_before`,
# the same command takes it up again.
UNASKED = frozenset({"host_refused", "host_down", "robots_unreachable"})
# A page that came, in which a recipe did not find what it is to find.
OF_FIELDS = frozenset({"field_missing", "field_invalid"})
# A picture that the user's filters leave out: nothing of it is kept but what it was, and the
# validators of its answer.
FILTERED = frozenset(name for name in KINDS if name.startswith("filtered_"))
# What leads on without end is not asked any further.
TRAPS = frozenset(name for name in KINDS if name.startswith("trap_"))
# Kinds of which each failure has a text of its own: one stands for all.
WITH_EXAMPLES = OF_FIELDS | TRAPS
# What such a URL brought is not kept, and its record says nothing of it.
UNSAID = frozenset({"robots_directive", "name_taken"})
# What such a URL brought is whole, and not what was wanted: as long as a 304 says that it has not
# changed there is nothing to be had again.
LASTING = frozenset({"wrong_content", "flagged"}) | OF_FIELDS | FILTERED
# What a body may seem to be instead of what was asked for: a closed list.
FLAGS = ("soft_404", "block_page", "captcha", "login_wall", "empty_shell",
         "looks_same")  # fmt: skip

# Statuses after which the same question may be answered: RFC 9110 15.5.9, 15.5.20 (421), RFC 8470
# (425), those above, and the 5xx that speak of a moment.
RETRYABLE_STATUSES = REFUSING_STATUSES | {408, 421, 425, 500, 502, 504, 507, 520, 521, 522, 523,
                                          524, 530, 598, 599}  # fmt: skip


class ScraperError(Exception):
    """The root of what this package raises; the message is for the user."""

    exit_code = 2


class UsageError(ScraperError):
    """Configuration, input or folder cannot be used (exit code 2)."""


class Unreadable(UsageError, ValueError):
    """A body is not what it is taken for: no text, no JSON, no picture."""


class InUse(ScraperError):
    """Another run holds the folder (exit code 6)."""

    exit_code = 6


class LocalFault(ScraperError):
    """This machine cannot go on: disk full, no descriptors (exit code 5, resumable)."""

    exit_code = 5

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure

    def __reduce__(self) -> tuple[object, ...]:
        return _fault_of_class, (type(self), self.failure)


def _fault_of_class(cls: type[LocalFault], failure: Failure) -> LocalFault:
    """Unpickle a fault: a subclass may be made from something else than a failure."""
    fault = cls.__new__(cls)
    LocalFault.__init__(fault, failure)
    return fault


def new_failure(
    kind: str,
    message: str,
    *,
    status: int | None = None,
    pause: float | None = None,
    not_before: float | None = None,
) -> Failure:
    """A `Failure` of a kind of the tree, with the stage, retryability and blame of the kind."""
    # Here, because a command imports this module before it has started the
    # fork server, and the nouns are two thirds of what it would import then.
    from scraper.model import Failure

    of = KINDS[kind]
    return Failure(
        kind,
        of.stage,
        message,
        of.retryable,
        of.blame,
        status,
        pause,
        not_before,
    )


def of_status(status: int, reason: str, pause: float | None = None) -> Failure:
    """The failure that an HTTP status of 4xx or 5xx (or an unexpected one) stands for."""
    from scraper.model import Failure

    refuses = speaks_of_moment(status, pause)
    message = f"the server answered {status} {' '.join(reason.split())[:100]}".rstrip()
    return Failure(
        "http_status",
        "fetch",
        message,
        refuses or status in RETRYABLE_STATUSES,
        "host" if refuses else "url",
        status,
        pause,
    )


def speaks_of_moment(status: int, pause: float | None) -> bool:
    """Does the host refuse for the moment, whatever it is asked? Its lane pauses.

    `pause` is what the answer's Retry-After asks for, if it has one that means something.

    >>> speaks_of_moment(429, None), speaks_of_moment(403, 60.0), speaks_of_moment(404, 60.0)
    (True, True, False)
    """
    if status in REFUSING_STATUSES:
        return True
    asks_for_pause = pause is not None and status not in SETTLED_STATUSES
    return asks_for_pause and 400 <= status < 600


def is_filtered(failure: Failure | None) -> bool:
    """Does a filter leave the picture out?"""
    return failure is not None and failure.kind in FILTERED


def is_unsaid(failure: Failure | None) -> bool:
    """Does the record say nothing of what came?"""
    return failure is not None and failure.kind in UNSAID


def state_of(failure: Failure) -> Literal["failed", "skipped"]:
    """The state in which a URL ends that came to this failure."""
    return "skipped" if KINDS[failure.kind].branch == "rule" else "failed"


# -- the door ---------------------------------------------------------------------------------

# Dotted class names, looked up along the MRO: nothing needs importing, and a subclass that a
# library adds later falls to its parent's kind. None marks wrappers that say nothing themselves.
EXCEPTION_KINDS: dict[str, str | None] = {
    "scraper.guard.resolver.NotFound": "dns_not_found",
    "scraper.guard.resolver.LookupFailed": "dns_failed",
    "scraper.guard.resolver.LookupTimeout": "dns_timeout",
    "scraper.guard.guard.Refused": "private_address",
    "socket.gaierror": "dns_failed",
    "socket.herror": "dns_failed",
    "builtins.ConnectionRefusedError": "connect_refused",
    "builtins.ConnectionResetError": "connection_lost",
    "builtins.ConnectionAbortedError": "connection_lost",
    "builtins.BrokenPipeError": "connection_lost",
    "ssl.SSLCertVerificationError": "tls_certificate",
    "ssl.SSLError": "tls_failed",
    "http.client.RemoteDisconnected": "connection_lost",
    "http.client.BadStatusLine": "protocol_error",
    "http.client.LineTooLong": "protocol_error",
    "http.client.IncompleteRead": "body_short",
    "http.client.UnknownTransferEncoding": "protocol_error",
    "http.client.InvalidURL": "bad_url",
    "http.client.HTTPException": "protocol_error",
    "urllib3.exceptions.ConnectTimeoutError": "connect_timeout",
    "urllib3.exceptions.NameResolutionError": "dns_failed",
    "urllib3.exceptions.NewConnectionError": "connect_failed",
    "urllib3.exceptions.ReadTimeoutError": "timeout_read",
    "urllib3.exceptions.TimeoutError": "timeout_read",
    "urllib3.exceptions.InvalidChunkLength": "protocol_error",
    "urllib3.exceptions.IncompleteRead": "body_short",
    "urllib3.exceptions.ProtocolError": "connection_lost",
    "urllib3.exceptions.DecodeError": "body_undecodable",
    "urllib3.exceptions.ProxySchemeUnknown": "proxy_failed",
    "urllib3.exceptions.ProxySchemeUnsupported": "proxy_failed",
    "urllib3.exceptions.ProxyError": "proxy_failed",
    "urllib3.exceptions.SSLError": "tls_failed",
    "urllib3.exceptions.LocationParseError": "bad_url",
    "urllib3.exceptions.LocationValueError": "bad_url",
    "urllib3.exceptions.URLSchemeUnknown": "bad_scheme",
    "urllib3.exceptions.MaxRetryError": None,
    "urllib3.exceptions.ResponseError": "too_many_redirects",
    "urllib3.exceptions.BodyNotHttplibCompatible": "internal_error",
    "urllib3.exceptions.ResponseNotChunked": "protocol_error",
    "urllib3.exceptions.UnrewindableBodyError": "internal_error",
    "urllib3.exceptions.HeaderParsingError": "protocol_error",
    "urllib3.exceptions.InvalidHeader": "protocol_error",
    "urllib3.exceptions.HTTPError": "protocol_error",
    "requests.exceptions.ConnectTimeout": "connect_timeout",
    "requests.exceptions.ReadTimeout": "timeout_read",
    "requests.exceptions.Timeout": "timeout_read",
    "requests.exceptions.SSLError": "tls_failed",
    "requests.exceptions.ProxyError": "proxy_failed",
    "requests.exceptions.ChunkedEncodingError": "body_short",
    "requests.exceptions.ContentDecodingError": "body_undecodable",
    "requests.exceptions.TooManyRedirects": "too_many_redirects",
    "requests.exceptions.MissingSchema": "bad_url",
    "requests.exceptions.InvalidSchema": "bad_scheme",
    "requests.exceptions.InvalidProxyURL": "proxy_failed",
    "requests.exceptions.InvalidURL": "bad_url",
    "requests.exceptions.InvalidHeader": "protocol_error",
    "requests.exceptions.URLRequired": "bad_url",
    "requests.exceptions.JSONDecodeError": "internal_error",
    "requests.exceptions.InvalidJSONError": "internal_error",
    "requests.exceptions.StreamConsumedError": "internal_error",
    "requests.exceptions.RetryError": None,
    "requests.exceptions.UnrewindableBodyError": "internal_error",
    "requests.exceptions.HTTPError": "protocol_error",
    "requests.exceptions.ConnectionError": "connection_lost",
    "requests.exceptions.RequestException": "protocol_error",
    "sqlite3.DataError": "internal_error",
    "sqlite3.IntegrityError": "internal_error",
    "sqlite3.InternalError": "disk_error",
    "sqlite3.NotSupportedError": "internal_error",
    "sqlite3.OperationalError": "disk_error",
    "sqlite3.ProgrammingError": "internal_error",
    "sqlite3.DatabaseError": "disk_error",
    "sqlite3.InterfaceError": "internal_error",
    "sqlite3.Error": "disk_error",
    "PIL.UnidentifiedImageError": "image_broken",
    "PIL.Image.DecompressionBombError": "image_too_large",
    "PIL.Image.DecompressionBombWarning": "image_too_large",
    "zlib.error": "body_undecodable",
    "builtins.MemoryError": "out_of_memory",
}

# Local troubles first; the others are what a socket says. Writing our own files goes through
# `disk_failure` instead, because EACCES or ENOENT of a file and of a connection differ.
_ERRNO: dict[int, str] = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EMFILE: "no_descriptors",
    errno.ENFILE: "no_descriptors",
    errno.ENOBUFS: "no_descriptors",
    errno.ENOMEM: "out_of_memory",
    errno.ECONNREFUSED: "connect_refused",
    errno.ECONNRESET: "connection_lost",
    errno.ECONNABORTED: "connection_lost",
    errno.EPIPE: "connection_lost",
    errno.ENOTCONN: "connection_lost",
    errno.EBADF: "connection_lost",
    errno.ETIMEDOUT: "connect_timeout",
    errno.EHOSTUNREACH: "connect_failed",
    errno.ENETDOWN: "connect_failed",
    errno.ENETUNREACH: "connect_failed",
    errno.EHOSTDOWN: "connect_failed",
    errno.EADDRNOTAVAIL: "connect_failed",
    errno.EAFNOSUPPORT: "connect_failed",
}
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def disk_failure(error: OSError) -> Failure:
    """The failure that an exception from our own files stands for; blamed on this machine."""
    where = f": {printable(str(error.filename))}" if error.filename else ""
    if error.errno in _FULL:
        return new_failure(
            "disk_full",
            f"no space left on the disk{where}; make space, start again",
        )
    if error.errno == errno.EFBIG:
        return new_failure(
            "disk_full",
            f"the file size limit (ulimit -f) is reached{where}; raise it, start again",
        )
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return new_failure(
            "no_descriptors",
            "no file descriptors left: raise `ulimit -n` or use -j",
        )
    return new_failure("disk_error", f"{error.strerror or error}{where}")


def failure_of(error: BaseException) -> Failure:
    """The failure that a foreign exception stands for.

    Wrappers are opened: what lies deepest is what happened. A plain time-out lies deepest in
    both kinds of time-out, so there the wrapper decides; and a refusal or time-out of the proxy
    is the proxy's, not the host's. One without a name here is `protocol_error` if a library
    raised it that reads answers, else `internal_error`: a mistake of ours.
    """
    chain = list(_chain(error))
    for each in chain:
        if isinstance(each, LocalFault):
            return each.failure
    kind = _kind_among(chain)
    return (
        _unknown(error)
        if kind is None
        else new_failure(kind, _message(kind, chain))
    )


def _kind_among(chain: list[BaseException]) -> str | None:
    kinds = [_kind_of(each) for each in reversed(chain)]
    kind = _first(iter(kinds))
    if (
        kind is not None
        and KINDS[kind].branch == "network"
        and "proxy_failed" in kinds
    ):
        return "proxy_failed"
    if kind is None and any(isinstance(each, TimeoutError) for each in chain):
        return "timeout_read"
    if kind is None and isinstance(chain[-1], OSError):
        return "connect_failed"
    return kind


def _unknown(error: BaseException) -> Failure:
    """What no name is kept for: over something in an answer, or a mistake of ours."""
    if _is_of_a_library(error):
        return new_failure(
            "protocol_error", f"{_WORDS['protocol_error']} ({_where(error)})"
        )
    return new_failure("internal_error", _where(error))


def _message(kind: str, chain: list[BaseException]) -> str:
    """What happened, in the words of the deepest exception; ours before them where those only
    say what a library tripped over."""
    if kind not in _WORDS:
        return _words_in(chain[-1], chain[0])
    deciding = next(each for each in reversed(chain) if _kind_of(each) == kind)
    if hasattr(deciding, "kind"):
        return _words_in(deciding, deciding)
    return f"{_WORDS[kind]} ({_with_class_name(deciding)})"


_WORDS = {
    "protocol_error": "the answer is not HTTP as it must be",
    "body_short": "the connection ended before the body did",
}
_LIBRARIES = frozenset(
    {"email", "http", "requests", "socket", "socks", "ssl", "urllib3"}
)
_OURS = frozenset({"processors", "scraper"})


def _is_of_a_library(error: BaseException) -> bool:
    """Was it raised by what reads answers for us, over something in the answer?

    Of the frames that led to it the innermost decides that is ours or such a library's.
    """
    import traceback  # only for what has no name

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    for frame in reversed(frames):
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if package in _OURS | _LIBRARIES:
            return package in _LIBRARIES
    return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it wraps, outermost first."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        reason = getattr(following, "reason", None)
        wrapped = [
            each
            for each in (reason, *following.args)
            if isinstance(each, BaseException)
        ]
        following = (
            wrapped[0]
            if wrapped
            else following.__cause__ or following.__context__
        )


def _kind_of(error: BaseException) -> str | None:
    if isinstance(error, TimeoutError) and type(error) is TimeoutError:
        return None
    if is_out_of_threads(error):
        return "out_of_memory"
    # what the guard and the processors raise says its kind
    own = getattr(error, "kind", None)
    if isinstance(own, str) and own in KINDS:
        return own
    for cls in type(error).__mro__:
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name in EXCEPTION_KINDS:
            return EXCEPTION_KINDS[name]
        if cls is OSError and isinstance(error, OSError):
            return _ERRNO.get(error.errno or 0)
    return None


def is_out_of_threads(error: BaseException) -> bool:
    """Did Python fail to start a thread? It has no exception of its own for that."""
    return (
        isinstance(error, RuntimeError)
        and str(error) == "can't start new thread"
    )


def _first(kinds: Iterator[str | None]) -> str | None:
    return next((kind for kind in kinds if kind is not None), None)


def _words_in(deepest: BaseException, error: BaseException) -> str:
    text = _text(deepest) or _text(error) or type(error).__name__
    return " ".join(text.split())[:500]


def _with_class_name(error: BaseException) -> str:
    """`BadStatusLine: hello`."""
    said, name = _words_in(error, error), type(error).__name__
    return said if said.startswith(name) else f"{name}: {said}"


def _text(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and not error.filename:
        # without the number, which says nothing to a reader
        return error.strerror
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - its own __str__ is broken; this must not be
        return ""


def _where(error: BaseException) -> str:
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}: {_words_in(error, error)}{place}"
