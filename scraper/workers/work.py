"""What is done with an item, in a worker process or elsewhere: a body on disk becomes plain data.

The processors are imported when a function is chosen, and not before.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson
from msgspec import Struct, field

from scraper.errors import KINDS, disk_failure, new_failure
from scraper.media_types import is_json, may_be_json
from scraper.messages import SENDS_ON
from scraper.model import Failure, Flag, Headers, Kind
from scraper.redaction import redacted
from scraper.text import printable_json
from scraper.urls import BadUrl, canonical
from scraper.workers.fields import NOTHING as NO_FIELDS
from scraper.workers.fields import FieldReader, Found, redacted_values

if TYPE_CHECKING:
    from scraper.model import Task

MAX_MESSAGE_CHARS = 500
# Facts of a page that are URLs, or may hold some.
_WITH_URLS = frozenset((
    "canonical", "links", "images", "feeds", "alternates", "open_graph", "twitter", "json_ld",
    "json_ld_flat", "meta_refresh",
))  # fmt: skip

# Headers of an answer that say what its page is.
JUDGED_BY = frozenset({"cf-mitigated", "x-amzn-waf-action"})


class Limits(Struct, frozen=True):
    """What one item may use: seconds, and bytes beyond what a worker has at its start (0: all)."""

    seconds: float
    memory_bytes: int = 0


class Processing(Struct, frozen=True):
    """What a worker does with an item, in plain data that can be sent to it.

    `html`, `image` and `file` name the user's functions for pages, pictures and what else there is,
    "module:function", and `initializer` the one that is called before the first item; `plan` are
    the fields of `processors.image.Plan`, `page` those of `processors.page.facts.PageOptions`;
    `recipes` are what `processors.recipes` compiles; `leads` the fields of
    `processors.page.follow.leads.LeadOptions`, None if no link is followed. `function` stands in
    for all of them, by name: of any `WorkItem` it returns what a `ProcessorResult` holds, or the
    beginning of it.
    """

    html: str = ""
    plan: Mapping[str, Any] = field(default_factory=dict)
    page: Mapping[str, Any] = field(default_factory=dict)
    recipes: Sequence[Mapping[str, Any]] = ()
    meta_refresh: bool = False
    function: str = ""
    image: str = ""
    file: str = ""
    parse_json: bool = False
    initializer: str = ""
    leads: Mapping[str, Any] | None = None


class WorkItem(NamedTuple):
    """One body on disk that is to become facts."""

    kind: Kind
    path: str
    url: str
    """The URL that answered."""
    charset: str | None
    out: str
    """What the paths of temporary results begin with."""
    final: str
    """What the final paths of variants begin with, below the run folder."""
    asked: str = ""
    """The URL that was asked for, where redirects led elsewhere."""
    headers: Headers = ()
    """Those of the answer that a page is judged by."""
    type: str = ""
    """The media type that it has."""
    may_send_on: bool = True
    """May a page be a hop to elsewhere? A file of this machine is none."""


class Stage(Protocol):
    """Where a run has its bodies processed: each item that is submitted is answered once, by a
    message to the coordinator."""

    stopping: bool

    @property
    def has_initializer(self) -> bool:
        """Is a function of the user's called before the first item?"""

    def start(self, scratch: Path) -> None:
        """Make ready; temporary files of results lie below `scratch`. Raises UsageError."""

    def check_start(self) -> None:
        """Wait until it can work. Raises UsageError if it cannot."""

    def submit(self, task: Task, item: WorkItem, size: int) -> None:
        """Have a body of so many bytes processed."""

    def oldest_task(self) -> tuple[Task, float] | None:
        """The task whose body has been inside longest, and for how many seconds."""

    def recover(self) -> None:
        """What `PoolBroken` asks for."""

    def watch_workers(self) -> None:
        """See to what no message reports."""

    def close(self, now: bool = False) -> None:
        """Give everything back; with `now`, at once."""


