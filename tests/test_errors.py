"""Whatever is raised on the way to an answer comes out of the door with a name of ours."""

from __future__ import annotations

import errno
import http.client
import inspect
import pickle
import re
import socket
import sqlite3
import ssl
import zlib
from collections.abc import Callable, Iterator
from types import ModuleType

import PIL
import PIL.Image
import pytest
import requests
import requests.exceptions
import urllib3.exceptions as u3
from requests.exceptions import ConnectionError as RequestsConnectionError
from urllib3.connection import HTTPConnection

from scraper import errors
from scraper.errors import (
    EXCEPTION_KINDS,
    KINDS,
    LocalFault,
    disk_failure,
    failure_of,
    new_failure,
    of_status,
)
from scraper.guard import guard, resolver
from scraper.workers.stage import StageFailed
from tests.conftest import PROJECT

CONNECTION = HTTPConnection("example.com")


# -- the tree ---------------------------------------------------------------------------------


def drawn() -> list[str]:
    """The leaves of the tree in the docstring, in order."""
    tree = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    leaves = []
    for line in tree.splitlines():
        # Columns: branch, what it says, leaves; the last one begins where the first line has it.
        leaves += re.split(r"\s+", line[42:].strip())
    return [leaf for leaf in leaves if leaf]


def test_the_tree_is_drawn_as_it_is() -> None:
    assert drawn() == list(KINDS)


def test_branches_are_drawn_as_they_are() -> None:
    tree = (errors.__doc__ or "").partition("\n\n")[2].partition("\n\n")[0]
    branches = [
        line[:15].strip() for line in tree.splitlines() if line[:15].strip()
    ]
    assert branches == list(
        dict.fromkeys(kind.branch for kind in KINDS.values())
    )


def test_the_documentation_lists_exactly_the_kinds() -> None:
    text = (PROJECT / "docs" / "errors.md").read_text()
    listed = [
        name
        for line in text.splitlines()
        if line.startswith("|")
        for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])
    ]
    assert sorted(listed) == sorted(KINDS)


def test_a_kind_knows_its_state() -> None:
    skipped = {
        name
        for name in KINDS
        if errors.state_of(new_failure(name, "")) == "skipped"
    }
    assert skipped == {
        name for name, kind in KINDS.items() if kind.branch == "rule"
    }


def test_what_is_blamed_on_this_machine_is_what_stands_in_that_branch() -> None:
    here = {name for name, kind in KINDS.items() if kind.blame == "here"}
    assert here == {
        name for name, kind in KINDS.items() if kind.branch == "here"
    }


@pytest.mark.parametrize(
    ("status", "retryable", "blame"),
    [(404, False, "url"), (429, True, "host"), (503, True, "host"), (500, True, "url"),
     (501, False, "url"), (408, True, "url"), (410, False, "url"), (420, True, "host"),
     (430, True, "host"), (509, True, "host"), (529, True, "host"), (403, False, "url")],
)  # fmt: skip
def test_a_status_tells_whether_to_ask_again(
    status: int, retryable: bool, blame: str
) -> None:
    got = of_status(status, "Because")
    assert (got.retryable, got.blame, got.label) == (
        retryable,
        blame,
        f"http_{status}",
    )
    assert got.message == f"the server answered {status} Because"


@pytest.mark.parametrize(
    ("status", "refuses"),
    [(400, True), (403, True), (408, True), (429, True), (500, True), (503, True), (599, True),
     (401, False), (404, False), (410, False), (451, False), (204, False), (302, False),
     (600, False), (999, False)],
)  # fmt: skip
def test_a_pause_makes_a_refusal_of_what_is_not_settled(
    status: int, refuses: bool
) -> None:
    """Also one of no seconds."""
    assert errors.speaks_of_moment(status, 0.0) is refuses
    got = of_status(status, "Because", 0.0)
    assert (got.retryable, got.blame, got.pause) == (
        refuses,
        "host" if refuses else "url",
        0.0,
    )


def test_a_reason_of_any_length_makes_a_short_message() -> None:
    assert len(of_status(404, "Not  Found \r" * 5_000).message) < 150
    assert (
        of_status(404, " Not \t Found ").message
        == "the server answered 404 Not Found"
    )


# -- completeness of the door -----------------------------------------------------------------


def raised_by(
    module: ModuleType, root: type[BaseException]
) -> Iterator[type[BaseException]]:
    """The exceptions of a module below `root`, warnings left out."""
    for _, cls in inspect.getmembers(module, inspect.isclass):
        if issubclass(cls, root) and not issubclass(cls, Warning):
            yield cls


def made(cls: type[BaseException]) -> BaseException:
    """An instance, without its `__init__`: some of them want half a connection."""
    return cls.__new__(cls)


