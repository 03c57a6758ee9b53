"""items.jsonl follows from the records, whatever a kill or somebody else does to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scraper
from scraper.errors import UsageError
from scraper.machine.files import Folder, open_folder
from scraper.model import Task
from scraper.outcomes.items import items_in
from scraper.outcomes.outcome import Outcome
from scraper.sinks.item_log import ItemLog, has_items, open_item_log
from scraper.sinks.record_log import RecordLog
from scraper.urls import parts_of
from tests.stories.runs import items_of

Items = list[dict[str, Any]]


def outcome_of(
    index: int, items: Items | None, own: dict[str, Any] | None = None
) -> Outcome:
    """The first that has no items may speak of some."""
    url = parts_of(f"https://example.com/{index}")
    record: dict[str, Any] = {
        "schema": 2,
        "pass": 1,
        "index": index,
        "key": f"{index:016x}",
        "url": url.href,
        "data": {"items": [index]},
    }
    record |= {} if own is None else {"input": own}
    record |= {} if items is None else {"items": items}
    return Outcome(Task(index, url, url), "done", orjson.dumps(record))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    with open_folder(tmp_path) as folder:
        yield folder


class Logs:
    """Both logs of a run, and what the ledger knows of them."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self.positions: tuple[str | None, str | None] = (None, None)
        self.resume()
        self.commit()

    def resume(self, *, ended: bool = False) -> None:
        self.records = RecordLog(self._folder, ended=ended)
        self.items = ItemLog(self._folder, self.records)
        self.records.resume(self.positions[0])
        self.items.resume(self.positions[1])

    def add(self, outcome: Outcome) -> None:
        self.records.add(outcome)
        self.items.add(outcome)

    def flush(self) -> tuple[str, str]:
        return self.records.flush(durable=False), self.items.flush(
            durable=False
        )

    def commit(self) -> None:
        self.positions = self.flush()

    def close(self) -> None:
        self.records.close()
        self.items.close()


def lines_in(path: Path) -> Items:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def check_follows(folder: Path) -> None:
    """A line for each item of each record, in their order."""
    expected = items_of(lines_in(folder / "records.jsonl"))
    lines = lines_in(folder / "items.jsonl")
    assert lines == expected
    assert [[*line] for line in lines] == [[*line] for line in expected]


# -- lines -------------------------------------------------------------------------------------


def test_a_record_without_items_has_no_line() -> None:
    assert items_in(outcome_of(1, None).line) is None
    assert items_in(outcome_of(1, []).line) is None


def test_a_line_is_fit_to_be_shown() -> None:
    outcome = outcome_of(1, [{"name": "a\u202eb"}], {"note": "\u202e"})
    found = items_in(outcome.line)
    assert found is not None
    (line,) = found.lines()
    assert line.isascii()
    assert orjson.loads(line)["fields"] == {"name": "a\u202eb"}
    assert orjson.loads(line)["input"] == {"note": "\u202e"}


# -- kills -------------------------------------------------------------------------------------

ITEMS = st.none() | st.lists(
    st.dictionaries(
        st.text(max_size=3), st.text(max_size=3) | st.integers(0, 9)
    ),
    max_size=4,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ITEMS),
        st.sampled_from(["commit", "kill", "kill before the commit", "end"]),
        st.sampled_from(["remove", "shorten", "power", "zeros"]),
    ),
    max_size=20,
)


@given(steps=STEPS)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    max_examples=80,
    deadline=None,
)
def test_whatever_happens_it_follows_from_the_records(
    steps: list[Any], folder: Folder, tmp_path: Path
) -> None:
    path = tmp_path / "items.jsonl"
    for name in ("records.jsonl", "items.jsonl"):
        (tmp_path / name).unlink(missing_ok=True)
    logs = Logs(folder)
    for number, step in enumerate(steps, 1):
        if isinstance(step, tuple):
            own = {"n": number} if number % 2 else None
            logs.add(outcome_of(number, step[1], own))
        elif step == "commit":
            logs.commit()
        elif step == "remove":
            path.unlink(missing_ok=True)
        elif step == "shorten" and path.exists():
            path.write_bytes(path.read_bytes()[:-3])
        elif step != "shorten":
            _leave(step, logs)
    logs.commit()
    logs.close()
    check_follows(tmp_path)


def _leave(how: str, logs: Logs) -> None:
    """How one run ends and the next one begins."""
    if how in ("commit", "end"):
        logs.commit()
    elif how == "kill before the commit":
        logs.flush()
    logs.close()
    path = logs.items.file.path
    if how == "zeros" and path.exists():  # and the records are whole
        end = int(logs.positions[1] or 0)
        path.write_bytes(path.read_bytes()[: end - end // 3] + bytes(end // 3))
    if how == "power":
        logs.records.recover(logs.positions[0])
        logs.items.recover(logs.positions[1])
    logs.resume(ended=how == "end")


def test_what_others_append_stays_until_the_next_run(
    folder: Folder, tmp_path: Path
) -> None:
    logs = Logs(folder)
    logs.add(outcome_of(1, [{"a": 1}]))
    logs.commit()
    with (tmp_path / "items.jsonl").open("ab") as file:
        file.write(b'{"mine":1}\n')
    logs.add(outcome_of(2, [{"a": 2}]))
    logs.commit()
    logs.close()
    found = lines_in(tmp_path / "items.jsonl")
    assert [line.get("index") for line in found] == [1, None, 2]


# -- which runs have one -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "is_wanted"),
    [
        ({}, False),
        ({"select": ["a=b"]}, False),
        ({"select": ["a=b"], "each": ".x"}, True),
        ({"recipe": [{"fields": {"a": "b"}}]}, False),
        (
            {
                "recipe": [
                    {"fields": {"a": "b"}},
                    {"each": ".x", "fields": {"a": "b"}},
                ]
            },
            True,
        ),
    ],
)
def test_it_is_there_where_a_recipe_gives_items(
    keys: dict[str, Any], is_wanted: bool, folder: Folder
) -> None:
    config = scraper.configure(**keys)
    assert has_items(config) == is_wanted
    records = RecordLog(folder)
    found = open_item_log(folder, records, config, lambda _: None)
    assert (found is not None) == is_wanted
    # one of an earlier run is cut back, even if nothing is added
    assert open_item_log(folder, records, config, lambda _: "0") is not None


def test_one_of_a_folder_whose_ledger_is_gone_is_made_again(
    folder: Folder, tmp_path: Path
) -> None:
    logs = Logs(folder)
    logs.add(outcome_of(1, [{"a": 1}, {"a": 2}]))
    logs.commit()
    logs.close()
    path = tmp_path / "items.jsonl"
    whole = path.read_bytes()
    for left in (whole, whole[:-5], b""):
        path.write_bytes(left)
        logs.positions = (logs.positions[0], None)
        logs.resume()
        logs.close()
        assert path.read_bytes() == whole


def test_one_of_somebody_else_is_left_alone(
    folder: Folder, tmp_path: Path
) -> None:
    path = tmp_path / "items.jsonl"
    path.write_bytes(b'{"mine": 1}\n')
    records = RecordLog(folder)
    records.resume(None)
    with pytest.raises(UsageError, match=r"items\.jsonl is not of this progra"):
        ItemLog(folder, records).resume(None)
    records.close()
    assert path.read_bytes() == b'{"mine": 1}\n'
