"""What `explain` has to say: steps in their order, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson
from msgspec import Struct, field

from scraper.text import counted, printable, printable_json

MAX_SHOWN_ITEMS = 10  # in the text
MAX_SHOWN_CHARS = 200  # of a value in it
BOLD, RED, GREEN = "1", "31", "32"


class Line(NamedTuple):
    """A line of the text, and how a terminal shows it."""

    text: str
    style: str = ""

    def shown(self, colour: bool) -> str:
        text = printable(self.text)
        return (
            f"\x1b[{self.style}m{text}\x1b[0m"
            if colour and self.style
            else text
        )


class Explanation(Struct):
    """What was decided, in the order in which a run decides."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, step: str, **facts: Any) -> None:
        self.steps.append({"step": step, **facts})

    def text(self, colour: bool = False) -> str:
        """A block a step, a line a fact; what comes from outside holds no control characters."""
        lines = []
        for step in self.steps:
            lines.append(Line(step["step"], BOLD))
            for name, value in step.items():
                if name != "step":
                    lines += _lines_of(name, value)
        return "\n".join(line.shown(colour) for line in lines)

    def as_json(self) -> str:
        """{"steps": [...]}, indented."""
        encoded = orjson.dumps(
            {"steps": self.steps}, option=orjson.OPT_INDENT_2
        )
        return printable_json(encoded).decode()


def _lines_of(name: str, value: Any) -> Iterator[Line]:
    if isinstance(value, dict):
        yield Line(f"  {name}:")
        style = RED if name == "failing" else ""
        for key, each in value.items():
            yield Line(f"    {key}: {_shown(each)}", style)
    elif name == "suggestions":
        yield from _lines_of_suggestions(value)
    elif name == "items":
        yield from _lines_of_items(value)
    elif isinstance(value, list):
        yield Line(f"  {name}: {', '.join(map(str, value)) or '-'}")
    else:
        yield Line(f"  {name}: {'-' if value is None else value}")


def _lines_of_items(items: list[dict[str, Any]]) -> Iterator[Line]:
    yield Line(f"  items: {len(items):,}")
    for number, item in enumerate(items[:MAX_SHOWN_ITEMS], 1):
        said = [f"{name}: {_shown(value)}" for name, value in item.items()]
        yield Line(f"    {number}: {', '.join(said)}")
    if len(items) > MAX_SHOWN_ITEMS:
        yield Line(f"    and {len(items) - MAX_SHOWN_ITEMS:,} more")


def _lines_of_suggestions(suggestions: list[dict[str, Any]]) -> Iterator[Line]:
    """What is typed, and below it how many elements it finds and what they say."""
    for each in suggestions:
        noun = "item" if "each" in each else "element"
        said = " · ".join(map(_shown, each["values"]))
        yield Line(f"  {each['flags']}", GREEN)
        yield Line(f"    {counted(each['elements'], noun)}: {said}")
    if any("each" in each for each in suggestions):
        yield Line("  in a table, --rows items makes a row of each item")
    if not suggestions:
        yield Line(
            "  no element of the page as it was sent holds it: a script may, or JSON-LD"
        )


def _shown(value: Any) -> str:
    if value is None or value == []:
        return "-"
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return (
        text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}..."
    )