LIBRARIES: dict[str, tuple[ModuleType, type[BaseException]]] = {
    "requests": (requests.exceptions, requests.exceptions.RequestException),
    "urllib3": (u3, u3.HTTPError),
    "http.client": (http.client, http.client.HTTPException),
    "ssl": (ssl, OSError),
    "socket": (socket, OSError),
    "sqlite3": (sqlite3, sqlite3.Error),
    "zlib": (zlib, zlib.error),
    "PIL": (PIL, OSError),
    "PIL.Image": (PIL.Image, PIL.Image.DecompressionBombError),
    "guard": (guard, guard.Refused),
    "resolver": (resolver, resolver.ResolverError),
}
# Where a name of ours is none: faults of the caller, that is, of this program.
OURS = {
    "BodyNotHttplibCompatible", "UnrewindableBodyError", "JSONDecodeError", "InvalidJSONError",
    "StreamConsumedError", "DataError", "IntegrityError", "NotSupportedError", "ProgrammingError",
    "InterfaceError",
}  # fmt: skip
# These say nothing themselves: what they wrap does.
WRAPPERS = {"MaxRetryError", "RetryError"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_every_exception_of_a_library_has_a_kind(library: str) -> None:
    raised = list(raised_by(*LIBRARIES[library]))
    assert raised, "the library is looked at wrongly"
    nameless = {
        cls.__qualname__
        for cls in raised
        if failure_of(made(cls)).kind == "internal_error"
        and cls.__name__ not in OURS | WRAPPERS
    }
    assert nameless == set()


def test_every_kind_behind_the_door_is_one_of_the_tree() -> None:
    assert {
        kind for kind in EXCEPTION_KINDS.values() if kind is not None
    } <= set(KINDS)


def test_every_class_named_at_the_door_exists() -> None:
    """The names are text: a typing error would never be found by running."""
    known = {
        f"{cls.__module__}.{cls.__qualname__}"
        for module in (requests.exceptions, u3, http.client, ssl, socket, sqlite3, zlib, PIL,
                       PIL.Image, guard, resolver)
        for _, cls in inspect.getmembers(module, inspect.isclass)
    }  # fmt: skip
    known |= {f"builtins.{cls.__name__}" for cls in every_builtin_error()}
    assert set(EXCEPTION_KINDS) - known == set()


def every_builtin_error() -> list[type[BaseException]]:
    import builtins

    return [cls for cls in vars(builtins).values()
            if isinstance(cls, type) and issubclass(cls, BaseException)]  # fmt: skip


@pytest.mark.parametrize(
    "number", sorted(errno.errorcode), ids=errno.errorcode.get
)
def test_every_number_that_a_socket_may_say_has_a_kind(number: int) -> None:
    got = failure_of(OSError(number, "because"))
    assert got.kind in KINDS
    assert KINDS[got.kind].branch in ("network", "here")


def test_every_subclass_of_oserror_has_a_kind() -> None:
    for cls in every_builtin_error():
        if issubclass(cls, OSError):
            assert KINDS[failure_of(cls("because")).kind].branch in (
                "network",
                "here",
            ), cls


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, "disk_full"), (errno.EMFILE, "no_descriptors"),
     (errno.ECONNREFUSED, "connect_refused"), (errno.ECONNRESET, "connection_lost"),
     (errno.EPIPE, "connection_lost"), (errno.ENETDOWN, "connect_failed"),
     (errno.EHOSTUNREACH, "connect_failed"), (errno.ENOMEM, "out_of_memory")],
)  # fmt: skip
def test_a_socket_speaks_in_numbers(number: int, kind: str) -> None:
    assert failure_of(OSError(number, "because")).kind == kind


def test_what_is_unknown_is_a_fault_of_ours_and_says_where() -> None:
    def broken() -> None:
        raise KeyError("lane")

    with pytest.raises(KeyError) as caught:
        broken()
    got = failure_of(caught.value)
    assert got.kind == "internal_error"
    assert "KeyError" in got.message
    assert "broken:" in got.message


def raised(by: Callable[[], object]) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any that is raised
        by()
    return caught.value


def read_by_http_client(answer: bytes) -> bytes:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.close()
        response = http.client.HTTPResponse(ours)
        try:
            response.begin()
            return response.read(100)
        finally:
            response.close()


def test_what_a_library_trips_over_is_the_servers_fault() -> None:
    """http.client reads a negative number of bytes: a ValueError, which no list can foresee."""
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello"
    )
    error = raised(lambda: read_by_http_client(chunked))
    assert type(error) is ValueError
    got = failure_of(error)
    assert got.kind == "protocol_error"
    assert got.message.startswith(
        "the answer is not HTTP as it must be (ValueError: read length"
    )


