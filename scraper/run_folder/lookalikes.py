"""Which of many hashes are near which, without comparing each with each.

Two hashes of 64 bits that differ in at most d have the same bits in at least r of d + r bands. So
for each choice of r bands those are compared that are equal there: sorted by these bits they stand
side by side. Where very many do, each best one is compared with all that stand in such a crowd.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import comb
from typing import TYPE_CHECKING, Any, TypeAlias

from scraper.errors import UsageError

if TYPE_CHECKING:
    import numpy

    Array: TypeAlias = numpy.ndarray[Any, Any]

_BITS = 64
_CROWD = 256  # so many that are equal in some bands are no accident
_MOST_KEPT = 6  # bands that are equal
_SORTING = (
    10.0  # what it takes to sort one hash, by what it takes to compare two
)


def first_near(hashes: Sequence[int], distance: int) -> list[int]:
    """Of each of these hashes, which are all different, the place of the one that it belongs to.

    They come best first: what belongs to none yet has a group of its own, and takes in all that are
    near it and belong to none. So all of a group are near its first one, and no chain of
    resemblances makes one group of what has nothing in common. Raises UsageError without numpy.
    """
    if distance == 0 or len(hashes) < 2:
        return [*range(len(hashes))]
    try:
        import numpy
    except ImportError:
        raise UsageError(
            "to compare pictures that look alike numpy is needed: pip install 'scraper[phash]', "
            "or --distance 0"
        ) from None
    values = numpy.array(hashes, dtype=numpy.uint64)
    found = _Crowds(values, distance)
    found.look()
    return found.first_near()


def masks(count: int, distance: int) -> Iterator[int]:
    """The bits that are compared at once: of two near hashes one of these choices are equal."""
    kept = min(
        range(1, _MOST_KEPT + 1),
        key=lambda kept: _cost(count, distance, kept),
    )
    bands = distance + kept
    edges = [_BITS * number // bands for number in range(bands + 1)]
    of_bands = [(1 << upper) - (1 << lower) for lower, upper in pairwise(edges)]
    for chosen in combinations(of_bands, kept):
        yield sum(chosen)


def _cost(
    count: int,
    distance: int,
    kept: int,
) -> float:
    bands = distance + kept
    pairs: float = count**2 / 2.0 ** (_BITS * kept / bands + 1)
    return comb(bands, kept) * (_SORTING * count + pairs)


class _Crowds:
    """The pairs that are near, and the crowds in which no pairs are made."""

    def __init__(
        self,
        values: Array,
        distance: int,
    ) -> None:
        import numpy

        self._numpy = numpy
        self._values = values
        self._distance = distance
        self._is_crowded: Array = numpy.zeros(len(values), bool)
        # a pair as one number: the better one's place times all, and the other's
        self._pairs: Array = numpy.zeros(0, numpy.int64)

    def look(self) -> None:
        """Find all of them."""
        for mask in masks(len(self._values), self._distance):
            self._look_at(mask)

    def _look_at(self, mask: int) -> None:
        numpy = self._numpy
        keys = self._values & numpy.uint64(mask)
        order = numpy.argsort(keys, kind="stable")
        keys = keys[order]
        is_first = numpy.ones(len(keys), bool)
        is_first[1:] = keys[1:] != keys[:-1]
        begins = numpy.flatnonzero(is_first)
        lengths = numpy.diff(begins, append=len(keys))
        crowded = numpy.repeat(lengths > _CROWD, lengths)
        self._is_crowded[order[crowded]] = True
        # Each with the one behind it, then with the next but one ...
        places = numpy.flatnonzero(~crowded)
        found = [self._pairs]
        step = 1
        while len(places):
            places = places[places + step < len(keys)]
            places = places[keys[places] == keys[places + step]]
            found.append(self._near(order[places], order[places + step]))
            step += 1
        self._pairs = numpy.unique(numpy.concatenate(found))

    def _near(
        self,
        ones: Array,
        others: Array,
    ) -> Array:
        """The pairs that are near; within a crowd none is needed."""
        numpy = self._numpy
        is_near = self._is_near(self._values[ones] ^ self._values[others])
        is_near &= ~(self._is_crowded[ones] & self._is_crowded[others])
        better = numpy.minimum(ones, others)[is_near]
        worse = numpy.maximum(ones, others)[is_near]
        pairs: Array = better * len(self._values) + worse
        return pairs

    def _is_near(self, differing: Array) -> Array:
        near: Array = self._numpy.bitwise_count(differing) <= self._distance
        return near

    def first_near(self) -> list[int]:
        """Of each the place of the one that it belongs to."""
        numpy = self._numpy
        count = len(self._values)
        belongs = numpy.full(count, -1, numpy.int64)
        better, worse = numpy.divmod(self._pairs, count)
        crowd = numpy.flatnonzero(self._is_crowded)
        for place in numpy.union1d(better, crowd):
            if belongs[place] >= 0:
                continue
            belongs[place] = place
            begin, end = numpy.searchsorted(better, (place, place + 1))
            near = worse[begin:end]
            belongs[near[belongs[near] < 0]] = place
            if self._is_crowded[place]:
                crowd = crowd[belongs[crowd] < 0]
                differing = self._values[crowd] ^ self._values[place]
                belongs[crowd[self._is_near(differing)]] = place
        alone = belongs < 0
        belongs[alone] = numpy.flatnonzero(alone)
        found: list[int] = belongs.tolist()
        return found
