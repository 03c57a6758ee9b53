"""A pipe whose beginning may be read several times before the whole is."""

from __future__ import annotations

import io


class KeptStart:
    """Bytes that come once: what was looked at is kept for who reads them all."""

    def __init__(self, file: io.BufferedReader) -> None:
        self._file = file
        self._kept = bytearray()

    def look(self) -> io.BufferedReader:
        """From the first byte on; it comes again for the next one."""
        return io.BufferedReader(
            _View(
                self._file,
                self._kept,
                keeps=True,
            )
        )

    def read(self) -> io.BufferedReader:
        """From the first byte on, for the last time."""
        return io.BufferedReader(
            _View(
                self._file,
                self._kept,
                keeps=False,
            )
        )


class _View(io.RawIOBase):
    def __init__(
        self,
        file: io.BufferedReader,
        kept: bytearray,
        *,
        keeps: bool,
    ) -> None:
        super().__init__()
        self._file, self._kept, self._keeps = file, kept, keeps
        self._place = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # a real buffer
        """What is there, without waiting for more."""
        if self._place < len(self._kept):
            data = bytes(self._kept[self._place : self._place + len(buffer)])
        else:
            data = self._file.read1(len(buffer))
            if self._keeps:
                self._kept += data
        self._place += len(data)
        buffer[: len(data)] = data
        if not self._keeps and self._place >= len(self._kept):
            self._kept.clear()
            self._place = 0
        return len(data)
