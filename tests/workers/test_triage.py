"""The fate of each item of a dead pool: the table in the docstring of `triage`, line by line."""

from __future__ import annotations

import itertools
import re

import pytest

from scraper.model import Task
from scraper.urls import parts_of
from scraper.workers.child import Note
from scraper.workers.triage import (
    MAX_DEATHS_ALONE,
    MAX_LOSSES,
    Convict,
    Evidence,
    Pending,
    triage,
)
from scraper.workers.work import Limits, WorkItem

URL = parts_of("https://a/1")
LIMITS = Limits(7, 128 * 2**20)
BEGUN = Evidence(Note(1, 0.0, False), "", False, "", LIMITS)
OF = {
    "none": [None],
    "inconclusive": [BEGUN],
    "conclusive": [
        BEGUN._replace(overdue=True),
        BEGUN._replace(note=Note(1, 0.0, True)),
    ],
}
LOSSES = {
    "any": range(1, 9),
    "1": [1],
    "> 1": range(2, 9),
    "< 4": range(1, 4),
    ">= 4": range(4, 9),
}
DEATHS = {"any": range(4), "< 2": range(2), ">= 2": range(2, 4)}
ALONE = {"any": [False, True], "no": [False], "yes": [True]}


def rows() -> list[list[str]]:
    """The lines of the table as it is drawn."""
    table = (triage.__doc__ or "").partition("-----\n")[2].partition("\n\n")[0]
    return [re.split(r" {2,}", line.strip()) for line in table.splitlines()]


def item(losses: int, deaths: int) -> Pending:
    pending = Pending(
        1, Task(1, URL, URL), WorkItem("page", "", "", None, "", "")
    )
    pending.losses, pending.deaths = losses, deaths
    return pending


@pytest.mark.parametrize("row", rows(), ids=" | ".join)
def test_an_item_has_the_fate_that_the_table_says(row: list[str]) -> None:
    evidence, losses, alone, deaths, running, stopping = row
    cells = itertools.product(
        OF[evidence], LOSSES[losses], ALONE[alone], DEATHS[deaths]
    )
    for found, lost, is_alone, died in cells:
        fates = [
            triage(
                item(lost, died), found, alone=is_alone, stopping=is_stopping
            )
            for is_stopping in (False, True)
        ]
        names = [type(fate).__name__ for fate in fates]
        assert names == [running, stopping.removesuffix(" (1)")], (
            found,
            lost,
            is_alone,
            died,
        )


def test_the_table_has_every_case_once() -> None:
    """But an item that died alone twice and was lost once: each death is a loss, too."""
    cases = []
    for evidence, losses, alone, deaths, *_ in rows():
        cells = itertools.product(
            [evidence], LOSSES[losses], ALONE[alone], DEATHS[deaths]
        )
        cases += [cell for cell in cells if cell[1] >= cell[3]]
    every = itertools.product(OF, LOSSES["any"], ALONE["any"], DEATHS["any"])
    assert sorted(cases) == sorted(cell for cell in every if cell[1] >= cell[3])


def test_the_table_is_drawn_with_the_constants() -> None:
    assert (MAX_LOSSES, MAX_DEATHS_ALONE) == (4, 2)


@pytest.mark.parametrize(
    ("evidence", "kind", "message"),
    [
        (
            BEGUN._replace(overdue=True),
            "process_timeout",
            "took longer than 7 s",
        ),
        (
            OF["conclusive"][1],
            "process_memory",
            "needed more than 128 MB of memory",
        ),
        (BEGUN, "process_died", "the worker process died at it, twice"),
        (
            BEGUN._replace(
                dump="Fatal Python error: Segmentation fault\n\n"
                "Current thread 0x1 (most recent call first):\n"
                '  File "/home/me/mine.py", line 7 in act\n'
            ),
            "process_died",
            "the worker process died at it, twice (Segmentation fault): mine.py, line 7 in act",
        ),
    ],
)
def test_a_convicted_item_fails_with_what_the_evidence_says(
    evidence: Evidence, kind: str, message: str
) -> None:
    fate = triage(
        item(losses=3, deaths=2), evidence, alone=True, stopping=False
    )
    assert isinstance(fate, Convict)
    assert (fate.failure.kind, fate.failure.message) == (kind, message)
