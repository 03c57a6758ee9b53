"""The parts of a URL that may make no difference, each with the URL that is left without it.

A parameter may be missing, a number or id in the path may be another one, and a folder may stand in
itself. Without a part a URL is the part's `base`: two URLs with one base differ in that part alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from scraper.frontier.traps.paths import MASK, is_date, masked, segments_of

MAX_PARTS: Final = 16  # of each kind: what follows is taken as it is

Kind = Literal["order", "parameter", "number", "folder"]


class Address(NamedTuple):
    """A URL below its host: the segments of its path, and its parameters by their names."""

    segments: tuple[str, ...]
    parameters: tuple[tuple[str, str], ...]

    @property
    def shape(self) -> str:
        """Its path, with `#` for all numbers and ids.

        >>> address_of("http://a.example/cal/2031/05/?x=1").shape
        '/cal/#/#/'
        """
        return "/" + "/".join(map(masked, self.segments))

    @property
    def path(self) -> str:
        """Its path as it stands."""
        return "/" + "/".join(self.segments)

    @property
    def names(self) -> frozenset[str]:
        """Of its parameters."""
        return frozenset(masked(name) for name, _ in self.parameters)

    def without_parameter(self, name: str) -> Address:
        """The same without what is called so."""
        left = [each for each in self.parameters if masked(each[0]) != name]
        return Address(self.segments, tuple(left))

    def without_number(self, place: int) -> Address:
        """The same with any other number or id there."""
        return self._with(place, masked(self.segments[place]))

    def without_folder(self, place: int) -> Address:
        """The same without the folder that stands there."""
        return self._with(place)

    def _with(self, place: int, *instead: str) -> Address:
        before, after = self.segments[:place], self.segments[place + 1 :]
        return Address((*before, *instead, *after), self.parameters)


class Part(NamedTuple):
    """One part of one URL."""

    kind: Kind
    key: str
    """What is learned of it is learned of all parts of its host with this key."""
    base: Address
    """The URL without it."""
    values: tuple[str, ...] = ()
    """What it is here, but for plain numbers in the path."""

    @property
    def shown(self) -> str:
        """As messages call it."""
        match self.kind:
            case "order":
                return "the order of the parameters"
            case "parameter":
                return f"the parameter {self.key.removeprefix('?')}"
            case "number":
                return f"the last {MASK} of {self.key}"
            case _:
                return f"the folder {self.key}"

    @property
    def is_date(self) -> bool:
        """May all of it be dates?"""
        return all(map(is_date, self.values))


@lru_cache(maxsize=1_024)
def address_of(href: str) -> Address:
    """The address of a canonical URL. What follows a semicolon is a parameter, too.

    >>> address_of("http://a.example/b;jsessionid=1?z=2&a").parameters
    (('a', ''), ('jsessionid', '1'), ('z', '2'))
    """
    path, _, query = href.partition("?")
    below = path.partition("://")[2].partition("/")[2]
    segments, written = [], query.split("&")
    for each in segments_of("/" + below):
        name, *after = each.split(";")
        segments.append(name)
        written += after
    return Address(tuple(segments), tuple(sorted(set(_pairs(written)))))


def folder_of(shape: str) -> str:
    """The folder in which all of this shape stand.

    >>> folder_of("/cal/#/about.html")
    '/cal/#/'
    """
    return shape.rpartition("/")[0] + "/"


def _pairs(written: list[str]) -> Iterator[tuple[str, str]]:
    for each in filter(None, written):
        name, _, value = each.partition("=")
        yield name, value


def parts_of(address: Address) -> list[Part]:
    """The parts of a URL that may make no difference."""
    return [
        Part("order", "order", address),
        *_parameters_of(address),
        *_numbers_of(address),
        *folders_of(address),
    ]


def _parameters_of(address: Address) -> Iterator[Part]:
    values: dict[str, list[str]] = {}
    for name, value in address.parameters[:MAX_PARTS]:
        values.setdefault(masked(name), []).append(value)
    for name, of_name in values.items():
        yield Part(
            "parameter",
            f"?{name}",
            address.without_parameter(name),
            tuple(of_name),
        )


def _numbers_of(address: Address) -> Iterator[Part]:
    before = ""
    for place, segment in enumerate(address.segments[:MAX_PARTS]):
        mask = masked(segment)
        before += f"/{mask}"
        if mask != segment:
            yield Part(
                "number",
                before,
                address.without_number(place),
                () if segment.isdecimal() else (segment,),
            )


def folders_of(address: Address) -> Iterator[Part]:
    """The folders that may stand in themselves."""
    for place, name in enumerate(address.segments[:-1][:MAX_PARTS]):
        yield Part(
            "folder",
            f"{masked(name)}/",
            address.without_folder(place),
        )


def reductions_of(
    address: Address, settled: Collection[str]
) -> Iterator[Address]:
    """A URL without the parts of these keys: of the folders with ever fewer."""
    rest = _without_values(address, settled)
    if rest != address or "order" in settled:
        yield rest
    while True:
        shorter = [p.base for p in folders_of(rest) if p.key in settled]
        if not shorter:
            return
        yield from shorter
        rest = shorter[0]


def _without_values(address: Address, settled: Collection[str]) -> Address:
    """Without its numbers and parameters of these keys."""
    for part in _numbers_of(address):
        if part.key in settled:
            place = part.key.count("/") - 1
            address = address.without_number(place)
    for name in address.names:
        if f"?{name}" in settled:
            address = address.without_parameter(name)
    return address
