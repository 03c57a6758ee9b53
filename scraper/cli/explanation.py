"""What `explain` has to say: steps in their order, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from msgspec import Struct, field

from scraper.text import printable, printable_json


class Explanation(Struct):
    """What was decided, in the order in which a run decides."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, step: str, **facts: Any) -> None:
        self.steps.append({"step": step, **facts})

    def text(self) -> str:
        """A block a step, a line a fact."""
        lines = []
        for step in self.steps:
            lines.append(step["step"])
            for name, value in step.items():
                if name != "step":
                    lines += _lines_of(name, value)
        return "\n".join(map(printable, lines))

    def as_json(self) -> str:
        """{"steps": [...]}, indented."""
        encoded = orjson.dumps(
            {"steps": self.steps}, option=orjson.OPT_INDENT_2
        )
        return printable_json(encoded).decode()


def _lines_of(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield f"  {name}:"
        for key, each in value.items():
            yield f"    {key}: {each}"
    elif isinstance(value, list):
        yield f"  {name}: {', '.join(map(str, value)) or '-'}"
    else:
        yield f"  {name}: {'-' if value is None else value}"
