"""Throw-away virtual environments for the peers, made on first use and kept in the cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.table import say

PEERS = Path(__file__).with_name("peers")
PROJECT = Path(__file__).parents[1]


class Missing(Exception):
    """A peer cannot be installed here; says why in a line."""


def default_cache() -> Path:
    """The user's cache folder, or the temporary one."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    if not os.access(base, os.W_OK):
        base = tempfile.gettempdir()
    return Path(base) / "scraper-benchmarks"


def python_for(peer: str, cache: Path) -> str:
    """The interpreter of the environment that peers/requirements-<peer>.txt describes.

    Raises Missing if it cannot be made.
    """
    requirements = PEERS / f"requirements-{peer}.txt"
    tag = f"{sys.version_info[:2]} {requirements.read_text(encoding='utf-8')}".encode()
    folder = cache / f"{peer}-{hashlib.sha256(tag).hexdigest()[:8]}"
    python = folder / (
        "Scripts/python.exe" if os.name == "nt" else "bin/python"
    )
    complete = folder / "complete"
    if not complete.exists():
        say(f"installing {requirements.name} into {folder} ...")
        shutil.rmtree(folder, ignore_errors=True)
        _checked([sys.executable, "-m", "venv", str(folder)])
        _checked([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check",
                  "-r", str(requirements)])  # fmt: skip
        complete.touch()
    return str(python)


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        errors = (
            [line for line in lines if "ERROR" in line]
            or lines[-1:]
            or ["no reason given"]
        )
        raise Missing(errors[-1].strip())


def clean() -> dict[str, str]:
    """The environment variables for runs: none of ours, no proxy (all is loopback), and no
    certificates of this machine's own, which a run would load before its first request."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("SCRAPER_", "PYTHON"))
        and not name.upper().endswith("_PROXY")
        and name not in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
    }
