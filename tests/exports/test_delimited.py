"""CSV: what a spreadsheet must not run, and how to have it back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scraper
from scraper.exports.delimited import guard
from tests.exports.made import Made, make_folder
from tests.exports.readers import unguarded
from tests.test_docs import DOCS

DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@given(st.text("'=+-@\t\r5.,eE x\n", max_size=8))
def test_a_guard_can_be_taken_away(text: str) -> None:
    assert unguarded(guard(text)) == text


@given(st.sampled_from(DANGEROUS), st.text(max_size=8))
def test_nothing_begins_like_a_formula_but_numbers(
    first: str, rest: str
) -> None:
    guarded = guard(first + rest)
    if guarded.startswith(DANGEROUS):
        assert guarded[:1] in "+-"
        assert not set(guarded[1:]) - set("0123456789.,eE+-")
        assert guarded[1:2].isdigit()


@pytest.mark.parametrize("number", ["-5", "+3.5", "-1,234.5", "-1e-9", "-1e5"])
def test_numbers_are_left_alone(number: str) -> None:
    assert guard(number) == number


@pytest.mark.parametrize(
    "formula", ["-1+1", "-A1", "+1|cmd", "-", "--1", "-1e", "- 5", "+49 30"]
)
def test_what_only_begins_like_a_number_is_not(formula: str) -> None:
    assert guard(formula) == f"'{formula}"


def cells_of(folder: Path, name: str, **how: bool) -> bytes:
    fields = ["input", "title", "bytes"]
    return scraper.export(
        folder, folder.parent / name, fields=fields, **how
    ).read_bytes()  # type: ignore[arg-type]


def test_headers_and_the_users_own_text_are_guarded_and_numbers_not(
    tmp_path: Path,
) -> None:
    urls = [Made("a", {2: {"=x": "@SUM(1)", "n": -5}}, {"title": "=1+1"})]
    folder = make_folder(tmp_path / "run", urls, ["Link", "=x", "n"])
    assert cells_of(folder, "items.csv") == (
        b"\xef\xbb\xbf'=x,n,title,bytes\r\n'@SUM(1),-5,'=1+1,10\r\n"
    )
    assert cells_of(folder, "items.tsv") == (
        b"'=x\tn\ttitle\tbytes\r\n'@SUM(1)\t-5\t'=1+1\t10\r\n"
    )
    assert cells_of(folder, "items.csv", csv_raw=True) == (
        b"=x,n,title,bytes\r\n@SUM(1),-5,=1+1,10\r\n"
    )


def test_the_guide_says_how_a_guard_is_taken_away() -> None:
    assert (
        r"""re.sub(r"^'('*[=+\-@\t\r])", r"\1", text)"""
        in (DOCS / "guide.md").read_text()
    )
