"""The sources stay readable: density, names and sizes, counted.

Places to look, and a stop for what creeps in unseen; where a figure fights clarity, raise it here
and say why beside it.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections import Counter
from functools import cache
from pathlib import Path
from statistics import mean
from typing import NamedTuple

from tests.conftest import PROJECT

MAX_TOKENS_A_LINE = 7.0  # mean of the lines that hold code
MAX_ONE_WORD_NAMES = 0.45
MAX_PARTICIPLES = 0.03
MAX_METHODS = 20
MAX_LINES = 450
MAX_BRANCHES = 10
MAX_MODULES = 20
# What would not read better in pieces, and why.
LONG_FILES = {
    "scraper/supervision.py": "what the loop asks once a turn, a class each",
    "scraper/config/settings.py": "every key, declared once",
    "scraper/errors.py": "the kinds of failure: drawn, listed and mapped in one place",
}
LARGE_CLASSES = {
    "scraper/machine/files.py Folder": "one method for each thing that is done to a file",
    "scraper/pipeline.py Pipeline": "the loop, with a name for each of its steps",
}
MANY_BRANCHES = {
    "processors/image/variants/stills.py derive_still": "the steps from a picture to its variant",
    "processors/page/visible_text.py read_visible": "a call for each node would take as long",
    "scraper/cli/arguments.py open_sources": "one message for each mistake",
    "scraper/cli/running.py _scrape": "the flags that exclude each other",
    "scraper/cli/running.py _run_to_the_end": "the ways in which a run can end",
    "scraper/config/values.py _number": "one case for each unit",
    "scraper/config/values.py allowed_values": "one case for each type",
    "scraper/errors.py _kind_of": "one case for each class that is no plain name",
    "scraper/media_types.py _by_bytes": "the signatures of the MIME Sniffing Standard, in order",
    "scraper/media_types.py _text_type": "the same, of texts",
    "scraper/pipeline.py _receive": "one case for each message",
    "scraper/run_folder/adoption.py _row_of": "one column a line",
    "scraper/sources/forms.py _table_of": "one case for each form of a table",
    "scraper/workers/stage.py _next_submission": "the order in which what waits is served",
    "scraper/workers/triage.py triage": "the table that its docstring draws",
}

COUNTED = {tokenize.NAME, tokenize.OP, tokenize.NUMBER, tokenize.STRING}
FORKS = (
    ast.If,
    ast.For,
    ast.While,
    ast.IfExp,
    ast.ExceptHandler,
    ast.comprehension,
    ast.match_case,
)
ONE_WORD = re.compile(r"_?[a-z]+\d*")
PARTICIPLE = re.compile(
    r"_?([a-z]+ed|begun|drawn|found|given|held|kept|known|lost|made|met|said|sent|shown|taken|told|written)"
)
# But for `file.tell()` and a sentence of the demo.
DIALECT = re.compile(
    r"\b(told|tells?|whoever|anew|anybody|nobody|somebody|seldom|errands?|strangers?|forgiv\w+|"
    r"mended|stillborn|barren|distrust)\b(?!\(|\s+is always up)",
    re.IGNORECASE,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Source(NamedTuple):
    name: str
    text: str
    tree: ast.Module


@cache
def sources() -> tuple[Source, ...]:
    paths = [
        *PROJECT.glob("scraper/**/*.py"),
        *PROJECT.glob("processors/**/*.py"),
    ]
    found = []
    for path in sorted(paths):
        if "faulty" not in path.parts:
            text = path.read_text()
            found.append(
                Source(
                    path.relative_to(PROJECT).as_posix(), text, ast.parse(text)
                )
            )
    return tuple(found)


@cache
def functions() -> tuple[tuple[str, Function], ...]:
    return tuple(
        (f"{source.name} {node.name}", node)
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, Function)
    )


def names() -> list[str]:
    return [
        node.name for _, node in functions() if not node.name.startswith("__")
    ]


def docstring_lines(tree: ast.Module) -> set[int]:
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(
            node, (ast.Module, ast.ClassDef, Function)
        ) and ast.get_docstring(node):
            docstring = node.body[0]
            lines.update(
                range(docstring.lineno, (docstring.end_lineno or 0) + 1)
            )
    return lines


def tokens_by_line(source: Source) -> Counter[int]:
    lines = iter(source.text.splitlines(keepends=True))
    ignored = docstring_lines(source.tree)
    return Counter(
        token.start[0]
        for token in tokenize.generate_tokens(lambda: next(lines, ""))
        if token.type in COUNTED and token.start[0] not in ignored
    )


def branches_of(function: Function) -> int:
    """Paths that begin in a function, without those of functions inside it."""
    count = 1
    waiting: list[ast.AST] = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (Function, ast.ClassDef, ast.Lambda)):
            continue
        count += isinstance(node, FORKS)
        if isinstance(node, ast.BoolOp):
            count += len(node.values) - 1
        waiting.extend(ast.iter_child_nodes(node))
    return count


def test_a_line_holds_one_idea() -> None:
    tokens = [
        count
        for source in sources()
        for count in tokens_by_line(source).values()
    ]
    assert mean(tokens) <= MAX_TOKENS_A_LINE


def test_a_name_says_act_and_object() -> None:
    short = [name for name in names() if ONE_WORD.fullmatch(name)]
    assert len(short) <= MAX_ONE_WORD_NAMES * len(names())


def test_a_participle_is_a_state_and_no_function() -> None:
    states = [name for name in names() if PARTICIPLE.fullmatch(name)]
    assert len(states) <= MAX_PARTICIPLES * len(names()), sorted(states)


def test_the_words_are_those_of_the_field() -> None:
    lines = [
        f"{source.name}:{number}: {line.strip()}"
        for source in sources()
        for number, line in enumerate(source.text.splitlines(), 1)
        if DIALECT.search(line)
    ]
    assert lines == []


def test_a_class_is_one_class() -> None:
    methods = {
        f"{source.name} {node.name}": sum(
            isinstance(each, Function) for each in node.body
        )
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef)
    }
    assert {
        name for name, count in methods.items() if count > MAX_METHODS
    } == set(LARGE_CLASSES)


def test_a_file_has_one_subject() -> None:
    lines = {source.name: source.text.count("\n") for source in sources()}
    assert {name for name, count in lines.items() if count > MAX_LINES} == set(
        LONG_FILES
    )


def test_a_function_can_be_followed() -> None:
    branching = {
        name for name, node in functions() if branches_of(node) > MAX_BRANCHES
    }
    assert branching == set(MANY_BRANCHES)


def test_a_folder_can_be_read_at_a_glance() -> None:
    modules = Counter(Path(source.name).parent for source in sources())
    assert {
        str(folder): count
        for folder, count in modules.items()
        if count > MAX_MODULES
    } == {}
