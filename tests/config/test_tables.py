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


class Variant(Section):
    """One more picture made of each."""

    name: str = setting(REQUIRED, "its name")
    width: int = setting(0, "its width; 0: as it is", low=0, high=65_500)
    format: str = setting("", "its format", choices=("", "jpeg", "png"))
    time_seconds: float = setting(5.0, "longest time", low=0.01, high=3_600)
    tags: tuple[str, ...] = setting((), "words about it")
    colours: Mapping[str, Any] = setting({}, "by name, what becomes of each")


class Tree(Config):
    variant: tuple[Variant, ...] = ()


SCHEMA = Schema(Tree)


def variants(config: Config) -> tuple[Variant, ...]:
    assert isinstance(config, Tree)
    return config.variant


def read(**layers: Any) -> tuple[Variant, ...]:
    return variants(load(**{"environment": {}, "schema": SCHEMA, **layers})[0])


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
        '[[variant]]\nname = "small"\nwidth = 128\ntime = "2s"\n'
        "[run]\nthreads = 3\n"
        '[[variant]]\nname = "big"\nformat = "png"\ntags = ["a", "b"]\n'
    )
    config, origins = load(toml=path, environment={}, schema=SCHEMA)
    assert variants(config) == (
        Variant("small", width=128, time_seconds=2.0),
        Variant("big", format="png", tags=("a", "b")),
    )
    assert config.run.threads == 3
    assert origins == {"variant": str(path), "threads": f"{path} [run]"}


def test_a_script_gives_mappings_or_values() -> None:
    given = [{"name": "small", "width": "128"}, Variant("big")]
    assert read(flags={"variant": given}) == (
        Variant("small", width=128),
        Variant("big"),
    )


def test_a_list_of_a_higher_layer_replaces_the_one_below(path: Path) -> None:
    path.write_text('[[variant]]\nname = "small"\n[[variant]]\nname = "big"\n')
    assert read(toml=path, flags={"variant": [{"name": "other"}]}) == (
        Variant("other"),
    )
    assert read(toml=path, flags={"variant": []}) == ()


def test_without_any_the_list_is_empty_and_the_sections_hold() -> None:
    config, _ = load(environment={}, schema=SCHEMA)
    assert variants(config) == ()
    assert config.run == Config().run


def test_a_table_in_a_table_is_taken_as_it_stands(path: Path) -> None:
    path.write_text(
        '[[variant]]\nname = "a"\n'
        'colours.red = { to = "blue", more = [1, { deep = true }] }\n'
        'colours.green = "gray"\n'
    )
    (variant,) = read(toml=path)
    red = {"to": "blue", "more": [1, {"deep": True}]}
    assert variant.colours == {"red": red, "green": "gray"}


def test_a_table_of_a_script_is_copied() -> None:
    colours: dict[str, Any] = {"red": {"to": ["blue"]}}
    (variant,) = read(flags={"variant": [{"name": "a", "colours": colours}]})
    colours["red"]["to"].append("gray")
    assert variant.colours == {"red": {"to": ["blue"]}}


def test_tables_are_frozen() -> None:
    (variant,) = read(flags={"variant": [{"name": "small"}]})
    with pytest.raises(AttributeError):
        variant.width = 3  # type: ignore[misc]  # what is asserted


# -- wrong tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '[[variant]]\nname = "a"\n[[variant]]\nname = "b"\nwidth = "wide"\n',
            "[[variant]] 2: width = 'wide' from {path} is invalid: "
            "expected a whole number from 0 to 65500",
        ),
        (
            '[[variant]]\nname = "a"\nwidht = 3\n',
            "[[variant]] 1: unknown key 'widht' in {path}; did you mean width?",
        ),
        (
            '[[variant]]\nname = "a"\nzzz = 3\n',
            "[[variant]] 1: unknown key 'zzz' in {path}; "
            "keys: name, width, format, time_seconds, tags, colours",
        ),
        (
            '[[variant]]\nname = "a"\ntime = 1\ntime_seconds = 2\n',
            "[[variant]] 1: time and time_seconds in {path} are the same key: give one of them",
        ),
        (
            "[[variant]]\nwidth = 3\n",
            "[[variant]] 1: name is missing in {path}",
        ),
        (
            '[variant]\nname = "a"\n',
            "[variant] in {path} is a list of tables: write [[variant]]",
        ),
        (
            "variant = 3\n",
            "variant = 3 from {path} is invalid: expected a list of tables ([[variant]] in TOML)",
        ),
        (
            "variant = [3]\n",
            "[[variant]] 1: 3 from {path} is invalid: expected a table",
        ),
        (
            '[[varient]]\nname = "a"\n',
            "unknown section or key 'varient' in {path}; did you mean [[variant]]?",
        ),
        (
            '[[variant]]\nname = "a"\ncolours = "red"\n',
            "[[variant]] 1: colours = 'red' from {path} is invalid: expected a table",
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
        flags={"variant": [Variant("a", width=-1)]}, origin="configure()"
    )
    assert wrong.startswith(
        "[[variant]] 1: width = -1 from configure() is invalid"
    )
    assert complaint(flags={"variant": {"name": "a"}}).endswith(
        "write [[variant]]"
    )
    unnamed = {"name": "a", "colours": {"red": {1: "blue"}}}
    assert complaint(flags={"variant": [unnamed]}).endswith("expected a table")


def test_no_variable_holds_a_list_of_tables() -> None:
    told = complaint(environment={"SCRAPER_VARIANT": "a"})
    assert told.endswith("expected a list of tables ([[variant]] in TOML)")


# -- the reference --------------------------------------------------------------------------------


def test_a_list_without_tables_is_written_as_a_comment_that_shows_its_keys() -> (
    None
):
    text = as_toml(Tree(), schema=SCHEMA)
    assert text.endswith(
        "\n\n# [[variant]]  # One more picture made of each.\n"
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
        Variant("small", width=128, tags=("a,b", '"')),
        Variant("b\nig", time_seconds=0.5),
        Variant("c", colours={"a b": {"": ["x", {}]}, "b": True, 'q"': "ü"}),
    )
    tree = Tree(variant=tables)
    path.write_text(as_toml(tree, schema=SCHEMA))
    assert load(toml=path, environment={}, schema=SCHEMA)[0] == tree


def test_tables_are_shown_with_the_place_that_set_them() -> None:
    config, origins = load(
        {"variant": [{"name": "a"}]},
        environment={},
        origin="configure()",
        schema=SCHEMA,
    )
    text = as_toml(config, origins, schema=SCHEMA)
    assert (
        '\n\n[[variant]]  # One more picture made of each.\nname = "a"  # configure()\n'
        in text
    )


def test_the_reference_has_a_table_of_the_keys() -> None:
    assert as_markdown(SCHEMA).endswith(
        "\n## [[variant]]\n\n"
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
