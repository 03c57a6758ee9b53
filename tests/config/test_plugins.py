"""A user's function is found and checked before anything is asked, or one message says why not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from scraper.config.plugins import function_of
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
