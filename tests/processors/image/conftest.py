"""What tests of pictures share."""

from __future__ import annotations

import importlib.util
from importlib.machinery import ModuleSpec
from typing import Any

import pytest


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a module look as if it were not installed."""

    def hide(missing: str) -> None:
        find_spec = importlib.util.find_spec

        def found(name: str, package: str | None = None) -> ModuleSpec | None:
            return None if name == missing else find_spec(name, package)

        monkeypatch.setattr("importlib.util.find_spec", found)

    return hide
