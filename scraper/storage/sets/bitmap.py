"""A set of row numbers in one bit each: a million URLs are 125 kB."""

from __future__ import annotations

from collections.abc import Iterator

_GROWTH_BYTES = 4096


class Bitmap:
    """Row numbers, which are small and dense."""

    __slots__ = ("_bits",)

    def __init__(self) -> None:
        self._bits = bytearray()

    def add(self, number: int) -> bool:
        """Add a number. Returns whether it is new.

        >>> seen = Bitmap()
        >>> seen.add(3), seen.add(3), list(seen)
        (True, False, [3])
        """
        index, bit = divmod(number, 8)
        bits = self._bits
        if index >= len(bits):
            bits.extend(bytes(max(index + 1 - len(bits), _GROWTH_BYTES)))
        is_new = not bits[index] >> bit & 1
        bits[index] |= 1 << bit
        return is_new

    def discard(self, number: int) -> bool:
        """Take a number out. Returns whether it was in.

        >>> seen = Bitmap()
        >>> seen.add(3), seen.discard(3), seen.discard(3), list(seen)
        (True, True, False, [])
        """
        was_in = number in self
        if was_in:
            index, bit = divmod(number, 8)
            self._bits[index] &= ~(1 << bit)
        return was_in

    def __contains__(self, number: int) -> bool:
        index, bit = divmod(number, 8)
        return index < len(self._bits) and bool(self._bits[index] >> bit & 1)

    def __iter__(self) -> Iterator[int]:
        for index, byte in enumerate(self._bits):
            if byte:
                for bit in range(8):
                    if byte >> bit & 1:
                        yield index * 8 + bit
