"""Which fields were full and are not any more, and how a summary says what recipes came to."""

from __future__ import annotations

import pytest
from msgspec.structs import asdict

from scraper.outcomes.fills import Fills, RecipeFill
from scraper.reports.fields import (
    Drop,
    drops_of,
    find_drops,
    find_nothing,
    recipe_lines,
)


def books(of: int = 40, pages: int | None = None, **fields: int) -> Fills:
    """What the recipe `books` came to."""
    fill = RecipeFill(of if pages is None else pages, of, fields)
    return Fills({"books": fill})


def drops(now: Fills, *earlier: Fills) -> list[Drop]:
    """`earlier`: newest first, and the newest is pass 3."""
    numbers = range(3, 3 - len(earlier), -1)
    return list(find_drops(now, list(zip(numbers, earlier, strict=True))))


def lines(totals: Fills, *found: Drop, is_tried: bool = True) -> list[str]:
    return recipe_lines(totals, totals, found, is_tried=is_tried)


# -- what a site has emptied ------------------------------------------------------------------


def test_a_field_that_was_full_and_is_empty_is_an_alarm() -> None:
    (drop,) = drops(books(title=40, price=0), books(title=40, price=40))
    assert drop == Drop("books", "price", 0, 40, 3, 40, 40)
    assert drop.is_empty


def test_a_field_that_was_full_and_is_there_sometimes_is_none() -> None:
    (drop,) = drops(books(price=16), books(price=40))
    assert drop == Drop("books", "price", 16, 40, 3, 40, 40)
    assert not drop.is_empty


def test_full_is_nine_in_ten() -> None:
    assert drops(books(price=0), books(price=36))
    assert not drops(books(price=0), books(price=35))
    assert not drops(books(price=36), books(price=40))
    assert drops(books(price=35), books(price=40))


def test_few_pages_are_full_if_all_are() -> None:
    assert drops(books(1, price=0), books(1, price=1))
    assert not drops(books(1, price=0), books(4, price=3))


def test_the_alarm_stays_until_the_field_is_found_again() -> None:
    empty, full = books(price=0), books(price=40)
    (drop,) = drops(empty, empty, empty, full)
    assert drop.full_in == 1
    assert not drops(empty, books(price=3), full), "then it was full no more"
    assert not drops(full, empty, full)


def test_a_pass_in_which_the_recipe_matched_no_page_says_nothing() -> None:
    full, none = books(price=40), books(0, price=0)
    assert not drops(none, full)
    (drop,) = drops(books(price=0), none, Fills(), full)
    assert drop.full_in == 1


def test_a_field_of_another_recipe_or_of_none_is_not_compared() -> None:
    other = Fills({"news": RecipeFill(9, 9, {"price": 9})})
    assert not drops(books(price=0), other)
    assert not drops(books(stock=0), books(price=40))
    assert not drops(books(price=0))
    assert not drops(books(title=40), books(title=40, price=40)), (
        "asked no more"
    )


def test_items_that_are_gone_are_one_alarm() -> None:
    now = books(0, pages=40, title=0, price=0)
    (drop,) = drops(now, books(800, pages=40, title=800, price=9))
    assert drop == Drop("books", None, 0, 0, 3, 800, 800)
    assert drop.is_empty
    assert not drops(now, now), "there never were any"


def test_drops_come_back_from_json() -> None:
    found = drops(books(price=0, title=3), books(price=40, title=40))
    assert drops_of([asdict(each) for each in found]) == found


# -- in words ---------------------------------------------------------------------------------


def test_a_recipe_is_one_line() -> None:
    totals = books(title=40, price=39, rating=0)
    assert lines(totals) == [
        "recipe books: 40 pages · title 100 % · price 97 % · rating never filled"
    ]


def test_rates_of_items_are_over_items() -> None:
    assert lines(books(800, pages=40, price=1)) == [
        "recipe books: 800 items on 40 pages · price under 1 %"
    ]
    assert lines(books(1, pages=2, price=1)) == [
        "recipe books: 1 item on 2 pages · price 100 %"
    ]
    assert lines(books(0, pages=1, price=0)) == [
        "recipe books: no item on 1 page"
    ]


def test_a_recipe_that_matched_no_page_is_said_if_one_could() -> None:
    nothing = books(0, price=0)
    assert lines(nothing) == ["recipe books: no page matched"]
    assert lines(nothing, is_tried=False) == []
    totals = books(3, price=3)
    assert recipe_lines(totals, nothing, [], is_tried=True) == lines(totals)


def test_what_was_on_failed_pages_is_said_to_be_in_no_table() -> None:
    def said(totals: Fills, lost: Fills) -> list[str]:
        return recipe_lines(totals, totals, [], is_tried=True, lost=lost)

    items = said(books(24, pages=3, price=22), books(16, pages=2, price=14))
    assert items == [
        "recipe books: 24 items on 3 pages (16 on 2 failed, in no table)"
        " · price 91 %"
    ]
    assert said(books(4, price=3), books(1, price=0)) == [
        "recipe books: 4 pages (1 failed) · price 75 %"
    ]


def test_a_recipe_without_a_name_is_called_by_its_number() -> None:
    totals = Fills({"recipe 1": RecipeFill(2, 2, {"price": 2})})
    assert lines(totals) == ["recipe 1: 2 pages · price 100 %"]


@pytest.mark.parametrize(
    ("fill", "expected"),
    [
        (RecipeFill(), False),
        (RecipeFill(2, 2, {"price": 1}), False),
        (RecipeFill(2, 2, {"price": 1, "title": 0}), True),
        (RecipeFill(2, 0, {"price": 0}), True),
    ],
)
def test_a_field_that_is_found_nowhere(
    fill: RecipeFill, expected: bool
) -> None:
    assert find_nothing(Fills({"books": fill})) is expected


def test_without_recipes_nothing_is_said() -> None:
    assert lines(Fills()) == []


def test_what_was_full_is_said_beside_what_is_left() -> None:
    partial = Drop("books", "price", 16, 40, 3, 39, 40)
    assert lines(books(title=40, price=16), partial) == [
        "recipe books: 40 pages · title 100 % · price 40 % (was 97 %)"
    ]


def test_what_is_emptied_has_a_line_of_its_own() -> None:
    totals = Fills(
        {"books": RecipeFill(4, 4, {"price": 0, "stock": 0, "a": 0})}
    )
    found = [
        Drop("books", "price", 0, 4, 3, 4, 4),
        Drop("books", "stock", 0, 4, 3, 4, 4),
        Drop("books", "a", 0, 4, 2, 4, 4),
    ]
    assert lines(totals, *found)[1:] == [
        "! price, stock of recipe books were full in pass 3 and are empty now",
        "! a of recipe books was full in pass 2 and is empty now",
    ]
    (items,) = lines(Fills(), Drop("books", None, 0, 0, 3, 9, 9))
    assert items == "! recipe books found items in pass 3 and finds none now"


def test_names_cannot_steer_the_terminal() -> None:
    hostile = Fills({"a\x1b[2J": RecipeFill(1, 1, {"b\n": 1})})
    (line,) = lines(hostile)
    assert "\x1b" not in line
    assert "\n" not in line
