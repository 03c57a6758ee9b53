"""Values that never change, declared as dataclasses are, and cheap to declare.

    class Point(Frozen):
        x: int
        y: int = 0

Every command loads the configuration first, `--help` too. There `dataclasses` cost 20 of 130 ms:
it writes and compiles six methods for each class. msgspec, which all else here uses, costs as much
to import.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, dataclass_transform

REQUIRED: Any = object()  # as a default: a value must be given


@dataclass_transform(frozen_default=True)
class Frozen:
    """A base for classes of named values, which are equal if all their values are."""

    defaults: ClassVar[Mapping[str, Any]] = {}  # by name, in the order declared

    def __init_subclass__(cls) -> None:
        own = {
            name: vars(cls).get(name, REQUIRED)
            for name, annotation in cls.__annotations__.items()
            if not annotation.startswith("ClassVar")
        }
        cls.defaults = {**cls.defaults, **own}

    def __init__(self, *ordered: Any, **named: Any) -> None:
        given = dict(zip(self.defaults, ordered, strict=False))
        values = {**self.defaults, **given, **named}
        required = {n for n, v in self.defaults.items() if v is REQUIRED}
        is_sound = (
            len(ordered) == len(given)
            and len(values) == len(self.defaults)
            and not given.keys() & named
            and required <= given.keys() | named
        )
        if not is_sound:
            raise TypeError(
                f"{type(self).__qualname__} takes each of these once: "
                f"{', '.join(self.defaults)}"
            )
        vars(self).update(values)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name!r} cannot be set: make another value")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{name!r} cannot be deleted: make another value")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), *vars(self).values()))

    def __repr__(self) -> str:
        values = (f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__qualname__}({', '.join(values)})"

    def as_dict(self) -> dict[str, Any]:
        """Its values by their names."""
        return dict(vars(self))

    def __replace__(self, **changes: Any) -> Self:
        """Another with some values changed; `copy.replace` (Python 3.13) calls this too."""
        return type(self)(**{**vars(self), **changes})
