"""The house keeps its floors: who may import whom, read from the sources."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import PROJECT

# Lower rows first; a module imports only from lower rows, or from further left in its own row.
# `faulty` is a server for tests that knows nothing of us, as `processors` know nothing.
ROWS = (
    ("processors", "scraper.faulty"),
    ("text", "redaction", "model", "errors", "hints", "config", "urls", "sniff"),  # words
    (
        "main_module",
        "temporary",
        "plugins",
        "files",
        "streams",
        "printed",
        "descriptors",
        "cores",
        "shaping",
        "robots",
        "guard",
        "redirects",
        "bodies",
        "framing",
        "proxies",
        "fetch",
        "shadows",
        "child",
        "preload",
        "fork_server",
        "workers",
        "store",
        "reading",
        "ledger",
        "list_forms",
        "lists",
        "adopted",
        "folders",
        "owners",
        "directives",
        "record",
        "results",
        "sinks",
        "report",
        "hosts",
        "frontier",
    ),  # each one thing
    ("recovery", "adoption", "journal", "delivery", "pipeline", "job", "api"),  # the story
    ("demo", "explain", "progress", "status", "cli", "__main__"),  # faces
)  # fmt: skip
PLACES = {
    name if name in ROWS[0] else f"scraper.{name}": (row, column)
    for row, names in enumerate(ROWS)
    for column, name in enumerate(names)
}
FACES = {f"scraper.{name}" for name in ROWS[-1]}
# Which of our modules may import a library; of a package its modules are meant too.
ALLOWED = {
    "requests": {"scraper.fetch"},
    "urllib3": {"scraper.fetch"},
    # Two of these only catch what the ledger raises.
    "sqlite3": {"scraper.reading", "scraper.ledger", "scraper.journal", "scraper.job"},
    "PIL": {"processors"},
    "bs4": {"processors"},
    "lxml": {"processors"},
    "selectolax": {"processors"},
    "protego": {"scraper.robots"},
    "concurrent": {"scraper.pipeline", "scraper.workers"},
    "tqdm": FACES,
    "brotli": {"scraper.bodies"},
}


@cache
def modules() -> dict[str, ast.Module]:
    found = {}
    for package in ("scraper", "processors"):
        for path in sorted((PROJECT / package).rglob("*.py")):
            parts = path.relative_to(PROJECT).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text(), str(path))
    return found


def imports_of(module: str) -> Iterator[str]:
    """Dotted names that a module imports, anywhere in it, for types too."""
    ours = modules()
    for node in ast.walk(ours[module]):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: a relative import hides where it leads"
            assert node.module is not None
            whole = [f"{node.module}.{each.name}" for each in node.names]
            submodules = [name for name in whole if name in ours]
            yield from submodules or [node.module]


def place_of(module: str) -> tuple[int, int] | None:
    for name in (module, module.partition(".")[0], ".".join(module.split(".")[:2])):
        if name in PLACES:
            return PLACES[name]
    return None


def test_every_module_has_its_place() -> None:
    homeless = [name for name in modules() if name != "scraper" and place_of(name) is None]
    assert homeless == []


def test_a_module_imports_only_from_below_or_from_its_left() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module in modules()
        if module != "scraper"  # the front door, which loads the others when they are asked for
        for imported in imports_of(module)
        if (place := place_of(imported)) is not None and place > (place_of(module) or (0, 0))
    ]
    assert wrong == []


@pytest.mark.parametrize("alone", ["processors", "scraper.faulty"])
def test_what_knows_nothing_of_us_imports_nothing_of_us(alone: str) -> None:
    wrong = [
        f"{module} imports {imported}"
        for module in modules()
        if module == alone or module.startswith(f"{alone}.")
        for imported in imports_of(module)
        if imported.partition(".")[0] in ("scraper", "processors")
        and not (imported == alone or imported.startswith(f"{alone}."))
    ]
    assert wrong == []


@pytest.mark.parametrize("library", ALLOWED)
def test_a_library_is_used_in_one_place(library: str) -> None:
    users = {
        module
        for module in modules()
        for imported in imports_of(module)
        if imported.partition(".")[0] == library
    }
    assert {each for each in users if not _is_allowed(each, ALLOWED[library])} == set()


def _is_allowed(module: str, allowed: set[str]) -> bool:
    return module in allowed or module.partition(".")[0] in allowed


def test_only_faces_print() -> None:
    printing = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert {each for each in printing if not each.endswith(".__main__")} <= FACES


def test_nobody_sleeps() -> None:
    """Politeness is scheduling; waiting is for events."""
    sleeping = [
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "sleep"
    ]
    assert sleeping == []


# -- what is loaded ---------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    """Every module that a fresh interpreter has loaded after a statement."""
    script = f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"requests", "urllib3", "sqlite3", "PIL", "bs4", "selectolax", "can_ada", "orjson",
             "tqdm", "multiprocessing", "concurrent.futures", "asyncio", "ssl"}  # fmt: skip
    loaded = loaded_by("import scraper")
    assert loaded & heavy == set()
    assert {name for name in loaded if name.startswith("scraper.")} == set()


def test_a_worker_loads_no_engine() -> None:
    loaded = loaded_by("import scraper.child, processors.html, processors.image, processors.page")
    engine = {"requests", "urllib3", "sqlite3", "scraper.pipeline", "scraper.job", "scraper.fetch",
              "scraper.ledger", "concurrent.futures.process", "tqdm"}  # fmt: skip
    assert loaded & engine == set()
    assert "selectolax.lexbor" in loaded, "the parsers are what a worker is for"


def test_the_command_line_answers_before_it_loads_the_engine() -> None:
    loaded = loaded_by("import scraper.cli")
    heavy = {"requests", "urllib3", "sqlite3", "multiprocessing", "tqdm", "scraper.job",
             "concurrent.futures"}  # fmt: skip
    assert loaded & heavy == set()


def test_every_public_name_can_be_had() -> None:
    scraper = importlib.import_module("scraper")
    assert {name: getattr(scraper, name, None) for name in scraper.__all__ if
            getattr(scraper, name, None) is None} == {}  # fmt: skip
    with pytest.raises(AttributeError, match="no attribute 'strem'"):
        _ = scraper.strem


# -- what is said -----------------------------------------------------------------------------


def test_every_example_in_a_docstring_is_true() -> None:
    attempted = 0
    for name in modules():
        if name.endswith("__main__"):
            continue
        module = importlib.import_module(name)
        source = Path(module.__file__ or "").read_text()
        if ">>> " not in source:
            continue
        result = doctest.testmod(module)
        assert result.failed == 0, f"an example in {name} is not true"
        attempted += result.attempted
    assert attempted > 5


def test_every_module_says_what_it_is_for() -> None:
    silent = [name for name, tree in modules().items() if not ast.get_docstring(tree)]
    assert silent == []
