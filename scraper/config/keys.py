"""One key: its declaration in a section, and every name that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

from scraper.config.earlier import ELSEWHERE
from scraper.config.frozen import REQUIRED, Frozen
from scraper.text import nearest

UNITS = ("seconds", "bytes")
_TYPES: Mapping[str, type] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "tuple[str, ...]": tuple,
    "Mapping[str, Any]": dict,
}


class KeyInfo(Frozen):
    """What the declaration of a key says beside its name, type and default."""

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    # old spellings of choices
    formerly: Mapping[str, str] = MappingProxyType({})
    # what other programs call them
    aliases: Mapping[str, str] = MappingProxyType({})
    # names that the key has in other programs; they are taken, and not shown
    other_names: tuple[str, ...] = ()
    short: str = ""
    metavar: str = ""
    flag: bool = True  # False: set in TOML and environment only
    off: str = ""  # the choice that `--no-` and the name stand for
    pattern: str = ""  # that a string must match, in a list what is no choice
    splits: bool = (
        True  # a string is a list with commas; False: it is one element
    )
    command: bool = False  # it starts one: a string is a line of its words
    auto: bool = False  # the word `auto` stands for 0
    shapes: bool = False  # the result of a URL depends on it
    # a function of the user's, and what it is called with; None: it is none
    takes: tuple[str, ...] | None = None
    redact: Callable[[str], str] | None = (
        None  # takes the secret out of its text
    )


# A duration that may be left open: `seconds_of` reads it.
AGE = r"|\d+(\.\d+)?\s*(ms|s|m|h|d)?"


def setting(default: Any, help: str, **info: Any) -> Any:
    """A value of a section that is a key."""
    return Declaration(default, KeyInfo(help, **info))


def as_in(section: type[Section], name: str) -> Any:
    """A value of a table that is a key of this section, too: None if the table does not say it."""
    return Declaration(None, section.keys[name])


class Declaration(NamedTuple):
    """What stands behind the name of a key until its class is made."""

    default: Any
    info: KeyInfo


class Section(Frozen):
    """A base for classes whose values are keys, made by `setting`."""

    keys: ClassVar[Mapping[str, KeyInfo]] = {}

    def __init_subclass__(cls) -> None:
        declared = {
            name: value
            for name, value in vars(cls).items()
            if isinstance(value, Declaration)
        }
        cls.keys = {name: each.info for name, each in declared.items()}
        for name, each in declared.items():
            setattr(cls, name, each.default)
        super().__init_subclass__()

    @staticmethod
    def parse_line(text: str, keys: KeySet) -> Mapping[str, Any] | None:
        """A table in one line of words; None if there is no such form. Raises ValueError."""
        return None


class Key(Frozen):
    """One key with everything that is derived from its declaration."""

    section: str
    name: str
    type: Any
    default: Any
    info: KeyInfo

    @property
    def unit(self) -> str:
        """`seconds`, `bytes` or nothing."""
        suffix = self.name.rpartition("_")[2]
        return suffix if suffix in UNITS and suffix != self.name else ""

    @property
    def stem(self) -> str:
        """The name without its unit."""
        shorter = (
            self.name.removesuffix(f"_{self.unit}") if self.unit else self.name
        )
        # `--max` would not say of what
        return self.name if shorter == "max" else shorter

    @property
    def flag(self) -> str:
        """The long flag; a boolean that is on by default has the flag that turns it off."""
        prefix = "--no-" if self.default is True else "--"
        return prefix + self.stem.replace("_", "-")

    @property
    def other_flags(self) -> list[str]:
        """Its flags in other programs."""
        names = (name.replace("_", "-") for name in self.info.other_names)
        return [f"--{name}" for name in names]

    @property
    def off_flag(self) -> str:
        """The flag that stands for one of the choices; "" if there is none."""
        return self.flag.replace("--", "--no-", 1) if self.info.off else ""

    @property
    def environment(self) -> str:
        return f"SCRAPER_{self.stem.upper()}"

    @property
    def is_list(self) -> bool:
        return self.type is tuple

    @property
    def is_repeated(self) -> bool:
        """May its flag be given several times, for an element each?"""
        return self.is_list and not self.info.command

    @property
    def is_table(self) -> bool:
        """Is its value a table, of which no more is known here?"""
        return self.type is dict

    @property
    def is_required(self) -> bool:
        return self.default is REQUIRED

    def redact(self, value: Any) -> Any:
        """The value, right or wrong, without what is secret in it."""
        if self.info.redact is None:
            return value
        if isinstance(value, str):
            return self.info.redact(value)
        if isinstance(value, list | tuple):
            return type(value)(map(self.redact, value))
        return value


def keys_of(cls: type[Section], section: str) -> Iterator[Key]:
    """The keys that a class declares."""
    for name, info in cls.keys.items():
        type = _TYPES[cls.__annotations__[name]]
        yield Key(section, name, type, cls.defaults[name], info)


class KeySet:
    """Keys that are found by their names, with or without the unit."""

    def __init__(
        self,
        keys: Iterable[Key],
        renamed: Mapping[str, str] | None = None,
        removed: Mapping[str, str] | None = None,
    ) -> None:
        self.by_name: Mapping[str, Key] = MappingProxyType(
            {key.name: key for key in keys}
        )
        self._by_stem = {key.stem: key for key in self.by_name.values()}
        self._by_other = {
            name: key
            for key in self.by_name.values()
            for name in key.info.other_names
        }
        self._renamed = renamed or {}
        self._removed = removed or {}

    def find(self, name: str) -> Key | None:
        return (
            self.by_name.get(name)
            or self._by_stem.get(name)
            or self._by_other.get(name)
        )

    def find_renamed(self, name: str) -> Key | None:
        """The key that had this name, with or without unit, in an earlier version."""
        new = self._renamed.get(_without_unit(name))
        return self._by_stem[new] if new else None

    def find_replacement(self, name: str) -> str | None:
        """What takes the place of a key of an earlier version that is gone, in words."""
        return self._removed.get(_without_unit(name))

    def nearest(self, name: str) -> str | None:
        """The name that was probably meant."""
        elsewhere = ELSEWHERE.get(name)
        if elsewhere in self.by_name:
            return elsewhere
        return nearest(name, [*self.by_name, *self._by_stem], 0.5)


def _without_unit(name: str) -> str:
    for unit in UNITS:
        name = name.removesuffix(f"_{unit}")
    return name
