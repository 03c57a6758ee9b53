"""File names as the user's template says them.

Whatever stands in a table or a URL, what comes of it is a relative path, below the folder of its
kind, that every system takes: values hold no slash, only the template's own make folders.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import orjson
from msgspec import Struct

from scraper.config.templates import COLUMN, Field, Template, parse_template
from scraper.errors import UsageError
from scraper.model import Kind, Task
from scraper.storage.file_names import (
    FOLDERS,
    host_folder,
    is_reserved,
    path_of,
    plain_extension,
    processed_prefix,
    shortened,
    stem_and_extension,
)
from scraper.text import did_you_mean, pattern
from scraper.urls import digest

SETTING = "--name"
COLUMN_SETTING = "--name-col"
KEYS = ("host", "stem", "ext", "kind", "sha256", "key", "seq")
MAX_PART_BYTES = 200  # of 255, as an extension follows
MAX_PARTS = 8
MAX_TEMPLATE_CHARS = 500
_UNSAFE = pattern(r'[<>:"\\|?*\x00-\x1f\x7f-\x9f]')


class _Missing(Exception):
    """A key says nothing of a URL; the text is the key."""


class Names(Struct, frozen=True):
    """Gives bodies their places below the run folder; without a template the usual ones."""

    template: Template | None = None
    is_column: bool = False  # it was said as the name of a column alone

    def place_of(self, task: Task, kind: Kind, type: str) -> str:
        """Where a body stands: the usual place if the template says nothing of its URL."""
        usual = path_of(task.origin_url, kind, type)
        if self.template is None:
            return usual
        try:
            values = _Values(task, kind, type, _columns_of(task, self.template))
            text = self.template.render(values.of)
        except _Missing:
            return usual
        parts = [_safe(part) for part in text.split("/")]
        return "/".join((FOLDERS[kind], *parts))

    def check_columns(self, name: str, columns: Sequence[str]) -> None:
        """Raises UsageError if a list has not the columns of which names are to be made; the
        first is that of the URL."""
        for column in self.template.columns if self.template else ():
            if column in columns[1:]:
                continue
            if not columns:
                why = "is no table with columns"
            else:
                has = f"; it has {', '.join(columns[1:])}"
                why = f"has no such column{did_you_mean(column, columns[1:], has)}"
            raise UsageError(f"{self._asking_for(column)}: {name} {why}")

    def _asking_for(self, column: str) -> str:
        if self.is_column:
            return f"{COLUMN_SETTING} {column!r}"
        return f"{SETTING}: {{{COLUMN}{column}}}"

    def missing_key(self, task: Task) -> str | None:
        """The key of the template that says nothing of this URL."""
        if self.template is None:
            return None
        try:
            values = _Values(task, "file", "", _columns_of(task, self.template))
            self.template.render(values.of)
        except _Missing as missing:
            return str(missing)
        return None


class _Values(Struct):
    """What the keys of a template stand for."""

    task: Task
    kind: Kind
    type: str
    columns: Mapping[str, object]

    def of(self, key: str) -> str:
        """Raises _Missing."""
        if key.startswith(COLUMN):
            value = _clean(_text_of(self.columns.get(key.removeprefix(COLUMN))))
        else:
            value = self._of_url(key)
        if not value:
            raise _Missing(key)
        return value

    def _of_url(self, key: str) -> str:
        task = self.task
        url = task.origin_url
        match key:
            case "host":
                return host_folder(url.host)
            case "stem":
                return stem_and_extension(url, self.kind, self.type)[0]
            case "ext":
                _, extension = stem_and_extension(url, self.kind, self.type)
                return extension.removeprefix(".")
            case "sha256":
                return digest(url.href).hex()
            case "key":
                return digest(url.href)[:8].hex()
            case "seq":
                return "" if task.seq is None else str(task.seq)
        return self.kind


def names_of(template: str, column: str = "") -> Names:
    """The names that a template asks for, or a column that stands for one. Raises UsageError if
    it cannot mean any, or if both are given."""
    if template and column:
        raise UsageError(
            f"{SETTING} {template!r} and {COLUMN_SETTING} {column!r} are both given: the second "
            f"stands for the template {{{COLUMN}COLUMN}}.{{ext}}, so leave out one of them"
        )
    if column:
        parts = (Field(f"{COLUMN}{column}"), ".", Field("ext"))
        return Names(Template(parts), is_column=True)
    if not template:
        return Names()
    parsed = parse_template(template, KEYS, SETTING)
    problem = _problem_of(template, parsed)
    if problem is not None:
        raise UsageError(f"{SETTING} {template!r}: {problem}")
    return Names(parsed)


def _problem_of(text: str, template: Template) -> str | None:
    shape = template.render(lambda key: "x")
    parts = shape.split("/")
    if len(text) > MAX_TEMPLATE_CHARS or len(parts) > MAX_PARTS:
        return f"more than {MAX_PARTS} parts or {MAX_TEMPLATE_CHARS} characters"
    if not template.fields:
        return (
            "every URL would have the same name: put a key in it, such as {key}"
        )
    if not {"", ".", ".."}.isdisjoint(parts):
        return (
            "a name is relative and has no empty part: no / at its beginning or end, "
            "no //, no . or .. between two"
        )
    unsafe = _UNSAFE.search(shape)
    if unsafe is not None or not shape.isprintable():
        return (
            'file names hold no control characters and none of < > : " \\ | ? *'
        )
    return None


def claim_key(path: str) -> str:
    """What two names have in common that are one on some system: case and normal form. Pictures
    that differ in their extension alone are one name, because what is made of them is."""
    if path.startswith(f"{FOLDERS['image']}/"):
        path = processed_prefix(path)
    folded = unicodedata.normalize("NFD", path).casefold()
    return unicodedata.normalize("NFC", folded)


# -- values ------------------------------------------------------------------------------------


def _columns_of(task: Task, template: Template) -> Mapping[str, object]:
    if task.columns is None or not template.columns:
        return {}
    columns: Mapping[str, object] = orjson.loads(task.columns)
    return columns


def _text_of(value: object) -> str:
    """A cell as text; of a list, or of nothing, none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return orjson.dumps(value).decode()
    return ""


def _clean(text: str) -> str:
    """A value in which letters, digits, dots, _ and - are what they were, and all else is a -."""
    text = unicodedata.normalize("NFC", text.strip())
    if not any(map(str.isalnum, text)):
        return ""
    return "".join(each if _stays(each) else "-" for each in text)


def _stays(character: str) -> bool:
    if character.isalnum() or character in "._-":
        return True
    # vowels and accents that have no letter of their own
    return unicodedata.category(character)[0] == "M"


# -- parts -------------------------------------------------------------------------------------


def _safe(part: str) -> str:
    """One part of a path, so that every system takes it, and as a name."""
    part = unicodedata.normalize("NFC", part).rstrip(". ")
    # Behind a _ stand hidden names, options, names that Windows gives a meaning, and no name.
    if part.startswith((".", "-", " ")) or not part or is_reserved(part):
        part = f"_{part}"
    if len(part.encode()) <= MAX_PART_BYTES:
        return part
    end = f"-{digest(part).hex()[:10]}{plain_extension(part)}"
    return shortened(part, MAX_PART_BYTES - len(end)) + end
