"""What pages have said, and which URLs came: both in memory that does not grow with the site."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

SKETCH_BITS: Final = 8_192  # as `processors.page.follow.sketch` makes them
MAX_POOLS: Final = 8_192  # some 9 MB
# Of the bits of a pool; one that is fuller knows too much to say what is new.
MAX_SET: Final = SKETCH_BITS // 2

_BITS: Final = 25
_BYTES: Final = 2**_BITS // 8  # 4 MiB
_FULL: Final = 2**_BITS // 5
_MASK: Final = 2**_BITS - 1
_PLACES: Final = 3  # that a hash has
_STEP: Final = 19  # bits of the hash, from one place to the next


class Pools:
    """What the pages of a group have said, one bit for each thing; groups by hashes. The group to
    which a page was added longest ago makes room."""

    __slots__ = ("_pools",)

    def __init__(self) -> None:
        self._pools: OrderedDict[int, int] = OrderedDict()

    def says_news(self, group: int, sketch: int) -> bool | None:
        """Does a page say what no page of this group has? None if there was none.

        >>> pools = Pools()
        >>> pools.add(7, 0b0110)
        >>> pools.says_news(8, 1), pools.says_news(7, 1), pools.says_news(7, 0b0100)
        (None, True, False)
        """
        known = self._pools.get(group)
        if known is None:
            return None
        return bool(sketch & ~known) or known.bit_count() > MAX_SET

    def add(self, group: int, sketch: int) -> None:
        """A page of this group has said this."""
        pools = self._pools
        pools[group] = pools.get(group, 0) | sketch
        pools.move_to_end(group)
        if len(pools) > MAX_POOLS:
            pools.popitem(last=False)


class Seen:
    """Hashes. What is not in it was not added; what is in it was, but for one in a hundred. When it
    is full it forgets all."""

    __slots__ = ("_bits", "_count")

    def __init__(self) -> None:
        self._bits = bytearray(_BYTES)
        self._count = 0  # bits that are set

    def add(self, number: int) -> None:
        """Remember a hash of 64 bits.

        >>> seen = Seen()
        >>> seen.add(5)
        >>> 5 in seen, 6 in seen
        (True, False)
        """
        if self._count > _FULL:
            self._bits = bytearray(_BYTES)
            self._count = 0
        for _ in range(_PLACES):
            index, bit = (number & _MASK) >> 3, 1 << (number & 7)
            if not self._bits[index] & bit:
                self._bits[index] |= bit
                self._count += 1
            number >>= _STEP

    def __contains__(self, number: int) -> bool:
        for _ in range(_PLACES):
            if not self._bits[(number & _MASK) >> 3] & 1 << (number & 7):
                return False
            number >>= _STEP
        return True