class ProcessorResult(NamedTuple):
    """What a processor gives."""

    facts: dict[str, Any]
    """For the record."""
    found: Sequence[str] = ()
    """URLs."""
    files: Sequence[tuple[str, str]] = ()
    """Temporary names, and final ones."""
    flags: Sequence[tuple[str, str]] = ()
    """What a page seems to be, and what shows it."""
    fill: str = ""
    """Which fields its recipes have filled, as JSON; "" if none matched."""
    failure: Failure | None = None
    """Why it is of no use though so much is known of it."""
    leads: Sequence[tuple[str, str]] = ()
    """URLs that a page leads to and that may be followed, with how: next, page or link."""
    sketch: bytes = b""
    """What a page says, in a bit for each thing, if links are followed."""


Processor = Callable[[WorkItem], tuple[Any, ...]]


class Made(NamedTuple):
    """What has come of an item, as it is handed on."""

    facts: bytes
    """JSON, encoded once."""
    found: tuple[str, ...]
    files: tuple[tuple[str, str], ...]
    flags: tuple[Flag, ...] = ()
    fill: str = ""
    failure: Failure | None = None
    leads: tuple[tuple[str, str], ...] = ()
    sketch: bytes = b""


NOTHING = Made(b"{}", (), ())


def apply(function: Processor, item: WorkItem) -> Made:
    """Have an item processed. Raises what the function raises, and TypeError for what is not plain
    data."""
    result = ProcessorResult(*function(item))
    return Made(
        printable_json(orjson.dumps(result.facts)),
        _check_texts(result.found),
        _check_pairs(result.files),
        tuple(Flag(*each) for each in result.flags),
        result.fill,
        result.failure,
        tuple(result.leads),
        result.sketch,
    )


def memory_message(limits: Limits) -> str:
    """Why an item ended that hit the limit of memory."""
    if not limits.memory_bytes:
        return "this machine had no memory left for it"
    return f"needed more than {limits.memory_bytes / 2**20:,.0f} MB of memory"


def function_of(
    processing: Processing,
) -> Processor:
    """The function that does it. Raises what importing it raises."""
    from processors.functions import import_function

    if processing.function:
        return import_function(processing.function)
    return _processor(processing)


def initialize(processing: Processing) -> None:
    """Call the function that makes a worker ready. Raises what it raises."""
    from processors.functions import import_function

    if processing.initializer:
        import_function(processing.initializer)()


def _processor(processing: Processing) -> Processor:
    """The one place where the stage meets `processors`."""
    from processors import image
    from processors.file import File, read_json
    from processors.functions import apply_function, import_function
    from processors.page import Page
    from processors.page.facts import PageOptions, page_facts
    from processors.page.flags import page_flags
    from processors.page.follow.leads import LeadReader
    from processors.page.follow.sketch import sketch_of
    from processors.page.refresh import followed_url

    plan, options = (
        image.Plan.of(processing.plan),
        PageOptions(**processing.page),
    )
    image.import_functions(plan)
    own = {
        kind: import_function(spec)
        for kind, spec in (
            ("page", processing.html),
            ("image", processing.image),
            ("file", processing.file),
        )
        if spec
    }
    reader = FieldReader(processing.recipes)
    leads = None if processing.leads is None else LeadReader(processing.leads)

    def process_image(item: WorkItem) -> ProcessorResult:
        picture = image.process(item.path, plan, item.out, item.final)
        facts, files = picture.facts, picture.files
        if picture.rejected is not None:
            failure = failure_of(picture.rejected)
            return ProcessorResult(facts, failure=failure)
        if "image" in own:
            with _removing_on_failure(files):
                whole = image.upright(_body_of(item), plan)
                about = {"url": item.url, **facts}
                facts["data"] = apply_function(own["image"], whole, about)
        return ProcessorResult(facts, files=files)

    def process_file(item: WorkItem) -> ProcessorResult:
        file = File(item.url, _body_of(item), item.type, item.charset)
        found = NO_FIELDS
        if is_json(item.type):
            found = reader.read_json(file.body, item.url)
        result = _with_fields({}, found)
        if result.failure is not None:
            return result
        if "file" in own:
            result.facts["data"] = apply_function(own["file"], file)
        elif processing.parse_json and may_be_json(item.type, item.url):
            result.facts["data"] = redacted_values(read_json(file))
        return result

    def process_page(item: WorkItem) -> ProcessorResult:
        page = Page(item.url, _body_of(item), item.charset)
        follows = processing.meta_refresh and item.may_send_on
        onward = followed_url(page) if follows else None
        if onward is not None and _can_be_asked(onward):
            return ProcessorResult({SENDS_ON: onward})
        attention = reader.attention_of(item.url)
        facts, urls = page_facts(page, options, attention)
        flags = page_flags(
            page, facts["title"], facts["text"], item.asked, dict(item.headers)
        )
        sketch = b"" if leads is None else sketch_of(page, facts, urls)
        _redact(facts)
        result = _with_fields(facts, reader.read_page(page, item.url))
        if "page" in own and result.failure is None:
            facts["data"] = apply_function(own["page"], page)
        result = result._replace(found=urls, flags=flags)
        if leads is None:
            return result
        found = leads.read(page, reader.leads_of(item.url), attention)
        if found.is_cut:
            facts["cut"] = [*facts["cut"], "leads"]
        return result._replace(leads=found.urls, sketch=sketch)

    by_kind: Mapping[Kind, Processor] = {
        "image": process_image,
        "file": process_file,
        "page": process_page,
    }
    return lambda item: by_kind[item.kind](item)


