"""One frozen, validated tree: defaults < TOML < SCRAPER_* < flags.

A key is written once, as a field below: its section, type, default, bounds, flag and sentence.
The command line, the environment names, `config/default.toml` and the reference in the docs are
all derived from it. Names are unique over all sections, so a flag is the key without its unit
(`timeout_seconds` is `--timeout` and `SCRAPER_TIMEOUT`), and the unit decides what is understood:
`_seconds` take `500ms 30s 5m 6h 7d`, `_bytes` take `k M G`.
"""

from __future__ import annotations

import json
import math
import os
import re
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_origin, get_type_hints

from scraper.errors import UsageError
from scraper.hints import did_you_mean, nearest
from scraper.redaction import redacted, redacted_header
from scraper.text import printable, printable_json


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """What a key says of itself beside its type and default."""

    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    formerly: Mapping[str, str] = field(default_factory=dict)  # old spellings of choices
    short: str = ""
    metavar: str = ""
    flag: bool = True  # False: set in TOML and environment only
    pattern: str = ""  # of a string, if not every one is right
    shapes: bool = False  # what comes of a URL depends on it
    redact: Callable[[str], str] | None = None  # takes the secret out of its text


def setting(default: Any, help: str, **info: Any) -> Any:
    """A field of the tree."""
    return field(default=default, metadata={"info": KeyInfo(help, **info)})


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How much at once, where, and when to stop."""

    dir: str = setting(
        "", "run folder; empty: downloads/<name of the list>", short="-d", metavar="DIR"
    )
    threads: int = setting(
        0, "fetch threads; 0: 16 for each core, up to 32", low=0, high=1024, short="-j", metavar="N"
    )  # fmt: skip
    processes: int = setting(
        0, "worker processes; 0: one for each core", low=0, high=256, short="-p", metavar="N"
    )
    window: int = setting(
        0,
        "URLs in flight, from handing out to commit; 0: four for each thread",
        low=0,
        high=65_536,
        flag=False,
    )
    durable: bool = setting(False, "sync each commit to the disk: safe against power loss, slower")
    grace_seconds: float = setting(
        10.0, "after a signal, time for what is under way", low=0, high=3_600, metavar="T"
    )
    max_time_seconds: float = setting(
        0.0, "stop after this long; 0: no limit", low=0, high=31_536_000, metavar="T"
    )
    max_bytes: int = setting(
        0, "stop after receiving this much; 0: no limit", low=0, high=2**60, metavar="SIZE"
    )
    max_urls: int = setting(0, "stop after this many URLs; 0: no limit", low=0, high=2**40,
                         metavar="N")  # fmt: skip
    max_failures: str = setting(
        "", "stop after this many failed URLs, a number or a share such as 20%",
        pattern=r"|\d+|\d{1,2}(\.\d+)?%|100%", metavar="N|N%",
    )  # fmt: skip
    save_only: bool = setting(
        False, "save bodies and record them; parse and process nothing", shapes=True
    )


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """One request."""

    timeout_seconds: float = setting(
        20.0, "longest silence while an answer is read", low=0.01, high=86_400, metavar="T"
    )
    connect_timeout_seconds: float = setting(
        10.0, "longest wait for a connection", low=0.01, high=3_600, metavar="T"
    )
    dns_timeout_seconds: float = setting(
        10.0, "longest wait for a name look-up", low=0.01, high=3_600, flag=False
    )
    request_time_seconds: float = setting(
        300.0,
        "longest time for one request, however busy it looks",
        low=0.01,
        high=604_800,
        metavar="T",
    )
    max_body_bytes: int = setting(
        256 * 2**20, "largest body, decompressed", low=1, high=2**40, metavar="SIZE"
    )
    max_redirects: int = setting(10, "hops before a URL is given up", low=0, high=100, metavar="N")
    retries: int = setting(
        2, "tries after the first, for failures that may pass", low=0, high=100, short="-R",
        metavar="N",
    )  # fmt: skip
    retry_wait_seconds: float = setting(
        1.0, "first pause before a retry; doubles each time", low=0, high=3_600, flag=False
    )
    retry_time_seconds: float = setting(
        900.0, "time after a URL's first try beyond which it is not tried again", low=0,
        high=604_800, flag=False,
    )  # fmt: skip
    contact: str = setting(
        "", "your address or page in the User-Agent, so that hosts can reach you", metavar="WHO"
    )
    user_agent: str = setting(
        "", "User-Agent; empty: this program's name, version and the contact", short="-U",
        metavar="UA",
    )  # fmt: skip
    header: tuple[str, ...] = setting(
        (),
        "further request header, 'Name: value'",
        short="-H",
        metavar="H",
        redact=redacted_header,
    )
    proxy: str = setting(
        "",
        "proxy for all requests; empty: *_proxy of the environment",
        metavar="URL",
        redact=redacted,
    )
    ca_bundle: str = setting("", "file of trusted certificates; empty: certifi's", metavar="FILE")
    verify_tls: bool = setting(True, "verify certificates", flag=False)


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Which hosts may be asked, and how."""

    allow_hosts: tuple[str, ...] = setting(
        (), "only these hosts: names, globs, networks; empty: all", metavar="HOSTS"
    )
    per_host: int = setting(4, "requests at once to one host", low=1, high=1024, metavar="N")
    delay_seconds: float = setting(
        0.0, "least time between an answer and the next request to a host", low=0, high=86_400,
        metavar="T",
    )  # fmt: skip
    jitter: float = setting(
        0.25, "random part on top of each delay, as a share of it", low=0, high=10, flag=False
    )
    robots: str = setting(
        "on", "robots.txt: obeyed, ignored, or only told in the records",
        choices=("on", "off", "report"),
    )  # fmt: skip
    obey: tuple[str, ...] = setting(
        (), "page directives that skip a URL, such as noindex,noai",
        choices=("noindex", "noimageindex", "noai", "noimageai"), metavar="WORDS", shapes=True,
    )  # fmt: skip
    limit_rate_bytes: int = setting(
        0, "bytes a second, over all hosts; 0: no limit", low=0, high=2**40, short="-r",
        metavar="SIZE",
    )  # fmt: skip
    host_limit_rate_bytes: int = setting(
        0, "bytes a second, for each host; 0: no limit", low=0, high=2**40, metavar="SIZE"
    )
    max_retry_after_seconds: float = setting(
        3_600.0, "longest pause that an answer may ask for", low=0, high=604_800, flag=False
    )
    private: str = setting(
        "listed", "private addresses: only if the list names them, always, or never",
        choices=("listed", "always", "never"), formerly={"yes": "always", "no": "never"},
    )  # fmt: skip
    allow_networks: tuple[str, ...] = setting(
        (), "private networks that may be connected to", metavar="NETS"
    )
    deny_networks: tuple[str, ...] = setting(
        (), "networks that must never be connected to", metavar="NETS"
    )


