"""What pages have said, and which URLs came: both in memory that does not grow with the site."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

SKETCH_BITS: Final = 8_192  # as `processors.page.follow.sketch` makes them
MAX_POOLS: Final = 8_192  # some 9 MB
# Of the bits of a pool; one that is fuller knows too much to say what is new.
MAX_SET: Final = SKETCH_BITS // 2

_BITS: Final = 25
_BYTES: Final = 2**_BITS // 8  # 4 MiB
_FULL: Final = 2**_BITS // 5


class Pools:
    """What the pages of a group have said, one bit for each thing. The group that was looked at
    longest ago makes room."""

    __slots__ = ("_pools",)

    def __init__(self) -> None:
        self._pools: dict[Hashable, int] = {}

    def says_news(self, group: Hashable, sketch: int) -> bool | None:
        """Does a page say what no page of this group has? None if there was none.

        >>> pools = Pools()
        >>> pools.add("a", 0b0110)
        >>> pools.says_news("b", 1), pools.says_news("a", 1), pools.says_news("a", 0b0100)
        (None, True, False)
        """
        known = self._pools.get(group)
        if known is None:
            return None
        return bool(sketch & ~known) or known.bit_count() > MAX_SET

    def add(self, group: Hashable, sketch: int) -> None:
        """A page of this group has said this."""
        pools = self._pools
        pools[group] = pools.pop(group, 0) | sketch
        if len(pools) > MAX_POOLS:
            del pools[next(iter(pools))]


class Seen:
    """What is not in it was not added; what is in it was, but for one in a hundred. When it is full
    it forgets all."""

    __slots__ = ("_bits", "_count")

    def __init__(self) -> None:
        self._bits = bytearray(_BYTES)
        self._count = 0  # bits that are set

    def add(self, thing: Hashable) -> None:
        """Remember it.

        >>> seen = Seen()
        >>> seen.add(("a", 1))
        >>> ("a", 1) in seen, ("a", 2) in seen
        (True, False)
        """
        if self._count > _FULL:
            self._bits = bytearray(_BYTES)
            self._count = 0
        for index, bit in _places_of(thing):
            if not self._bits[index] & bit:
                self._bits[index] |= bit
                self._count += 1

    def __contains__(self, thing: Hashable) -> bool:
        return all(self._bits[index] & bit for index, bit in _places_of(thing))


def _places_of(thing: Hashable) -> list[tuple[int, int]]:
    """Three bits of a hash of 64."""
    number, places = hash(thing), []
    for _ in range(3):
        place = number & (2**_BITS - 1)
        places.append((place >> 3, 1 << (place & 7)))
        number >>= 19
    return places
