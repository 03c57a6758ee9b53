"""Texts of CSS as component values, which is how its standards speak of them.

CSS Syntax: https://www.w3.org/TR/css-syntax-3/#tokenization
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

MAX_DEPTH: Final = (
    32  # of brackets in brackets; a text with deeper ones means nothing
)

_SPACE: Final = r"[ \t\n\r\f]"
_ESCAPE: Final = (
    rf"\\(?:[0-9a-fA-F]{{1,6}}+(?:\r\n|{_SPACE})?+|[^\n\r\f0-9a-fA-F])"
)
_NAME: Final = (
    rf"(?:--|-?(?:[a-zA-Z_]|[^\x00-\x7f]|{_ESCAPE}))"
    rf"(?:[a-zA-Z0-9_-]|[^\x00-\x7f]|{_ESCAPE})*+"
)
_IN_QUOTES: Final = r"(?:[^{0}\\\n\r\f]++|\\(?:\r\n|[\n\r\f]|\Z)|{1})*+"
# Nothing that these match grows shorter by backtracking: a text is walked once.
_TOKEN: Final = re.compile(
    rf"""
      (?P<space> (?: {_SPACE}++ | /\*(?:[^*]++|\*(?!/))*+(?:\*/)?+ )++ )
    | "(?P<double> {_IN_QUOTES.format('"', _ESCAPE)} )(?:"|\Z)
    | '(?P<single> {_IN_QUOTES.format("'", _ESCAPE)} )(?:'|\Z)
    | (?P<number> [+-]?+(?:[0-9]*+\.[0-9]++|[0-9]++)(?:[eE][+-]?+[0-9]++)?+ )
      (?P<unit> % | {_NAME} )?+
    | (?P<name> {_NAME} ) (?P<call> \( )?+
    | (?P<sign> [<>]=?+ | ["'](?:[^\\\n\r\f]++|\\.)*+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_ADDRESS: Final = re.compile(
    rf"""{_SPACE}*+
    (?P<address> (?: [^"'()\\ \t\n\r\f\x00-\x08\x0b\x0e-\x1f\x7f]++ | {_ESCAPE} )*+ )
    {_SPACE}*+ (?:\)|\Z)""",
    re.VERBOSE,
)
_QUOTE_AHEAD: Final = re.compile(rf"{_SPACE}*+[\"']")
_REST_OF_BAD_ADDRESS: Final = re.compile(
    rf"(?:[^)\\]++|{_ESCAPE}|\\)*+\)?+", re.DOTALL
)
_ONE_ESCAPE: Final = re.compile(
    rf"\\(?:([0-9a-fA-F]{{1,6}}+)(?:\r\n|{_SPACE})?+|(\r\n|[\n\r\f]|\Z)|(.))",
    re.DOTALL,
)
_CLOSED_BY: Final = {"(": ")", "[": "]", "{": "}"}


class Component(NamedTuple):
    """A component value: a token, or what stands in brackets.

    `kind` is space, number, name, text, url, call, block or sign; `text` the number, name, text,
    URL, sign, name of the function, or the opening bracket.
    """

    kind: str
    text: str
    unit: str = ""
    """Of a number, in lower case."""
    inside: Sequence["Component"] = ()
    """Of a block or the call of a function."""

    def is_sign(self, text: str) -> bool:
        return self.kind == "sign" and self.text == text


NOTHING: Final = Component("space", "")
_OPENED_URL: Final = Component("call", "url")


def parse_components(text: str) -> list[Component]:
    """The component values of a text; comments are space. Never raises.

    What is opened and not closed ends with the text.
    """
    values: list[Component] = []
    above: list[tuple[list[Component], Component]] = []
    for token in _tokens(text):
        if token.kind == "call" or (
            token.kind == "sign" and token.text in _CLOSED_BY
        ):
            if len(above) == MAX_DEPTH:
                return [Component("sign", "?")]
            above.append((values, token))
            values = []
        elif above and token.is_sign(_closing(above[-1][1])):
            values = _close(values, *above.pop())
        else:
            values.append(token)
    while above:
        values = _close(values, *above.pop())
    return values


def _closing(opened: Component) -> str:
    return ")" if opened.kind == "call" else _CLOSED_BY[opened.text]


def _close(
    inside: list[Component],
    outside: list[Component],
    opened: Component,
) -> list[Component]:
    kind = "call" if opened.kind == "call" else "block"
    outside.append(Component(kind, opened.text, inside=inside))
    return outside


def _tokens(text: str) -> Iterator[Component]:
    position = 0
    while found := _TOKEN.match(text, position):
        token, position = _token_of(found), found.end()
        if token == _OPENED_URL and not _QUOTE_AHEAD.match(text, position):
            token, position = _read_address(text, position)
        yield token


def _token_of(found: re.Match[str]) -> Component:
    kind = found.lastgroup or ""
    if kind == "space":
        return Component("space", " ")
    if kind in ("double", "single"):
        return Component("text", _unescape(found[kind]))
    if kind in ("number", "unit"):
        unit = _unescape(found["unit"] or "").lower()
        return Component("number", found["number"], unit)
    if kind == "sign":
        return Component("sign", found["sign"])
    name = _unescape(found["name"])
    return Component(kind, name.lower() if kind == "call" else name)


def _read_address(
    text: str,
    position: int,
) -> tuple[Component, int]:
    """What follows `url(` without quotes, and where it ends."""
    if found := _ADDRESS.match(text, position):
        return Component("url", _unescape(found["address"])), found.end()
    rest = _REST_OF_BAD_ADDRESS.match(text, position)
    assert rest is not None, "it may be empty"
    return Component("sign", "?"), rest.end()


def _unescape(text: str) -> str:
    return _ONE_ESCAPE.sub(_unescape_one, text) if "\\" in text else text


def _unescape_one(escape: re.Match[str]) -> str:
    digits, _, character = escape.groups()
    if not digits:
        return character or ""
    code = int(digits, 16)
    is_character = 0 < code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
    return chr(code) if is_character else "\ufffd"


def split_at(
    sign: str,
    values: Sequence[Component],
) -> Iterator[list[Component]]:
    """The parts of a list that such signs separate; at least one, which may be empty."""
    part: list[Component] = []
    for value in values:
        if value.is_sign(sign):
            yield part
            part = []
        else:
            part.append(value)
    yield part


def without_space(values: Sequence[Component]) -> list[Component]:
    return [value for value in values if value.kind != "space"]