@dataclass(frozen=True, slots=True)
class PageSettings:
    """What is made of a page."""

    page_images: bool = setting(True, "fetch the images of pages too", shapes=True)
    html: str = setting("", "your function for pages, module:function", metavar="M:F", shapes=True)
    max_links: int = setting(
        10_000, "links of one page in its record", low=1, high=10**7, flag=False, shapes=True
    )
    max_page_images: int = setting(
        500,
        "images of one page in its record, and fetched",
        low=1,
        high=10**7,
        flag=False,
        shapes=True,
    )


@dataclass(frozen=True, slots=True)
class ImageSettings:
    """What is made of a picture."""

    resize: int = setting(
        512, "longest side of the result, only if bigger; 0: keep size", low=0, high=65_500,
        metavar="PX", shapes=True)  # fmt: skip
    grayscale: bool = setting(False, "make results gray", shapes=True)
    format: str = setting(
        "",
        "format of results; empty: keep jpeg, png, webp",
        choices=("", "jpeg", "png", "webp"),
        shapes=True,
    )
    quality: int = setting(
        85, "quality of jpeg and webp results", low=1, high=100, metavar="Q", shapes=True
    )
    max_pixels: int = setting(
        100_000_000, "largest picture that is decoded", low=1, high=10**10, flag=False, shapes=True
    )


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """The limits around one item in a worker process."""

    process_time_seconds: float = setting(
        30.0, "longest time for one page or picture", low=0.01, high=86_400, metavar="T"
    )
    process_memory_bytes: int = setting(
        2**30, "memory a worker may use beyond its start; 0: no limit", low=0, high=2**44,
        metavar="SIZE",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """What is said, and where."""

    output: str = setting(
        "", "'-': records to standard output too", short="-o", metavar="-", choices=("", "-")
    )
    quiet: bool = setting(False, "say nothing, or one line if the exit code is not 0", short="-q")
    verbose: bool = setting(False, "log each URL to the terminal too", short="-v")
    progress: bool = setting(True, "progress bar, or a line each 30 s off a terminal")
    log_format: str = setting("text", "format of run.log", choices=("text", "json"))


@dataclass(frozen=True, slots=True)
class Config:
    """Everything that can be set. Frozen: make another with `configure` or `with_keys`."""

    run: RunSettings = field(default_factory=RunSettings)
    fetch: FetchSettings = field(default_factory=FetchSettings)
    hosts: HostSettings = field(default_factory=HostSettings)
    page: PageSettings = field(default_factory=PageSettings)
    image: ImageSettings = field(default_factory=ImageSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    output: OutputSettings = field(default_factory=OutputSettings)


@dataclass(frozen=True, slots=True)
class Key:
    """One key with everything derived from its field."""

    section: str
    name: str
    type: Any
    default: Any
    info: KeyInfo

    @property
    def unit(self) -> str:
        """`seconds`, `bytes` or nothing."""
        suffix = self.name.rpartition("_")[2]
        return suffix if suffix in ("seconds", "bytes") and suffix != self.name else ""

    @property
    def stem(self) -> str:
        """The name without its unit."""
        shorter = self.name.removesuffix(f"_{self.unit}") if self.unit else self.name
        return self.name if shorter == "max" else shorter  # --max-bytes: most of what?

    @property
    def flag(self) -> str:
        """The long flag; a boolean that is on by default has the flag that turns it off."""
        prefix = "--no-" if self.default is True else "--"
        return prefix + self.stem.replace("_", "-")

    @property
    def environment(self) -> str:
        return f"SCRAPER_{self.stem.upper()}"

    @property
    def allowed(self) -> str:
        """What values are right, in words."""
        info = self.info
        if info.choices:
            number = "any of " if self.is_list else "one of "
            return number + ", ".join(choice or '""' for choice in info.choices)
        if self.type is bool:
            return "true or false"
        if self.is_list:
            return "a list of strings (a comma-separated one outside TOML)"
        if self.type is str:
            return self.info.metavar.replace("|", " or ") if self.info.pattern else "a string"
        noun = {"seconds": "a duration", "bytes": "a size"}.get(self.unit, "a whole number")
        if self.type is float and not self.unit:
            noun = "a number"
        example = {"seconds": " such as 30, 500ms, 5m", "bytes": " such as 65536, 64k, 2M"}
        low, high = (_plain(bound, self.unit) for bound in (info.low, info.high))
        return f"{noun} from {low} to {high}{example.get(self.unit, '')}"

    def shown(self, value: Any) -> Any:
        """The value without what is secret of it; wrong values too."""
        if self.info.redact is None:
            return value
        if isinstance(value, str):
            return self.info.redact(value)
        return type(value)(map(self.shown, value)) if isinstance(value, list | tuple) else value

    @property
    def is_list(self) -> bool:
        return get_origin(self.type) is tuple


def _keys() -> Iterator[Key]:
    sections = get_type_hints(Config)
    for section in fields(Config):
        cls = sections[section.name]
        hints = get_type_hints(cls)
        each: Field[Any]
        for each in fields(cls):
            yield Key(section.name, each.name, hints[each.name], each.default,
                      each.metadata["info"])  # fmt: skip


KEYS: Mapping[str, Key] = types.MappingProxyType({each.name: each for each in _keys()})
_BY_STEM: Mapping[str, Key] = {each.stem: each for each in KEYS.values()}

# Earlier spellings, without their unit, and what the key is called now.
RENAMED: Mapping[str, str] = {"item_time": "request_time", "max_items": "max_urls"}

Origins = Mapping[str, str]
_SCRIPT = "configure()"


def configure(**values: Any) -> Config:
    """The configuration of a script: defaults < SCRAPER_* of the environment < these keywords.

    >>> configure(threads=8, timeout_seconds="5s").fetch.timeout_seconds
    5.0

    Raises UsageError for a wrong key or value.
    """
    return load(flags=values, origin=_SCRIPT)[0]


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    toml: Path | None = None,
    environment: Mapping[str, str] | None = None,
    origin: str = "the command line",
) -> tuple[Config, Origins]:
    """The whole tree, and for each key that was set the place that had the last word.

    `toml` must exist if given; `environment` is `os.environ` unless given. Raises UsageError.
    """
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    layers = [
        _from_toml(toml) if toml else {},
        _from_environment(os.environ if environment is None else environment),
        {name: (value, origin) for name, value in (flags or {}).items()},
    ]
    for layer in layers:
        for name, (value, place) in layer.items():
            found = _key_named(name, place)
            values[found.name] = parsed(found, value, place)
            origins[found.name] = place
    return with_keys(Config(), values), origins


def _key_named(name: str, place: str) -> Key:
    """The key that is spelled so, with its unit or without. Raises UsageError if there is none."""
    found = KEYS.get(name) or _BY_STEM.get(name)
    if found is not None:
        return found
    if new := new_spelling_of(name):
        raise UsageError(f"{name} in {place} is called {new} now")
    raise UsageError(f"unknown key {name!r} in {place}{_hint(name, place)}")


def new_spelling_of(name: str) -> str:
    """What a key of this earlier name is called now, in the same form; "" if there is no such key.

    >>> new_spelling_of("item_time_seconds"), new_spelling_of("--item-time")
    ('request_time_seconds', '--request-time')
    """
    stem = name.removeprefix("--").removesuffix("_seconds").replace("-", "_").lower()
    new = RENAMED.get(stem)
    if new is None:
        return ""
    if name.startswith("--"):
        return "--" + new.replace("_", "-")
    return _BY_STEM[new].name


def file_or_profile(name: str) -> Path:
    """The file of this name, or else the profile that comes with the program (`polite`)."""
    path, profiles = Path(name), _profiles()
    if name not in profiles or (path.exists() and not path.is_dir()):
        return path
    return profiles[name]


def _profiles() -> dict[str, Path]:
    """By name. They stand inside an installed package, and beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "profiles"
    folder = installed if installed.is_dir() else package.parent / "config"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}


def with_keys(config: Config, values: Mapping[str, Any]) -> Config:
    """The same tree with some keys replaced (values are taken as they are)."""
    sections: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        sections.setdefault(KEYS[name].section, {})[name] = value
    changed = {name: replace(getattr(config, name), **v) for name, v in sections.items()}
    return replace(config, **changed)


def value_of(config: Config, key: Key) -> Any:
    """The value of one key."""
    return getattr(getattr(config, key.section), key.name)


def _from_toml(path: Path) -> dict[str, tuple[Any, str]]:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        message = f"cannot read configuration {path}: {error.strerror}"
        profiles = "" if path.exists() else f" (profiles: {', '.join(_profiles())})"
        raise UsageError(message + profiles) from error
    except ValueError as error:  # not TOML, not UTF-8, or a number without end
        raise UsageError(f"{path} is not TOML: {error}") from error
    values: dict[str, tuple[Any, str]] = {}
    for section, body in tree.items():
        place = f"{path} [{section}]"
        names = {each.name for each in fields(Config)}
        if not isinstance(body, dict) or section not in names:
            near = nearest(section, names)
            hint = f"; did you mean [{near}]?" if near else f"; sections: {', '.join(names)}"
            if section in KEYS:
                hint = f"; {section} belongs into [{KEYS[section].section}]"
            raise UsageError(f"unknown section or key {section!r} in {path}{hint}")
        for name, value in body.items():
            found = KEYS.get(name) or _BY_STEM.get(name)
            if found is not None and found.section != section:
                raise UsageError(f"{name} in {place} belongs into [{found.section}]")
            values[name] = (value, place)
    return values


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    prefix = "SCRAPER_"
    return {
        name.removeprefix(prefix).lower(): (value, f"environment variable {name}")
        for name, value in environment.items()
        if name.startswith(prefix)
    }


def parsed(key: Key, value: Any, place: str) -> Any:
    """`value` as the key's type. Raises UsageError that names key, place and what is allowed."""
    try:
        result = _converted(key, value)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"{key.name} = {key.shown(value)!r} in {place} is not right: allowed is {key.allowed}"
            f"{_nearest_value(key, value)}"
        ) from None
    return result


