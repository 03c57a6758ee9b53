"""Units and rotation of the guide are well formed, also where no systemd can verify them."""

from __future__ import annotations

import re

import pytest

from tests.conftest import PROJECT

GUIDE = (PROJECT / "docs" / "guide.md").read_text()
UNITS = re.findall(
    r"```ini\n# /etc/systemd/system/([\w.]+).*\n([^`]+)```", GUIDE
)
ROTATIONS = re.findall(
    r"```logrotate\n# /etc/logrotate.d/\w+\n([^`]+)```", GUIDE
)
# Of systemd.unit, .service, .exec, .kill and .timer: what a unit of ours may say, and how.
SECONDS = r"\d+(s|min|h|d)?"
KEYS = {
    "Unit": {"Description": r"\S.*", "After": r"[\w.-]+", "Wants": r"[\w.-]+"},
    "Service": {
        "Type": "oneshot|exec|simple",
        "WorkingDirectory": r"/\S+",
        "ExecStart": r"/\S+( \S+)*",
        "TimeoutStopSec": SECONDS,
        "KillMode": "control-group|mixed",
        "Restart": "no|on-failure|always",
        "SuccessExitStatus": r"\d+( \d+)*",
    },
    "Timer": {
        "OnCalendar": r"([A-Z][a-z]{2} )?[\d*]+-[\d*]+-[\d*]+ \d\d:\d\d:\d\d",
        "RandomizedDelaySec": SECONDS,
        "Persistent": "true|false",
    },
    "Install": {"WantedBy": r"(timers|multi-user)\.target"},
}
DIRECTIVES = {
    "daily", "weekly", "monthly", "compress", "delaycompress", "missingok", "notifempty",
    "nocreate", "copytruncate",
}  # fmt: skip


def wrong_in(unit: str) -> list[str]:
    """Lines that no section of a unit may have."""
    wrong, keys = [], dict[str, str]()
    for line in filter(None, unit.splitlines()):
        section = re.fullmatch(r"\[(\w+)\]", line)
        if section:
            keys = KEYS.get(section[1], {})
        name, _, value = line.partition("=")
        is_key = re.fullmatch(keys.get(name, r"(?!)"), value) is not None
        if not is_key and not (section and keys):
            wrong.append(line)
    return wrong


def wrong_in_rotation(text: str) -> list[str]:
    """Lines that logrotate would not take as they are meant."""
    first, *lines, last = text.strip().splitlines()
    wrong = [
        line
        for line in map(str.strip, lines)
        if line not in DIRECTIVES and not re.fullmatch(r"rotate \d+", line)
    ]
    if not re.fullmatch(r"(/\S+ )+\{", first) or last != "}":
        wrong.append(first)
    return wrong


@pytest.mark.parametrize(("name", "text"), UNITS)
def test_a_unit_is_well_formed(name: str, text: str) -> None:
    assert wrong_in(text) == []
    kind = name.rpartition(".")[2].capitalize()
    assert f"[{kind}]" in text


def test_a_rotation_is_well_formed() -> None:
    (text,) = ROTATIONS
    assert wrong_in_rotation(text) == []


def test_a_timer_starts_a_service_that_is_there() -> None:
    names = {name for name, _ in UNITS}
    timers = {name for name in names if name.endswith(".timer")}
    assert timers
    assert {name.replace(".timer", ".service") for name in timers} <= names


@pytest.mark.parametrize(
    "line",
    ["[Servce]", "ExecStart=python", "KillMode=mix", "OnCalendar=nightly", "x"],
)
def test_what_is_wrong_is_seen(line: str) -> None:
    service, timer = (text for _, text in UNITS)
    assert line in wrong_in(f"{service}{line}\n")
    assert line in wrong_in(f"{timer}{line}\n")


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("weekly", "weakly"), ("rotate 8", "rotate"), ("}", "")],
)
def test_a_wrong_rotation_is_seen(right: str, wrong: str) -> None:
    (text,) = ROTATIONS
    assert wrong_in_rotation(text.replace(right, wrong)) != []
