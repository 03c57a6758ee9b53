"""What XMP says of a picture, read by a parser that follows no entity."""

from collections.abc import Iterator
from typing import Final
from xml.parsers import expat

MAX_BYTES: Final = 2**20
MAX_ITEMS: Final = 16
_NAMESPACES: Final = {
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#": "rdf",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://creativecommons.org/ns#": "cc",
}
# Of the others there is one, in several languages, the default first.
LISTS: Final = ("dc:creator", "xmpRights:Owner")
TEXTS: Final = ("dc:title", "dc:description")
RIGHTS: Final = (
    *LISTS,
    "dc:rights",
    "xmpRights:Marked",
    "xmpRights:UsageTerms",
    "xmpRights:WebStatement",
    "photoshop:Credit",
    "photoshop:Source",
    "cc:license",
    "cc:attributionName",
    "cc:attributionURL",
)
PROPERTIES: Final = TEXTS + RIGHTS


def properties_of(packet: bytes) -> Iterator[tuple[str, list[str]]]:
    """Each of PROPERTIES that it has, with its values: up to where it is damaged."""
    reader = _Reader()
    reader.read(packet[:MAX_BYTES])
    for name, values in reader.found.items():
        yield name, values[: MAX_ITEMS if name in LISTS else 1]


class _HasDoctype(Exception):
    """Only a document type can declare entities, and XMP has none."""


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}
        self._property = ""
        self._text: list[str] = []

    def read(self, packet: bytes) -> None:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartDoctypeDeclHandler = self._refuse
        parser.StartElementHandler = self._begin
        parser.CharacterDataHandler = self._add
        parser.EndElementHandler = self._end
        try:
            parser.Parse(packet)
        except (expat.ExpatError, _HasDoctype):
            return

    def _refuse(self, *declared: object) -> None:
        raise _HasDoctype

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        element = _prefixed(name)
        if element in PROPERTIES:
            self._property = element
        for key, value in attributes.items():
            attribute = _prefixed(key)
            is_value = attribute == "rdf:resource"
            self._keep(self._property if is_value else attribute, value)
        self._text.clear()

    def _add(self, text: str) -> None:
        if self._property:
            self._text.append(text)

    def _end(self, name: str) -> None:
        element = _prefixed(name)
        if element in (self._property, "rdf:li"):
            self._keep(self._property, "".join(self._text))
            self._text.clear()
        if element == self._property:
            self._property = ""

    def _keep(self, name: str, text: str) -> None:
        if name in PROPERTIES and text.strip():
            self.found.setdefault(name, []).append(text)


def _prefixed(name: str) -> str:
    """`namespace local` as `prefix:local`; empty if the namespace is none of ours."""
    namespace, _, local = name.rpartition(" ")
    prefix = _NAMESPACES.get(namespace, "")
    return f"{prefix}:{local}" if prefix else ""