def _nearest_value(key: Key, value: Any) -> str:
    """What was probably meant by a wrong value, if that can be said."""
    if callable(value) and key.info.metavar == "M:F":
        module, name = (getattr(value, each, "") for each in ("__module__", "__qualname__"))
        spec = f"{module}:{name}" if module and name.isidentifier() else "module:function"
        return f"; a function is given by its name: {key.name}={spec!r}"
    if not isinstance(value, str):
        return ""
    if value in key.info.formerly:
        return f"; {value!r} is called {key.info.formerly[value]!r} now"
    return did_you_mean(value, key.info.choices)


def _converted(key: Key, value: Any) -> Any:
    if key.is_list:
        strings = _strings(value)
        if key.info.choices and not set(strings) <= set(key.info.choices):
            raise ValueError
        return strings
    if key.type is bool:
        return _boolean(value)
    if key.type is str:
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if not isinstance(value, str) or (key.info.choices and value not in key.info.choices):
            raise ValueError
        if key.info.pattern and not re.fullmatch(key.info.pattern, value):
            raise ValueError
        return value
    number = _number(value, key.unit)
    low, high = key.info.low, key.info.high
    if not math.isfinite(number) or (low is not None and number < low):
        raise ValueError
    if high is not None and number > high:
        raise ValueError
    if key.type is int:
        if number != int(number):
            raise ValueError
        return int(number)
    return float(number)


