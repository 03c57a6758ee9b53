"""The house keeps its floors: who may import whom, read from the sources."""

from __future__ import annotations

import ast
import doctest
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import PROJECT

ARCHITECTURE = (PROJECT / "docs" / "architecture.md").read_text()


def floors_drawn() -> dict[str, set[str]]:
    """The rooms of each floor, as docs/architecture.md draws them."""
    drawn = (
        ARCHITECTURE.partition("## Rooms")[2]
        .split("```")[1]
        .replace("\n    ", " ")
    )
    return {
        floor: set(rooms)
        for floor, *rooms in map(str.split, drawn.strip().splitlines())
    }


FLOORS = floors_drawn()
# from below; `apart` is on none
ORDER = (
    "vocabulary",
    "parts",
    "story",
    "faces",
)
BETWEEN_PARTS = {("http", "guard")}
# Which of our modules may import a library; of a package its modules are meant too.
ALLOWED = {
    "requests": {"scraper.http"},
    "urllib3": {"scraper.http"},
    # The others only catch what the ledger raises.
    "sqlite3": {
        "scraper.storage",
        "scraper.exports.sqlite",  # which writes databases of its own
        "scraper.journal",
        "scraper.opening",
        "scraper.run_folder.ending",
        "scraper.runner",
    },
    # An outcome names the type of its `image()`.
    "PIL": {"processors", "scraper.outcomes.outcome"},
    "pillow_heif": {"processors.image.extras"},
    "pillow_jxl": {"processors.image.jxl"},
    "imagehash": {"processors.image.variants.phash"},
    "bs4": {"processors"},
    "lxml": {"processors"},
    "selectolax": {"processors"},
    "dateparser": {"processors"},
    "jmespath": {"processors"},
    "price_parser": {"processors"},
    "protego": {"scraper.frontier"},
    "concurrent": {
        "scraper.machine.threads",
        "scraper.engine",
        "scraper.exports.parquet",
        "scraper.pipeline",
        "scraper.pools",
        "scraper.results",
        "scraper.sessions",
        "scraper.workers",
    },
    "tqdm": {"scraper.cli"},
    "brotli": {"scraper.http"},
    "numpy": {"scraper.run_folder.lookalikes"},
    "pyarrow": {"scraper.exports.parquet", "scraper.sources.parquet"},
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


@cache
def imports_of(module: str) -> tuple[str, ...]:
    """Dotted names that a module imports, anywhere in it, for types too."""
    return tuple(_read_imports(module))


def _read_imports(module: str) -> Iterator[str]:
    ours = modules()
    for node in ast.walk(ours[module]):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, (
                f"{module}: a relative import hides where it leads"
            )
            assert node.module is not None
            whole = [f"{node.module}.{each.name}" for each in node.names]
            submodules = [name for name in whole if name in ours]
            yield from submodules or [node.module]


def room_of(module: str) -> str:
    """The room of a module of `scraper`: its folder, or its own name at the top."""
    return module.split(".")[1] if module.startswith("scraper.") else module


def floor_of(room: str) -> str:
    return next(floor for floor, rooms in FLOORS.items() if room in rooms)


def test_the_architecture_draws_every_room() -> None:
    drawn = [room for rooms in FLOORS.values() for room in rooms]
    rooms = {room_of(module).partition(".")[0] for module in modules()} - {
        "scraper"
    }
    assert sorted(drawn) == sorted(rooms)


def test_the_architecture_says_of_every_module_what_it_knows() -> None:
    tables = ARCHITECTURE.partition("## Rooms")[2].partition("\n## ")[0]
    described = set(re.findall(r"`([\w/]+\.py)`", tables)) - {
        "__init__.py",
        "workers/__init__.py",
    }
    there = {
        path.relative_to(PROJECT).as_posix().removeprefix("scraper/")
        for package in ("scraper", "processors")
        for path in (PROJECT / package).rglob("*.py")
        if path.name != "__init__.py"
    }
    assert described == there


def test_a_module_imports_only_from_lower_floors() -> None:
    wrong = [
        f"{module} imports {imported}"
        for module in modules()
        if module
        != "scraper"  # the front door, which loads the others when they are asked for
        for imported in imports_of(module)
        if imported.startswith("scraper.")
        and not may_import(room_of(module), room_of(imported))
    ]
    assert wrong == []


def may_import(room: str, imported: str) -> bool:
    if room == imported or imported == "faulty":
        return True
    above, below = floor_of(room), floor_of(imported)
    if above == below == "parts":
        return (room, imported) in BETWEEN_PARTS
    return ORDER.index(above) >= ORDER.index(below)


def test_of_the_vocabulary_an_outcome_alone_knows_the_processors() -> None:
    """And only when its page or picture is asked for."""
    users = {
        (module, imported)
        for module in modules()
        if room_of(module) in FLOORS["vocabulary"]
        for imported in imports_of(module)
        if imported.partition(".")[0] == "processors"
    }
    assert users == {
        ("scraper.outcomes.outcome", "processors"),
        ("scraper.outcomes.outcome", "processors.page.charset"),
        ("scraper.outcomes.outcome", "processors.image"),
        ("scraper.outcomes.outcome", "processors.page"),
    }
    loaded = loaded_by("import scraper.outcomes.outcome")
    assert loaded & {"processors", "PIL", "selectolax", "bs4"} == set()


def test_no_module_imports_itself_by_way_of_others() -> None:
    ours = {
        name: set(imports_of(name)) & modules().keys() - {"scraper"}
        for name in modules()
    }
    while leaves := [
        name for name, imported in ours.items() if not imported & ours.keys()
    ]:
        for name in leaves:
            del ours[name]
    assert ours == {}


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
    assert {
        each for each in users if not _is_allowed(each, ALLOWED[library])
    } == set()


def _is_allowed(module: str, allowed: set[str]) -> bool:
    names = module.split(".")
    return any(
        ".".join(names[:length]) in allowed
        for length in range(1, len(names) + 1)
    )


def test_only_faces_print() -> None:
    printing = {
        module
        for module, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    }
    assert {
        room_of(each) for each in printing if not each.endswith(".__main__")
    } <= FLOORS["faces"]


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


def test_a_run_has_one_clock() -> None:
    """What decides when something happens is handed the time, so that tests can play it."""
    decides = FLOORS["story"] | {"frontier"}
    wrong = [
        module
        for module in modules()
        if room_of(module).partition(".")[0] in decides
        and "time" in imports_of(module)
    ]
    assert wrong == []


def loaded_by(statement: str) -> set[str]:
    """Every module that a fresh interpreter has loaded after a statement."""
    script = (
        f"{statement}\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = {"logging", "inspect", "requests", "urllib3", "sqlite3", "PIL", "bs4", "selectolax",
             "can_ada", "orjson", "msgspec", "tqdm", "multiprocessing", "concurrent.futures",
             "asyncio", "ssl"}  # fmt: skip
    loaded = loaded_by("import scraper")
    assert loaded & heavy == set()
    assert {name for name in loaded if name.startswith("scraper.")} == set()


def test_a_worker_loads_no_engine() -> None:
    loaded = loaded_by(
        "import scraper.workers.child, processors.page.facts, processors.image"
    )
    engine = {"requests", "urllib3", "sqlite3", "scraper.pipeline", "scraper.runner",
              "scraper.http.fetcher", "scraper.storage.ledger", "concurrent.futures.process",
              "tqdm"}  # fmt: skip
    assert loaded & engine == set()
    assert "selectolax.lexbor" in loaded, "the parsers are what a worker is for"


def test_the_command_line_answers_before_it_loads_the_engine() -> None:
    loaded = loaded_by("import scraper.cli.scrape")
    heavy = {"msgspec", "orjson", "inspect", "logging", "requests", "urllib3", "sqlite3",
             "multiprocessing", "tqdm", "scraper.runner", "concurrent.futures"}  # fmt: skip
    assert loaded & heavy == set()


def test_a_run_that_only_saves_loads_no_workers() -> None:
    loaded = loaded_by("import scraper.cli.running")
    assert {
        name for name in loaded if name.startswith("scraper.workers")
    } == set()
    assert loaded & {"multiprocessing", "concurrent.futures.process"} == set()


def test_a_run_that_adopts_nothing_does_not_load_how() -> None:
    loaded = loaded_by("import scraper.cli.running")
    assert "scraper.run_folder.adoption" not in loaded
    assert "scraper.reports.records" not in loaded


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
        found = importlib.util.find_spec(name)
        assert found
        source = Path(found.origin or "").read_text()
        if ">>> " not in source:
            continue
        # Only then: some modules need an extra.
        module = importlib.import_module(name)
        result = doctest.testmod(module)
        assert result.failed == 0, f"an example in {name} is not true"
        attempted += result.attempted
    assert attempted > 5


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name for name, tree in modules().items() if not ast.get_docstring(tree)
    ]
    assert silent == []