def _body_of(item: WorkItem) -> bytes:
    with open(item.path, "rb") as file:
        return file.read()


@contextmanager
def _removing_on_failure(files: Sequence[tuple[str, str]]) -> Iterator[None]:
    """What was written for an item goes, if nothing comes of it."""
    try:
        yield
    except BaseException:
        for part, _ in files:
            os.unlink(part)
        raise


def _with_fields(facts: dict[str, Any], found: Found) -> ProcessorResult:
    """The facts of a body, and after them what recipes have found in it."""
    cut = [*facts.get("cut", ()), *found.facts.get("cut", ())]
    facts |= found.facts
    if "cut" in facts:
        facts["cut"] = cut
    failure = None if found.error is None else failure_of(found.error)
    return ProcessorResult(facts, fill=found.fill, failure=failure)


def _can_be_asked(url: str) -> bool:
    try:
        canonical(url)
    except BadUrl:
        return False
    return True


def _redact(facts: dict[str, Any]) -> None:
    """What URLs are asked with is no matter of the record."""
    for name in _WITH_URLS & facts.keys():
        facts[name] = _redacted(facts[name])
    for name in ("links", "images"):
        facts[name] = _distinct(facts[name])


def _redacted(value: Any) -> Any:
    """Plain data without passwords and tokens."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, list):
        return [_redacted(each) for each in value]
    if isinstance(value, dict):
        return {name: _redacted(each) for name, each in value.items()}
    return value


def _distinct(named: list[Any]) -> list[Any]:
    """URLs, or objects that have one: the first of those that look alike now."""
    first: dict[str, Any] = {}
    for each in named:
        first.setdefault(each if isinstance(each, str) else each["url"], each)
    return list(first.values())


def _check_texts(values: Iterable[Any]) -> tuple[str, ...]:
    found = tuple(values)
    for each in found:
        if type(each) is not str:
            raise TypeError(f"{type(each).__name__} where text is expected")
    return found


def _check_pairs(
    values: Iterable[Iterable[Any]],
) -> tuple[tuple[str, str], ...]:
    return tuple((part, final) for part, final in map(_check_texts, values))


def failure_of(error: BaseException) -> Failure:
    """Why an item has failed whose function has raised this."""
    from processors import Unusable

    if isinstance(error, Unusable) and error.kind in KINDS:
        return new_failure(error.kind, _to_one_line(error.message))
    if isinstance(error, OSError) and error.errno is not None:
        # about our own files: the processors keep the others apart
        return disk_failure(error)
    return new_failure("internal_error", describe_error(error))


def describe_error(error: BaseException) -> str:
    """Type, message and line."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  its own __str__ is broken
        message = ""
    frames = traceback.extract_tb(error.__traceback__)
    frame = frames[-1] if frames else None
    place = (
        f" ({os.path.basename(frame.filename)}, line {frame.lineno})"
        if frame
        else ""
    )
    return (
        _to_one_line(f"{type(error).__name__}: {message}"[:MAX_MESSAGE_CHARS])
        + place
    )


def _to_one_line(text: str) -> str:
    """One line that every encoder takes."""
    line = " ".join(text.split())[:MAX_MESSAGE_CHARS]
    return line.encode("utf-8", "replace").decode()