def test_what_we_raise_within_a_library_is_our_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A library calls us back (the guard connects, the reader counts), and we are wrong."""
    monkeypatch.setattr(guard, "canonical_name", lambda host: {}[host])
    connection = HTTPConnection("example.com")
    vars(connection)["_new_conn"] = lambda: guard.Guard(
        guard.AllowList([])
    ).host_class("a")
    error = raised(lambda: connection.request("GET", "/"))
    assert failure_of(error).kind == "internal_error"


@pytest.mark.parametrize(
    ("line", "said"),
    [(b"hello", "BadStatusLine: hello"), (b"HTTP/1.1 abc", "BadStatusLine: HTTP/1.1 abc"),
     (b"HTTP/1.1 1e3 x", "BadStatusLine: HTTP/1.1 1e3 x"), (b"", "BadStatusLine: "),
     (b"HTTP/2 200", "UnknownProtocol: HTTP/2"),
     (b"HTTP/1.1 " + b"2" * 5_000, "BadStatusLine: HTTP/1.1 222")],
)  # fmt: skip
def test_what_an_answer_must_not_be_is_said_in_our_words(
    line: bytes, said: str
) -> None:
    error = raised(lambda: read_by_http_client(line + b"\r\n\r\n"))
    got = failure_of(u3.ProtocolError("Connection aborted.", error))
    assert got.kind == "protocol_error"
    assert got.message.startswith(
        f"the answer is not HTTP as it must be ({said}"
    )


def test_a_body_that_ended_early_is_told_with_its_sizes() -> None:
    error = u3.ProtocolError(
        "Connection broken", http.client.IncompleteRead(b"1234", 10)
    )
    assert failure_of(error).message == (
        "the connection ended before the body did (IncompleteRead(4 bytes read, 10 more expected))"
    )


# -- wrappers are opened ----------------------------------------------------------------------


def new_connection(cause: Exception) -> u3.NewConnectionError:
    """As urllib3's `_new_conn` raises it."""
    error = u3.NewConnectionError(
        CONNECTION, f"Failed to establish a new connection: {cause}"
    )
    error.__cause__ = cause
    return error


def given_up(reason: Exception) -> u3.MaxRetryError:
    """As `Retry.increment` raises it."""
    return u3.MaxRetryError(None, "/", reason)  # type: ignore[arg-type]


def by_proxy(error: Exception) -> u3.ProxyError:
    """As urllib3's `_wrap_proxy_error` makes it."""
    wrapped = u3.ProxyError("Unable to connect to proxy", error)
    wrapped.__cause__ = error
    return wrapped


def certificate() -> ssl.SSLCertVerificationError:
    return ssl.SSLCertVerificationError(
        1, "certificate verify failed: self-signed certificate"
    )


def name_resolution() -> u3.NameResolutionError:
    reason = socket.gaierror(
        socket.EAI_AGAIN, "Temporary failure in name resolution"
    )
    return u3.NameResolutionError("example.com", CONNECTION, reason)


