"""How a run ended as Prometheus reads it: its text exposition format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from scraper.model import STATES
from scraper.outcomes.changes import LABELS
from scraper.reports.summary import Report


class Freshness(Struct, frozen=True):
    """Since when a folder is good; times are unix time, None where it never was."""

    never_good: int  # URLs
    oldest_good: float | None
    ended_well: float | None  # a pass, with exit code 0


class End(Struct, frozen=True):
    """How the last run ended; None where it goes on, or never did."""

    at: float | None  # unix time
    exit_code: int | None


class _Family(Struct, frozen=True):
    name: str
    help: str
    label: str | None
    samples: Mapping[str, float | None]


def metrics_text(
    report: Report,
    folder: str,
    end: End,
    fresh: Freshness,
) -> str:
    """All that is measured, each sample with the folder it is of."""
    lines: list[str] = []
    for family in _families(report, end, fresh):
        lines += _lines_of(family, folder)
    return "\n".join([*lines, ""])


def _families(
    report: Report,
    end: End,
    fresh: Freshness,
) -> Iterator[_Family]:
    totals = report.totals or report
    yield _Family(
        "scraper_urls",
        "URLs of the folder by their last outcome.",
        "state",
        {state: totals.states[state] for state in STATES},
    )
    yield _Family(
        "scraper_pass_urls",
        "URLs of the last pass by their outcome.",
        "state",
        {state: report.states[state] for state in STATES},
    )
    yield _Family(
        "scraper_failures",
        "URLs of the folder that have failed, by kind.",
        "kind",
        totals.failures,
    )
    yield _Family(
        "scraper_pass_changes",
        "URLs of the last pass whose story moved, by word.",
        "change",
        {word: report.changes[word] for word in LABELS},
    )
    for name, text, value in (
        ("bytes", "Size of all bodies of the folder.", totals.bytes),
        (
            "pass_wire_bytes",
            "Bytes transferred in the last pass.",
            report.wire_bytes,
        ),
        ("pass_seconds", "Time that the last pass took.", report.seconds),
        ("pass", "Number of the last pass.", report.number),
        ("exit_code", "Exit code of the last run.", end.exit_code),
        ("end_timestamp_seconds", "When the last run ended.", end.at),
        (
            "good_end_timestamp_seconds",
            "When a pass last ended with exit code 0.",
            fresh.ended_well,
        ),
        (
            "oldest_good_timestamp_seconds",
            "The oldest of the last good answers of all listed URLs.",
            fresh.oldest_good,
        ),
        (
            "urls_never_good",
            "Listed URLs that never had a good answer.",
            fresh.never_good,
        ),
    ):
        yield _Family(f"scraper_{name}", text, None, {"": value})


def _lines_of(family: _Family, folder: str) -> Iterator[str]:
    samples = [
        (word, value)
        for word, value in family.samples.items()
        if value is not None
    ]
    if not samples:
        return
    yield f"# HELP {family.name} {family.help}"
    yield f"# TYPE {family.name} gauge"
    for word, value in samples:
        labels = f'folder="{escaped(folder)}"'
        if family.label is not None:
            labels += f',{family.label}="{escaped(word)}"'
        yield f"{family.name}{{{labels}}} {value}"


def escaped(text: str) -> str:
    r"""The value of a label; bytes that are no UTF-8 are replaced.

    >>> escaped('a"b\\c')
    'a\\"b\\\\c'
    """
    text = text.encode("utf-8", "replace").decode()
    for sign, escape in (("\\", r"\\"), ("\n", r"\n"), ('"', r"\"")):
        text = text.replace(sign, escape)
    return text
