"""A user's function is found and checked before anything is asked, or one message says why not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from scraper.config import configure
from scraper.config.functions import function_of, names_in
from scraper.config.plugins import source_hashes
from scraper.errors import UsageError


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module of a user's, in the folder from which the program is started."""
    name = "a_users_module"
    (tmp_path / f"{name}.py").write_text(
        dedent("""
        def article(page):
            return {"title": "x"}

        class Shop:
            @staticmethod
            def price(page):
                return 1

        def maker():
            def inner(page):
                return {}
            return inner

        short = lambda page: {}
        inner = maker()
        number = 7
        """)
    )
    (tmp_path / "needy_module.py").write_text("import a_module_that_nobody_has")
    (tmp_path / "broken_module.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    yield name
    sys.path[:] = before
    for each in (name, "needy_module", "broken_module"):
        sys.modules.pop(each, None)


def test_a_function_is_found_in_the_working_folder(module: str) -> None:
    assert function_of(f"{module}:article", "html")(None) == {"title": "x"}


def test_a_function_of_a_class_is_found(module: str) -> None:
    assert function_of(f"{module}:Shop.price", "html")(None) == 1


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("article", "write module:function"),
        (":article", "write module:function"),
        ("a_users_module:", "write module:function"),
        ("no_such_module:f", "no module 'no_such_module'"),
        ("a_users_module:artikel", "a_users_module has no 'artikel'"),
        ("a_users_module:number", "is a int, not a function"),
        ("a_users_module:short", "is a lambda or a local function"),
        ("a_users_module:inner", "is a lambda or a local function"),
        (
            "needy_module:f",
            "needy_module needs 'a_module_that_nobody_has', which is missing",
        ),
        ("broken_module:f", "importing broken_module fails: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(
    module: str, spec: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        function_of(spec, "html")
    assert says in str(caught.value)
    assert str(caught.value).startswith("html")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("takes", "says"),
    [
        (("page",), ""),
        ((), "takes (page), and is called with (): write `def article()`"),
        (
            ("picture", "facts"),
            "called with (picture, facts): write `def article(picture, facts)`",
        ),
    ],
)
def test_a_function_has_to_take_what_it_is_called_with(
    module: str, takes: tuple[str, ...], says: str
) -> None:
    if not says:
        assert function_of(f"{module}:article", "html", takes)
        return
    with pytest.raises(UsageError) as caught:
        function_of(f"{module}:article", "html", takes)
    assert str(caught.value).endswith(says)


def test_a_function_of_c_is_taken_at_its_word() -> None:
    assert function_of("builtins:max", "file", ("file",)) is max


def test_functions_are_named_wherever_they_are_given() -> None:
    given = [dedent, "mine:f", 3]
    assert names_in(given, "op") == ["textwrap:dedent", "mine:f", 3]
    assert names_in("mine:f", "html") == "mine:f"


def test_the_hash_of_a_function_is_that_of_its_file(
    module: str, tmp_path: Path
) -> None:
    config = configure(html=f"{module}:article")
    before = source_hashes(config)
    assert set(before) == {"html"}
    file = tmp_path / f"{module}.py"
    file.write_text(file.read_text() + "# more\n")
    assert source_hashes(config) != before
    assert source_hashes(configure()) == {}
