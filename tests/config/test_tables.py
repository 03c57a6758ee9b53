"""Lists of tables, `[[name]]`: read and checked as sections are, with the place of each key."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scraper.config import Config, as_toml, load
from scraper.config.frozen import REQUIRED
from scraper.config.keys import Section, setting
from scraper.config.reference import as_markdown
from scraper.config.schema import Schema
from scraper.errors import UsageError


class Poster(Section):
    """One more picture made of each."""

    name: str = setting(REQUIRED, "its name")
    width: int = setting(0, "its width; 0: as it is", low=0, high=65_500)
    format: str = setting("", "its format", choices=("", "jpeg", "png"))
    time_seconds: float = setting(5.0, "longest time", low=0.01, high=3_600)
    tags: tuple[str, ...] = setting((), "words about it")
    colours: Mapping[str, Any] = setting({}, "by name, what becomes of each")


class Tree(Config):
    poster: tuple[Poster, ...] = ()


SCHEMA = Schema(Tree)


def posters(config: Config) -> tuple[Poster, ...]:
    assert isinstance(config, Tree)
    return config.poster


def read(**layers: Any) -> tuple[Poster, ...]:
    return posters(load(**{"environment": {}, "schema": SCHEMA, **layers})[0])


def complaint(**layers: Any) -> str:
    with pytest.raises(UsageError) as caught:
        read(**layers)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scraper.toml"


# -- read -----------------------------------------------------------------------------------------


def test_each_table_of_a_file_is_one_value_in_its_order(path: Path) -> None:
    path.write_text(
        '[[poster]]\nname = "small"\nwidth = 128\ntime = "2s"\n'
        "[run]\nthreads = 3\n"
        '[[poster]]\nname = "big"\nformat = "png"\ntags = ["a", "b"]\n'
    )
    config, origins = load(toml=path, environment={}, schema=SCHEMA)
    assert posters(config) == (
        Poster("small", width=128, time_seconds=2.0),
        Poster("big", format="png", tags=("a", "b")),
    )
    assert config.run.threads == 3
    assert origins == {"poster": str(path), "threads": f"{path} [run]"}


def test_a_script_gives_mappings_or_values() -> None:
    given = [{"name": "small", "width": "128"}, Poster("big")]
    assert read(flags={"poster": given}) == (
        Poster("small", width=128),
        Poster("big"),
    )


def test_a_list_of_a_higher_layer_replaces_the_one_below(path: Path) -> None:
    path.write_text('[[poster]]\nname = "small"\n[[poster]]\nname = "big"\n')
    assert read(toml=path, flags={"poster": [{"name": "other"}]}) == (
        Poster("other"),
    )
    assert read(toml=path, flags={"poster": []}) == ()


def test_without_any_the_list_is_empty_and_the_sections_hold() -> None:
    config, _ = load(environment={}, schema=SCHEMA)
    assert posters(config) == ()
    assert config.run == Config().run


def test_a_table_in_a_table_is_taken_as_it_stands(path: Path) -> None:
    path.write_text(
        '[[poster]]\nname = "a"\n'
        'colours.red = { to = "blue", more = [1, { deep = true }] }\n'
        'colours.green = "gray"\n'
    )
    (poster,) = read(toml=path)
    red = {"to": "blue", "more": [1, {"deep": True}]}
    assert poster.colours == {"red": red, "green": "gray"}


def test_a_table_of_a_script_is_copied() -> None:
    colours: dict[str, Any] = {"red": {"to": ["blue"]}}
    (poster,) = read(flags={"poster": [{"name": "a", "colours": colours}]})
    colours["red"]["to"].append("gray")
    assert poster.colours == {"red": {"to": ["blue"]}}


def test_tables_are_frozen() -> None:
    (poster,) = read(flags={"poster": [{"name": "small"}]})
    with pytest.raises(AttributeError):
        poster.width = 3  # type: ignore[misc]  # what is asserted


# -- wrong tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[poster]]\nname = "a"\n[[poster]]\nname = "b"\nwidth = "wide"\n',
            "[[poster]] 2: width = 'wide' from {path} is invalid: "
            "expected a whole number from 0 to 65500",
        ),
        (
            '[[poster]]\nname = "a"\nwidht = 3\n',
            "[[poster]] 1: unknown key 'widht' in {path}; did you mean width?",
        ),
        (
            '[[poster]]\nname = "a"\nzzz = 3\n',
            "[[poster]] 1: unknown key 'zzz' in {path}; "
            "keys: name, width, format, time_seconds, tags, colours",
        ),
        (
            '[[poster]]\nname = "a"\ntime = 1\ntime_seconds = 2\n',
            "[[poster]] 1: time and time_seconds in {path} are the same key: give one of them",
        ),
        (
            "[[poster]]\nwidth = 3\n",
            "[[poster]] 1: name is missing in {path}",
        ),
        (
            '[poster]\nname = "a"\n',
            "[poster] in {path} is a list of tables: write [[poster]]",
        ),
        (
            "poster = 3\n",
            "poster = 3 from {path} is invalid: expected a list of tables ([[poster]] in TOML)",
        ),
        (
            "poster = [3]\n",
            "[[poster]] 1: 3 from {path} is invalid: expected a table",
        ),
        (
            '[[postar]]\nname = "a"\n',
            "unknown section or key 'postar' in {path}; did you mean [[poster]]?",
        ),
        (
            '[[poster]]\nname = "a"\ncolours = "red"\n',
            "[[poster]] 1: colours = 'red' from {path} is invalid: expected a table",
        ),
        (
            "[[run]]\nthreads = 3\n",
            "run in {path} is a section of keys: write [run]",
        ),
    ],
)
def test_a_wrong_table_is_one_line_with_the_place_of_the_key(
    text: str, says: str, path: Path
) -> None:
    path.write_text(text)
    assert complaint(toml=path) == says.format(path=path)


def test_values_of_a_script_are_checked_too() -> None:
    """Also those that come as values of the class, which checks nothing itself."""
    wrong = complaint(
        flags={"poster": [Poster("a", width=-1)]}, origin="the script"
    )
    assert wrong.startswith(
        "[[poster]] 1: width = -1 from the script is invalid"
    )
    assert complaint(flags={"poster": {"name": "a"}}).endswith(
        "write [[poster]]"
    )
    unnamed = {"name": "a", "colours": {"red": {1: "blue"}}}
    assert complaint(flags={"poster": [unnamed]}).endswith("expected a table")


def test_no_variable_holds_a_list_of_tables() -> None:
    told = complaint(environment={"SCRAPER_POSTER": "a"})
    assert told.endswith("expected a list of tables ([[poster]] in TOML)")


# -- the reference --------------------------------------------------------------------------------


def test_a_list_without_tables_is_written_as_a_comment_that_shows_its_keys() -> (
    None
):
    text = as_toml(Tree(), schema=SCHEMA)
    assert text.endswith(
        "\n\n# [[poster]]  # One more picture made of each.\n"
        "# name =  # required: its name\n"
        "# width = 0  # its width; 0: as it is (a whole number from 0 to 65500)\n"
        '# format = ""  # its format (one of "", jpeg, png)\n'
        "# time_seconds = 5.0  # longest time (a duration from 0.01 to 3600 such as 30, 500ms, "
        "5m)\n"
        "# tags = []  # words about it (a list of strings (a comma-separated one outside TOML))\n"
        "# colours = {}  # by name, what becomes of each (a table)\n"
    )
    assert tomllib.loads(text).keys() == SCHEMA.sections.keys()


def test_tables_written_as_toml_are_read_as_the_same_tables(path: Path) -> None:
    tables = (
        Poster("small", width=128, tags=("a,b", '"')),
        Poster("b\nig", time_seconds=0.5),
        Poster("c", colours={"a b": {"": ["x", {}]}, "b": True, 'q"': "ü"}),
    )
    tree = Tree(poster=tables)
    path.write_text(as_toml(tree, schema=SCHEMA))
    assert load(toml=path, environment={}, schema=SCHEMA)[0] == tree


def test_tables_are_shown_with_the_place_that_set_them() -> None:
    config, origins = load(
        {"poster": [{"name": "a"}]},
        environment={},
        origin="the script",
        schema=SCHEMA,
    )
    text = as_toml(config, origins, schema=SCHEMA)
    assert (
        '\n\n[[poster]]  # One more picture made of each.\nname = "a"  # the script\n'
        in text
    )


def test_the_reference_has_a_table_of_the_keys() -> None:
    assert as_markdown(SCHEMA).endswith(
        "\n## [[poster]]\n\n"
        "One more picture made of each.\n\n"
        "| key | default | allowed | what it sets |\n"
        "|---|---|---|---|\n"
        "| `name` | required | a string | its name |\n"
        "| `width` | `0` | a whole number from 0 to 65500 | its width; 0: as it is |\n"
        '| `format` | `""` | one of "", jpeg, png | its format |\n'
        "| `time_seconds` | `5.0` | a duration from 0.01 to 3600 such as 30, 500ms, 5m "
        "| longest time |\n"
        "| `tags` | `[]` | a list of strings (a comma-separated one outside TOML) "
        "| words about it |\n"
        "| `colours` | `{}` | a table | by name, what becomes of each |\n"
    )
