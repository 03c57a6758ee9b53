"""A set that may hold what was never added to it, and takes the same memory however much was."""

from __future__ import annotations

from collections.abc import Iterable

_BITS = 25  # of a hash; of a million hashes one in 33 falls on another's bit
_BYTES = 2**_BITS // 8  # 4 MiB


class Sieve:
    """Hashes of 64 bits: what is not in it was not added; what is in it, most likely was."""

    __slots__ = ("_bits",)

    def __init__(self, hashes: Iterable[int] = ()) -> None:
        self._bits = bytearray(_BYTES)
        for each in hashes:
            self.add(each)

    def add(self, number: int) -> None:
        """Add a hash.

        >>> sieve = Sieve()
        >>> sieve.add(-5)
        >>> -5 in sieve, 5 in sieve
        (True, False)
        """
        index, bit = divmod(number & (2**_BITS - 1), 8)
        self._bits[index] |= 1 << bit

    def __contains__(self, number: int) -> bool:
        index, bit = divmod(number & (2**_BITS - 1), 8)
        return bool(self._bits[index] >> bit & 1)
