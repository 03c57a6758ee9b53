"""What comes off the socket of one answer: received in large pieces, counted, taken in parts."""

from __future__ import annotations

import http.client

from scraper.http.head import END, Beginning
from scraper.http.speed import Receive

# Of one call: each lets another thread have the interpreter, and getting it back costs more than
# the copying. 256 kB cost 1.2 times as much for a small answer, 1.3 times for 100 kB.
RECEIVE_BYTES = 65_536


class Wire:
    """The bytes of one answer. Raises what `receive` raises, which takes them off the socket."""

    __slots__ = ("_at", "_piece", "_receive", "received")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._piece = b""  # what has come, from `_at` on not yet taken
        self._at = 0
        self.received = 0

    @property
    def holds_more(self) -> bool:
        """Has more come than was taken?"""
        return self._at < len(self._piece)

    def wait_for_byte(self) -> None:
        """Receive what comes first."""
        self._receive_piece()

    def take_head(self) -> bytes:
        """The next head, whole. Raises RemoteDisconnected if the connection ends before it does,
        BadStatusLine and BadAnswer for what is none."""
        if not self.holds_more and not self._receive_piece():
            raise http.client.RemoteDisconnected(
                "the connection was closed without an answer"
            )
        found = END.search(self._piece, self._at)
        if found is None:
            self._gather_head()
            found = END.search(self._piece)
            assert found is not None, "it was gathered up to there"
        head = self._piece[self._at : found.end()]
        self._at = found.end()
        return head

    def take(self, most: int) -> bytes:
        """The next bytes, `most` of them or fewer; none if the connection has ended."""
        at, piece = self._at, self._piece
        if at == len(piece):
            at, piece = 0, self._receive_piece()
        self._at = at + most
        if self._at < len(piece):
            return piece[at : self._at]
        self._at = len(piece)
        return piece[at:]

    def take_line(self, most: int) -> bytes:
        """The next line with its end; less if the connection ends, or it is longer than `most`."""
        end = self._piece.find(b"\n", self._at, self._at + most) + 1
        if end:
            at, self._at = self._at, end
            return self._piece[at:end]
        return self._gather_line(most)

    def _gather_line(self, most: int) -> bytes:
        line = bytearray()
        while len(line) < most and not line.endswith(b"\n"):
            if not self.holds_more and not self._receive_piece():
                break
            end = self._piece.find(b"\n", self._at) + 1 or len(self._piece)
            line += self.take(min(end - self._at, most - len(line)))
        return bytes(line)

    def _gather_head(self) -> None:
        """Receive until a whole head has come."""
        beginning = Beginning(self._piece[self._at :])
        whole = None
        while whole is None:
            piece = self._receive_piece()
            if not piece:
                beginning.check_status_line()
                raise http.client.RemoteDisconnected(
                    "the answer ended in the middle of its head"
                )
            whole = beginning.add(piece)
        self._piece = whole

    def _receive_piece(self) -> bytes:
        piece = self._piece = self._receive(RECEIVE_BYTES)
        self._at = 0
        self.received += len(piece)
        return piece
