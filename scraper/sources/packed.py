"""Files that may be compressed, opened as the bytes that are in them.

What a file is compressed with is seen by its first bytes, whatever it is called.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from scraper.errors import UsageError

SUFFIXES: Final = (".gz", ".bz2", ".zst", ".xz")


def _open_zstandard(file: BinaryIO) -> IO[bytes]:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return cast("IO[bytes]", zstd.ZstdFile(file))


_MAGIC: Final[dict[bytes, Callable[[BinaryIO], IO[bytes]]]] = {
    b"\x1f\x8b": lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file)),
    b"BZh": bz2.BZ2File,
    b"\x28\xb5\x2f\xfd": _open_zstandard,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


@contextmanager
def open_unpacked(
    path: Path,
    name: str,
) -> Iterator[io.BufferedReader]:
    """The bytes of a file, unpacked as they are read.

    Raises UsageError, in the body of the `with` too, if the file is damaged or ends too early.
    """
    try:
        with path.open("rb") as file, unpacked(file) as content:
            yield content
    except Exception as error:
        if _is_damage(error):
            raise UsageError(_describe_damage(name, error)) from error
        raise


@contextmanager
def unpacked(file: io.BufferedReader) -> Iterator[io.BufferedReader]:
    """What a file holds, unpacked if it is packed."""
    first = file.peek(8)
    opener = next((_MAGIC[m] for m in _MAGIC if first.startswith(m)), None)
    if opener is None:
        yield file
        return
    with opener(file) as packed:
        yield io.BufferedReader(cast("io.RawIOBase", packed), 1 << 16)


def stem_of(path: Path) -> Path:
    """The path without what says how the file is compressed.

    >>> stem_of(Path("lists/urls.csv.gz")).name
    'urls.csv'
    """
    return path.with_suffix("") if path.suffix.lower() in SUFFIXES else path


def _is_damage(error: Exception) -> bool:
    """Is it the packed bytes that are wrong, and not the disk that they are on?"""
    if isinstance(error, OSError):
        return error.errno is None  # gzip's and bzip2's own
    is_known = isinstance(error, EOFError | zlib.error | lzma.LZMAError)
    return is_known or type(error).__name__ == "ZstdError"


def _describe_damage(
    name: str,
    error: Exception,
) -> str:
    if isinstance(error, EOFError):
        return f"{name} ends too early: the compressed file is cut off"
    return f"{name} cannot be unpacked: {error}"