def _strings(given: Any) -> tuple[str, ...]:
    value: Any = given
    if isinstance(given, str):
        value = [part.strip() for part in given.split(",") if part.strip()]
    if not isinstance(value, (list, tuple)):
        raise ValueError
    if not all(isinstance(each, str) for each in value):
        raise ValueError
    return tuple(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    words = {"1": True, "true": True, "yes": True, "on": True,
             "0": False, "false": False, "no": False, "off": False}  # fmt: skip
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError


_UNITS: dict[str, dict[str, float]] = {
    "seconds": {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400},
    "bytes": {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40},
}


def _number(value: Any, unit: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*", value)
    if match is None:
        raise ValueError
    suffix = match[2].lower()
    if unit == "bytes":
        suffix = suffix.removesuffix("ib") if suffix != "ib" else suffix
        suffix = suffix[:-1] if len(suffix) == 2 and suffix.endswith("b") else suffix
    factors = _UNITS.get(unit, {"": 1})
    if suffix not in factors:
        raise ValueError
    number = float(match[1]) * factors[suffix]
    return int(number) if number == int(number) else number


def _plain(bound: float | None, unit: str = "") -> str:
    if bound is None:
        return "any"
    if unit == "bytes" and bound >= 2**10:
        for letter, power in (("T", 40), ("G", 30), ("M", 20), ("k", 10)):
            if bound % 2**power == 0:
                return f"{int(bound) // 2**power}{letter}"
    if unit == "seconds" and bound >= 86_400:
        return f"{bound / 86_400:g}d"
    return f"{int(bound)}" if bound == int(bound) else f"{bound}"


def _hint(name: str, place: str) -> str:
    near = nearest(name, [*KEYS, *_BY_STEM], 0.5)
    if near is not None:
        return f"; did you mean {near}?"
    shows = "print(scraper.configure())" if place == _SCRIPT else "--show-config"
    return f"; {shows} shows all keys"


def as_toml(config: Config, origins: Origins | None = None) -> str:
    """The tree as TOML, each key with its sentence; or, to be shown, without secrets and with the
    place that set it."""
    lines: list[str] = []
    for section in fields(Config):
        doc = " ".join((type(getattr(config, section.name)).__doc__ or "").split())
        lines += [f"[{section.name}]  # {doc}"]
        for each in (key for key in KEYS.values() if key.section == section.name):
            value = value_of(config, each)
            value = _toml_value(value if origins is None else each.shown(value))
            note = each.info.help if origins is None else origins.get(each.name, "default")
            if origins is None and not (each.type is str and not each.info.choices):
                note += f" ({each.allowed})"
            lines.append(f"{each.name} = {value}  # {printable(note)}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml_value(each) for each in value) + "]"
    if isinstance(value, str):
        # The escapes of JSON are TOML's too.
        encoded = json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace")
        return printable_json(encoded).decode()
    return str(value)
