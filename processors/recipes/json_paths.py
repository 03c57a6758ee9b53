"""JMESPath, into the JSON-LD of a page and into bodies of JSON."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final

from processors.json_text import decode_json, parse_json
from processors.page.json_ld import flatten, objects_of, types_of
from processors.recipes.checks import Place

MAX_PATH_CHARS: Final = 500


class JsonLdNodes:
    """What the JSON-LD of a page, or of an item, describes."""

    def __init__(self, blocks: Sequence[Any]) -> None:
        self._blocks = blocks

    @cached_property
    def roots(self) -> list[Any]:
        """Where a path may begin: at each node, then at all of them by their types."""
        nodes = list(objects_of(self._blocks))
        by_type: dict[str, Any] = {}
        for node in nodes:
            for name in types_of(node):
                by_type.setdefault(name, node)
        return [*nodes, by_type] if nodes else []

    @cached_property
    def flat(self) -> dict[str, Any]:
        """`json_ld_flat`, in which a way leads through lists, too."""
        return flatten(self._blocks)[0]


class JsonBody:
    """What a body of JSON says."""

    def __init__(self, body: bytes) -> None:
        """Raises ValueError if it is no JSON."""
        self.text = decode_json(body)
        self.roots = [parse_json(self.text)]
        self.flat: dict[str, Any] = {}


class JsonPath:
    """A way into JSON."""

    def __init__(self, text: str, place: Place) -> None:
        import jmespath
        from jmespath import exceptions

        self.text = text
        self._failures = exceptions.JMESPathError
        if len(text) > MAX_PATH_CHARS:
            place.fail(f"json has more than {MAX_PATH_CHARS:,} characters")
        try:
            self._path = jmespath.compile(text)
            self._path.search({})
        except exceptions.JMESPathTypeError:
            pass  # a function that nothing is not made for; a page may have something
        except (exceptions.JMESPathError, RecursionError) as error:
            reason = str(error).partition("\n")[0].rstrip(":")
            place.fail(f"json {text!r} is no JMESPath: {reason}{_hint(text)}")
        if _has_loose_expression(self._path.parsed):
            place.fail(
                f"json {text!r} is no JMESPath: & stands outside of a function"
            )

    def __str__(self) -> str:
        return f"json {self.text!r}"

    def find(self, described: JsonLdNodes | JsonBody) -> Any:
        """The first value that is not null."""
        for value in self._values(described):
            if value is not None:
                return value
        return None

    def _values(self, described: JsonLdNodes | JsonBody) -> Iterator[Any]:
        for root in described.roots:
            try:
                yield self._path.search(root)
            except self._failures:
                continue  # a function that is not made for what this root has there
        yield described.flat.get(self.text)


def _has_loose_expression(part: Mapping[str, Any]) -> bool:
    """Would it lead to a part of the path, which is no value?"""
    inner = part["children"]
    if part["type"] == "expref":
        return True
    if part["type"] == "function_expression":
        inner = [
            child
            for each in inner
            for child in (
                each["children"] if each["type"] == "expref" else [each]
            )
        ]
    return any(
        _has_loose_expression(each)
        for each in inner
        if isinstance(each, Mapping)
    )


def _hint(text: str) -> str:
    if "@" in text or "-" in text:
        return """; a name with other signs than letters stands in quotes: '"@type"'"""
    return ""
