"""What may be reached, as a table: it is the test, and the program's own must be equal to it."""

from __future__ import annotations

import pytest

from scraper.guard.permissions import PERMISSIONS, YES

# By trust (who named the URL): listed, private, public; and the way to the proxy.
TABLE = """
             private=listed    private=always    private=never
public       yes yes yes yes   yes yes yes yes   yes yes yes yes
private      yes yes no  yes   yes yes yes yes   no  no  no  yes
link         yes no  no  yes   yes no  no  yes   no  no  no  yes
link_name    no  no  no  yes   no  no  no  yes   no  no  no  yes
mixed        no  no  no  yes   yes yes yes yes   no  no  no  yes
turned       no  no  no  yes   yes yes yes yes   no  no  no  yes
"""
TRUSTS = ("listed", "private", "public", "proxy")


def cells() -> dict[tuple[str, str, str], bool]:
    head, *rows = TABLE.strip().splitlines()
    settings = [word.removeprefix("private=") for word in head.split()]
    columns = [(setting, trust) for setting in settings for trust in TRUSTS]
    return {
        (finding, trust, setting): word == "yes"
        for finding, *words in map(str.split, rows)
        for (setting, trust), word in zip(columns, words, strict=True)
    }


def test_the_table_of_permissions_is_the_one_drawn_here() -> None:
    assert {
        cell: reason is YES for cell, reason in PERMISSIONS.items()
    } == cells()


@pytest.mark.parametrize(
    "cell", [cell for cell, permitted in cells().items() if not permitted]
)
def test_each_no_has_its_reason(cell: tuple[str, str, str]) -> None:
    finding, trust, setting = cell
    expected = {
        ("link", "listed"): "list that address yourself",
        ("link", "always"): "list that address yourself",
        ("link_name", setting): "no name may have",
        ("mixed", "listed"): "at public addresses too",
        ("turned", "listed"): "was public before",
    }.get(
        (finding, setting), "which is not public" if setting == "never" else ""
    )
    if (
        trust == "public"
        and finding in ("private", "mixed", "turned")
        and setting == "listed"
    ):
        expected = "named by a public host"
    assert expected
    assert expected in (PERMISSIONS[cell] or "")  # type: ignore[index]  # the cells are words
