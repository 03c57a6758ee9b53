"""The configurations that come with the program: `--config polite`."""

from __future__ import annotations

from pathlib import Path


def file_or_profile(name: str) -> Path:
    """The file of this name, or else the profile of this name."""
    path, found = Path(name), profiles()
    if name not in found or (path.exists() and not path.is_dir()):
        return path
    return found[name]


def profiles() -> dict[str, Path]:
    """By name. They stand inside an installed package, and beside it in a checkout."""
    package = Path(__file__).parent.parent
    installed = package / "profiles"
    folder = installed if installed.is_dir() else package.parent / "config"
    return {path.stem: path for path in sorted(folder.glob("*.toml"))}