WRAPPED: dict[str, tuple[Callable[[], BaseException], str]] = {
    "refused": (
        lambda: RequestsConnectionError(
            given_up(
                new_connection(
                    ConnectionRefusedError(111, "Connection refused")
                )
            )
        ),
        "connect_refused",
    ),
    "unreachable": (
        lambda: RequestsConnectionError(
            given_up(
                new_connection(OSError(errno.EHOSTUNREACH, "No route to host"))
            )
        ),
        "connect_failed",
    ),
    "no descriptors": (
        lambda: RequestsConnectionError(
            given_up(
                new_connection(OSError(errno.EMFILE, "Too many open files"))
            )
        ),
        "no_descriptors",
    ),
    "connect time-out": (
        lambda: requests.exceptions.ConnectTimeout(
            given_up(u3.ConnectTimeoutError(CONNECTION, "timed out"))
        ),
        "connect_timeout",
    ),
    "read time-out": (
        lambda: requests.exceptions.ReadTimeout(
            u3.ReadTimeoutError(None, "/", "Read timed out.")  # type: ignore[arg-type]
        ),
        "timeout_read",
    ),
    "reset": (
        lambda: RequestsConnectionError(
            u3.ProtocolError(
                "Connection aborted.",
                ConnectionResetError(104, "reset by peer"),
            )
        ),
        "connection_lost",
    ),
    "closed without a byte": (
        lambda: RequestsConnectionError(
            u3.ProtocolError(
                "Connection aborted.", http.client.RemoteDisconnected("closed")
            )
        ),
        "connection_lost",
    ),
    "garbage": (
        lambda: RequestsConnectionError(
            u3.ProtocolError(
                "Connection aborted.", http.client.BadStatusLine("SSH-2.0")
            )
        ),
        "protocol_error",
    ),
    "short": (
        lambda: requests.exceptions.ChunkedEncodingError(
            u3.ProtocolError(
                "Connection broken", http.client.IncompleteRead(b"", 10)
            )
        ),
        "body_short",
    ),
    "short, by urllib3": (
        lambda: u3.ProtocolError("Connection broken", u3.IncompleteRead(1, 10)),
        "body_short",
    ),
    "certificate": (
        lambda: requests.exceptions.SSLError(
            given_up(u3.SSLError(certificate()))
        ),
        "tls_certificate",
    ),
    "handshake": (
        lambda: requests.exceptions.SSLError(
            given_up(u3.SSLError(ssl.SSLError(1, "wrong version number")))
        ),
        "tls_failed",
    ),
    "name": (
        lambda: RequestsConnectionError(given_up(name_resolution())),
        "dns_failed",
    ),
    "name, by the guard": (
        lambda: RequestsConnectionError(
            u3.ProtocolError(
                "Connection aborted.", resolver.NotFound("there is no host x")
            )
        ),
        "dns_not_found",
    ),
    "a rule of the guard's": (
        lambda: RequestsConnectionError(
            u3.ProtocolError(
                "aborted", guard.Refused("port_not_allowed", "port 22")
            )
        ),
        "port_not_allowed",
    ),
    # The refusal is the proxy's: it says nothing of the host, and all hosts share it.
    "proxy": (
        lambda: requests.exceptions.ProxyError(
            given_up(
                by_proxy(
                    new_connection(
                        ConnectionRefusedError(111, "Connection refused")
                    )
                )
            )
        ),
        "proxy_failed",
    ),
    "proxy says no": (
        lambda: requests.exceptions.ProxyError(
            given_up(
                by_proxy(
                    OSError(
                        "Tunnel connection failed: 407 Proxy Authentication"
                    )
                )
            )
        ),
        "proxy_failed",
    ),
    "decoding": (
        lambda: requests.exceptions.ContentDecodingError(
            u3.DecodeError("not gzip", zlib.error("incorrect header check"))
        ),
        "body_undecodable",
    ),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_wrappers_are_opened(name: str) -> None:
    make, kind = WRAPPED[name]
    assert failure_of(make()).kind == kind


def test_the_message_is_that_of_the_cause() -> None:
    error = RequestsConnectionError(
        given_up(
            new_connection(ConnectionRefusedError(111, "Connection refused"))
        )
    )
    assert failure_of(error).message == "Connection refused"


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_exception_that_cannot_be_told_does_not_break_the_door() -> None:
    assert failure_of(Mute()).message == "Mute: Mute"


def test_exceptions_in_a_circle_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert failure_of(one).kind == "internal_error"


def test_a_message_is_one_line_of_bounded_length() -> None:
    got = failure_of(ConnectionResetError("a\nb\r\n" + "x" * 10_000))
    assert "\n" not in got.message
    assert len(got.message) <= 500


# -- our own files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EFBIG, "disk_full"),
     (errno.EMFILE, "no_descriptors"), (errno.EACCES, "disk_error"), (errno.EIO, "disk_error"),
     (errno.ECONNREFUSED, "disk_error")],
)  # fmt: skip
def test_trouble_with_our_own_files_is_this_machines(
    number: int, kind: str
) -> None:
    got = disk_failure(OSError(number, "because", "/some/file"))
    assert (got.kind, got.blame) == (kind, "here")


def test_the_limit_on_the_size_of_a_file_is_called_by_its_name() -> None:
    got = disk_failure(
        OSError(errno.EFBIG, "File too large", "run/records.jsonl")
    )
    assert got.message == (
        "the file size limit (ulimit -f) is reached: run/records.jsonl; raise it, start again"
    )


def test_a_local_fault_is_kept_through_wrappers() -> None:
    fault = LocalFault(new_failure("disk_full", "no space"))
    wrapped = u3.ProtocolError("Connection aborted.", fault)
    assert failure_of(wrapped) is fault.failure


@pytest.mark.parametrize(
    "error",
    [
        errors.ScraperError("no"),
        errors.UsageError("no"),
        errors.InUse("no"),
        LocalFault(new_failure("disk_full", "no space")),
        StageFailed("workers die"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_exception_survives_the_way_to_another_process(
    error: errors.ScraperError,
) -> None:
    """As from a worker of multiprocessing.Pool, which hangs if it cannot be unpickled."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), str(error))
    assert vars(copy) == vars(error)
