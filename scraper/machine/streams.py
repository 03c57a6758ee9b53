"""Standard input, output and error, of which any may be closed, or lose its reader.

A process may be started without them (`>&-`). The first file that it opens then gets the number of
the missing one, and what is printed is written into that file. And the reader of standard output or
error may go away (`| head -1`, a closed terminal), which must not end a run.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from scraper.errors import LocalFault, disk_failure

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

# of a pipe, of a terminal
READER_IS_GONE = (
    errno.EPIPE,
    errno.EIO,
    errno.ENXIO,
)


def open_missing() -> None:
    """Open /dev/null where a standard stream is closed, before anything else gets its number.

    Python's own view of the stream does not change: `sys.stdout is None` still says that it was
    closed. Worker processes inherit the numbers.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            # another thread was faster with a lower number
            if null != descriptor:
                os.dup2(null, descriptor)
                os.close(null)
            os.set_inheritable(descriptor, True)


def outlive_readers() -> None:
    """Let standard output and error be written to after their readers have gone.

    A closed standard error becomes one that drops everything, because `print(file=None)` would
    write to standard output.
    """
    sys.stdout = _with_outlet(sys.stdout, sys.__stdout__, 1)
    sys.stderr = _with_outlet(
        sys.stderr or _unfailing_stream(), sys.__stderr__, 2
    )


def redirect_to(file: int) -> None:
    """Let all that this process prints, C libraries included, go into one open file."""
    for descriptor in (1, 2):
        os.dup2(file, descriptor)
    sys.stdout = sys.stderr = _unfailing_stream()


def _unfailing_stream() -> TextIO:
    return io.TextIOWrapper(
        _Outlet(2), encoding="utf-8", errors="replace", write_through=True
    )


def _with_outlet(
    stream: TextIO, original: TextIO | None, descriptor: int
) -> TextIO:
    """The same stream above an outlet of ours, if it is the one that Python has opened."""
    if stream is not original or not isinstance(stream, io.TextIOWrapper):
        return stream
    raw = getattr(stream.buffer, "raw", stream.buffer)
    if type(raw) is not io.FileIO or raw.fileno() != descriptor:
        return stream
    stream.flush()
    outlet = _Outlet(descriptor)
    return io.TextIOWrapper(
        outlet if stream.write_through else io.BufferedWriter(outlet),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Outlet(io.FileIO):
    """A descriptor whose writing end goes on when its reading end is gone.

    Other troubles of standard output, such as a full disk, are raised as LocalFault, once; those of
    standard error cannot be reported.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.gone = False

    def write(self, data: ReadableBuffer, /) -> int:
        size = memoryview(data).nbytes
        if self.gone:
            return size
        try:
            return super().write(data)
        except OSError as error:
            self.gone = True
            if self.fileno() == 1 and error.errno not in READER_IS_GONE:
                raise LocalFault(disk_failure(error)) from error
        return size


def write_output(data: bytes) -> bool:
    """Write to standard output; False if it has no reader any more."""
    out = getattr(sys.stdout, "buffer", None)
    # a notebook's, or a StringIO of redirect_stdout: text alone
    if out is None:
        sys.stdout.write(data.decode())
        sys.stdout.flush()
        return True
    out.write(data)
    out.flush()
    raw = getattr(out, "raw", out)
    return not (isinstance(raw, _Outlet) and raw.gone)


def flush_output() -> None:
    """Write out what is buffered. Raises LocalFault if standard output cannot be written."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def write_stderr_now(text: str) -> None:
    """Write to standard error from a signal handler, where buffers must not be touched."""
    # its reader is gone, perhaps by the very signal that is reported
    with suppress(OSError):
        os.write(2, text.encode("utf-8", "replace"))
