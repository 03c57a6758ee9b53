"""Nothing that comes from outside commands a terminal or turns a line, wherever it is shown."""

from __future__ import annotations

import json
import tomllib
import unicodedata
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper import config, record
from scraper.cli.explanation import Explanation
from scraper.errors import new_failure
from scraper.messages import Processed
from scraper.model import Fetched, Hop, Task, Timings
from scraper.outcomes.outcome import Outcome
from scraper.sinks.error_log import error_line
from scraper.sinks.run_log import json_line, note_line, text_line
from scraper.text import printable, printable_json, printable_lines
from scraper.urls import Url

HOSTILE = (
    "a\x1b]0;owned\x07\x9b2J\r\n\x00\x7f\x85\u061c\u202eb\u2066\u2028\u200f"
)
# Every kind of text, with what is dangerous in each; orjson refuses lone surrogates by itself.
TEXTS = st.text() | st.lists(
    st.sampled_from([*HOSTILE, "ü", "—", "م", "天"])
).map("".join)
WHOLE_TEXTS = TEXTS.filter(
    lambda text: not any("\ud800" <= each <= "\udfff" for each in text)
)


def commands_in(shown: str | bytes, *, lines: bool = False) -> list[str]:
    """The characters of a shown text that a terminal would obey; line ends of our own are none."""
    text = shown if isinstance(shown, str) else shown.decode()
    return [
        each
        for each in text
        if (unicodedata.category(each) in ("Cc", "Cs", "Zl", "Zp") and not (lines and each == "\n"))
        or unicodedata.bidirectional(each) in ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI",
                                               "FSI", "PDI")
        or each in "\u061c\u200e\u200f"
    ]  # fmt: skip


def test_what_a_terminal_would_obey_is_shown_as_an_escape() -> None:
    shown = r"a\x1b]0;owned\x07\x9b2J\r\n\x00\x7f\x85\u061c\u202eb\u2066\u2028\u200f"
    assert printable(HOSTILE) == shown
    assert printable("\udcff") == r"\udcff"


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "Überblick",
        "«\u202fla\xa0»",
        "مرحبا",
        "天气",
        "👩\u200d💻",
        r"C:\x1b",
        "",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert printable(text) == text
    assert printable_json(orjson.dumps(text)) == orjson.dumps(text)


@given(TEXTS)
def test_no_text_commands_a_terminal(text: str) -> None:
    assert commands_in(printable(text)) == []
    assert commands_in(printable_lines(text), lines=True) == []


@given(
    st.recursive(
        WHOLE_TEXTS,
        lambda each: st.lists(each) | st.dictionaries(WHOLE_TEXTS, each),
    )
)
def test_json_keeps_its_values(value: Any) -> None:
    encoded = printable_json(orjson.dumps(value))
    assert commands_in(encoded) == []
    assert orjson.loads(encoded) == json.loads(encoded) == value


# -- whatever is written down -----------------------------------------------------------------


def outcome_of(text: str) -> Outcome:
    """A failed outcome in which everything that may come from outside is this text."""
    url = Url(text, text, text)
    task = Task(1, url, url, written=text, parent=url, source=text, robots=text,
                hops=(Hop(url, 302),))  # fmt: skip
    fetched = Fetched(task, url, 200, "page", text, text, ((text, text),), None, 1, 1, text, 0.0,
                      Timings())  # fmt: skip
    problem = new_failure("protocol_error", text)
    # as a worker encodes them
    facts = printable_json(orjson.dumps({"title": text}))
    processed = Processed(task, facts)
    line = record.of_fetched(
        1, fetched, processed, problem, path=text, directives=(text,)
    )
    return Outcome(task, "failed", line, failure=problem, fetched=fetched)


@given(WHOLE_TEXTS)
def test_no_record_and_no_line_of_the_log_commands_a_terminal(
    text: str,
) -> None:
    outcome = outcome_of(text)
    assert outcome.fetched is not None
    processed = Processed(outcome.task, orjson.dumps({"title": text}))
    again = record.of_reprocessed(
        outcome.record, 2, outcome.fetched, processed, None, ()
    )
    short = record.of_unchanged(2, outcome.fetched, 1)
    written = [
        outcome.line,
        again,
        short,
        record.filled_line(short, outcome.record),
        error_line(outcome.record),
        text_line(outcome),
        json_line(outcome),
        note_line(text, as_json=True),
        note_line(text, as_json=False),
    ]
    for line in written:
        assert line
        assert commands_in(line) == []
    assert (
        orjson.loads(outcome.line)["title"]
        == orjson.loads(again)["title"]
        == text
    )


@given(TEXTS)
def test_no_explanation_commands_a_terminal(text: str) -> None:
    told = Explanation()
    told.add("answer", verdict=text, headers={text: text}, saved_as=[text])
    assert commands_in(told.text(), lines=True) == []


@given(TEXTS)
def test_no_configuration_commands_a_terminal(text: str) -> None:
    values = config.with_keys(
        config.Config(), {"user_agent": text, "allow_hosts": (text,)}
    )
    assert (
        commands_in(config.as_toml(values, {"user_agent": text}), lines=True)
        == []
    )


@given(WHOLE_TEXTS)
def test_a_configuration_that_is_shown_can_be_read_again(text: str) -> None:
    values = config.with_keys(config.Config(), {"user_agent": text})
    read = tomllib.loads(config.as_toml(values, {}))
    assert read["fetch"]["user_agent"] == text
