"""What a user's own function returns for a page."""

import functools
import json
import sys
from datetime import date, datetime
from types import ModuleType
from typing import Any

import pytest

from processors import Unusable
from processors.functions import apply_function
from processors.page import Page

URL = "https://example.org/shop/page.html?x=1#top"


def test_a_function_returns_plain_data_that_shares_nothing_with_the_page() -> (
    None
):
    def article(page: Page) -> dict[str, Any]:
        heading = page.soup.h1
        assert heading is not None
        return {
            "title": heading.string,
            "seen": date(2024, 5, 6),
            "pair": (1, None, 2.5, True),
        }

    data = apply_function(article, Page(URL, b"<h1>T</h1>"))
    assert data == {
        "title": "T",
        "seen": "2024-05-06",
        "pair": [1, None, 2.5, True],
    }
    assert type(data["title"]) is str


def test_a_date_becomes_iso_text() -> None:
    moment = datetime(2024, 5, 6, 7, 8, 9)
    assert (
        apply_function(lambda page: moment, Page(URL, b""))
        == moment.isoformat()
    )


def test_a_function_that_raises_is_named_with_its_line() -> None:
    def price(page: Page) -> str:
        return str({}["missing"])

    with pytest.raises(Unusable) as caught:
        apply_function(price, Page(URL, b""))
    line = price.__code__.co_firstlineno + 1
    assert caught.value.kind == "function_failed"
    assert "price raised KeyError: 'missing'" in str(caught.value)
    assert str(caught.value).endswith(f"(test_functions.py, line {line})")


def test_the_line_is_the_users_own_though_a_library_raised() -> None:
    def broken(page: Page) -> Any:
        return json.loads(page.text)

    with pytest.raises(Unusable) as caught:
        apply_function(broken, Page(URL, b"no json"))
    line = broken.__code__.co_firstlineno + 1
    assert str(caught.value).endswith(f"(test_functions.py, line {line})")


@pytest.mark.parametrize("module", ["__main__", "__mp_main__"])
def test_a_function_of_a_script_is_called_after_its_file(
    module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def price(page: Page) -> str:
        raise LookupError

    script = ModuleType(module)
    monkeypatch.setitem(sys.modules, module, script)
    price.__module__, price.__qualname__ = module, "price"
    with pytest.raises(Unusable, match=f"^{module}:price raised LookupError"):
        apply_function(price, Page(URL, b""))
    script.__file__ = "/somewhere/shop.py"
    with pytest.raises(Unusable, match=r"^shop\.py:price raised LookupError"):
        apply_function(price, Page(URL, b""))


def test_a_callable_without_a_name_may_fail_too() -> None:
    with pytest.raises(Unusable, match="partial raised"):
        apply_function(functools.partial(int, "x"), Page(URL, b""))


@pytest.mark.parametrize(
    "returned", [{1, 2}, object(), {"x": b"y"}, "\ud800", {1: 2}, 2**70]
)
def test_what_json_cannot_hold_is_refused(returned: object) -> None:
    with pytest.raises(Unusable, match="not plain data") as caught:
        apply_function(lambda page: returned, Page(URL, b""))
    assert caught.value.kind == "function_failed"


def test_a_function_that_wants_to_exit_only_fails() -> None:
    with pytest.raises(Unusable, match="SystemExit"):
        apply_function(lambda page: sys.exit(3), Page(URL, b""))


def test_a_lack_of_memory_is_not_the_functions_failure() -> None:
    def hungry(page: Page) -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        apply_function(hungry, Page(URL, b""))


# The package
