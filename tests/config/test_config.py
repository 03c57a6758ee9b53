"""One tree of settings: who has the last word, and what is said of a wrong one."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scraper.cli.arguments import build_parser, read_configuration
from scraper.config import (
    KEYS,
    Config,
    Key,
    as_toml,
    configure,
    file_or_profile,
    load,
    value_of,
    with_defaults,
    with_keys,
)
from scraper.config.earlier import REMOVED
from scraper.config.keys import Section
from scraper.config.loading import COMMAND_FLAGS
from scraper.errors import UsageError
from tests.conftest import PROJECT


def toml(folder: Path, text: str) -> Path:
    path = folder / "scraper.toml"
    path.write_text(text)
    return path


# -- layers -----------------------------------------------------------------------------------


def test_each_layer_wins_over_the_one_below(tmp_path: Path) -> None:
    path = toml(tmp_path, "[run]\nthreads = 2\nprocesses = 2\ndurable = true\n")
    environment = {
        "SCRAPER_THREADS": "3",
        "SCRAPER_PROCESSES": "3",
        "HOME": "/",
    }
    config, origins = load({"threads": "4"}, toml=path, environment=environment)
    run = config.run
    assert (run.threads, run.processes, run.durable, run.window) == (
        4,
        3,
        True,
        0,
    )
    assert origins == {
        "threads": "the command line",
        "processes": "environment variable SCRAPER_PROCESSES",
        "durable": f"{path} [run]",
    }


def test_without_any_layer_the_defaults_hold() -> None:
    assert load(environment={}) == (Config(), {})


def test_a_script_sets_keys_by_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SCRAPER_THREADS", "3")
    config = configure(timeout=6, grayscale=True)
    assert (config.fetch.timeout_seconds, config.run.threads) == (6.0, 3)
    assert config.image.grayscale


def test_a_tree_is_never_changed_only_replaced() -> None:
    one = Config()
    other = with_keys(one, {"threads": 5})
    assert (one.run.threads, other.run.threads) == (Config().run.threads, 5)
    assert other.fetch is one.fetch


def test_names_are_unique_over_all_sections() -> None:
    """So that a flag needs no section: neither a key nor its name without unit comes twice."""
    fields = [name for section in vars_of(Config()) for name in section]
    assert len(fields) == len(set(fields)) == len(KEYS)
    assert len({key.stem for key in KEYS.values()}) == len(KEYS)
    others = [name for key in KEYS.values() for name in key.info.other_names]
    assert len(others) == len({*others}) == len({*others} - {*KEYS})
    assert {*others}.isdisjoint(key.stem for key in KEYS.values())
    shorts = [key.info.short for key in KEYS.values() if key.info.short]
    assert len(shorts) == len(set(shorts))


def vars_of(config: Config) -> list[list[str]]:
    sections = config.as_dict().values()
    return [
        list(each.defaults) for each in sections if isinstance(each, Section)
    ]


# -- profiles ---------------------------------------------------------------------------------


def test_a_profile_is_found_by_its_name_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()  # a folder is no configuration
    assert (
        load(toml=file_or_profile("polite"), environment={})[0].hosts.per_host
        == 1
    )
    assert (
        load(toml=file_or_profile("images"), environment={})[0].image.format
        == "webp"
    )


def test_a_file_of_ones_own_wins_over_the_profile_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("polite").write_text("[run]\nthreads = 7\n")
    assert file_or_profile("polite") == Path("polite")


def test_who_names_no_file_is_told_the_profiles() -> None:
    told = complaint(toml=file_or_profile("polit"))
    assert told == (
        "cannot read configuration polit: No such file or directory"
        " (profiles: default, images, polite)"
    )


def test_an_installed_package_holds_its_profiles_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config/` beside it would be somebody else's there."""
    package = tmp_path / "scraper"
    (package / "profiles").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (package / "profiles" / "polite.toml").touch()
    (tmp_path / "config" / "foreign.toml").touch()
    monkeypatch.setattr(
        "scraper.config.profiles.__file__",
        str(package / "config" / "profiles.py"),
    )
    assert file_or_profile("polite") == package / "profiles" / "polite.toml"
    assert file_or_profile("foreign") == Path("foreign")


def test_another_default_is_none_of_what_was_said() -> None:
    config = configure(retries=7)
    other = with_defaults(config, {"retries": 3, "patience_seconds": 5.0})
    assert (other.fetch.retries, other.hosts.patience_seconds) == (7, 5.0)


# -- wrong words ------------------------------------------------------------------------------


def complaint(**layers: Any) -> str:
    with pytest.raises(UsageError) as caught:
        load(**{"environment": {}, **layers})
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "key"),
    [("max_workers", "threads"), ("n_jobs", "processes"), ("folder", "dir")],
)
def test_a_word_of_other_programs_leads_to_the_key(name: str, key: str) -> None:
    with pytest.raises(UsageError) as caught:
        configure(**{name: 5})
    told = f"unknown key {name!r} in the script; did you mean {key}?"
    assert str(caught.value) == told


def test_an_unknown_key_is_told_with_its_place_and_the_nearest_one(
    tmp_path: Path,
) -> None:
    path = toml(tmp_path, "[run]\nthread = 2\n")
    assert (
        complaint(toml=path)
        == f"unknown key 'thread' in {path} [run]; did you mean threads?"
    )
    told = complaint(environment={"SCRAPER_TIMEOUTS": "3"})
    assert "environment variable SCRAPER_TIMEOUTS" in told
    assert "did you mean timeout" in told
    assert "did you mean resize?" in complaint(flags={"rezise": 3})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("item_time_seconds", "request_time_seconds"),
        ("item_time", "request_time_seconds"),
        ("max_items", "max_urls"),
    ],
)
def test_an_earlier_spelling_is_one_error_that_names_the_new_one(
    old: str, new: str, tmp_path: Path
) -> None:
    """Wherever it stands; a setting that was silently left out would be a limit that is gone."""
    section = KEYS[new].section
    path = toml(tmp_path, f"[{section}]\n{old} = 5\n")
    assert (
        complaint(toml=path)
        == f"{old} in {path} [{section}] is called {new} now"
    )
    variable = f"SCRAPER_{old.upper()}"
    message = complaint(environment={variable: "5"})
    assert (
        message
        == f"{old} in environment variable {variable} is called {new} now"
    )
    with pytest.raises(
        UsageError, match=f"^{old} in the script is called {new} now$"
    ):
        configure(**{old: 5})


@pytest.mark.parametrize("unit", ["", "_seconds"])
@pytest.mark.parametrize("stem", REMOVED)
def test_a_key_that_is_gone_is_one_error_that_says_what_takes_its_place(
    stem: str, unit: str, tmp_path: Path
) -> None:
    old, says = stem + unit, f"is gone: {REMOVED[stem]}"
    path = toml(tmp_path, f"[fetch]\n{old} = 5\n")
    assert complaint(toml=path) == f"{old} in {path} [fetch] {says}"
    path = toml(tmp_path, f"{old} = 5\n")
    assert complaint(toml=path).endswith(f"; it {says}")
    variable = f"SCRAPER_{old.upper()}"
    message = complaint(environment={variable: "5"})
    assert message == f"{old} in environment variable {variable} {says}"
    with pytest.raises(UsageError) as caught:
        configure(**{old: 5})
    assert str(caught.value) == f"{old} in the script {says}"
    flag = "--" + old.replace("_", "-")
    with pytest.raises(UsageError) as caught:
        build_parser().parse_args(["urls.txt", f"{flag}=5"])
    assert str(caught.value) == f"{flag} {says}"


def test_one_key_in_two_spellings_is_an_error(tmp_path: Path) -> None:
    """Which of them counts could only be guessed."""
    path = toml(tmp_path, "[fetch]\ntimeout = 3\ntimeout_seconds = 4\n")
    both = (
        "timeout and timeout_seconds in {} are the same key: give one of them"
    )
    assert complaint(toml=path) == both.format(f"{path} [fetch]")
    with pytest.raises(UsageError) as caught:
        configure(timeout=3, timeout_seconds=4)
    assert str(caught.value) == both.format("the script")
    variables = {"SCRAPER_TIMEOUT": "3", "SCRAPER_TIMEOUT_SECONDS": "4"}
    assert "are the same key" in complaint(environment=variables)


@pytest.mark.parametrize("name", COMMAND_FLAGS)
def test_a_flag_that_is_no_key_is_said_to_be_a_flag_alone(
    name: str, tmp_path: Path
) -> None:
    flag = "--" + name.replace("_", "-")
    variable = f"SCRAPER_{name.upper()}"
    says = f" is not a key: {flag} is a flag of the command line alone"
    where = f"{name} in environment variable {variable}"
    assert complaint(environment={variable: "1"}) == f"{where}{says}"
    path = toml(tmp_path, f"[run]\n{name} = true\n")
    assert complaint(toml=path) == f"{name} in {path} [run]{says}"


def test_a_script_is_told_where_its_argument_belongs() -> None:
    with pytest.raises(UsageError) as caught:
        configure(retry=())
    assert str(caught.value) == (
        "retry in the script is not a key: write stream(urls, retry=...)"
    )


def test_a_key_in_the_wrong_section_is_told_the_right_one(
    tmp_path: Path,
) -> None:
    told = complaint(toml=toml(tmp_path, "[run]\ntimeout = 2\n"))
    assert told.endswith("belongs in [fetch]")
    told = complaint(toml=toml(tmp_path, "threads = 2\n"))
    assert told.endswith("threads belongs in [run]")
    told = complaint(toml=toml(tmp_path, "[fetsh]\n"))
    assert told.endswith("did you mean [fetch]?")


def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    assert "line 1" in complaint(toml=toml(tmp_path, "threads = \n"))
    assert "no" in complaint(toml=tmp_path / "missing.toml").lower()


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("threads", "-1", "a whole number from 0 to 1024"),
        ("threads", "2.5", "a whole number from 0 to 1024"),
        ("threads", "many", "a whole number"),
        ("threads", True, "a whole number"),
        ("threads", "9" * 400, "a whole number"),
        ("threads", 10**400, "a whole number"),
        (
            "timeout",
            "5 parsecs",
            "a duration from 0.01 to 1d such as 30, 500ms, 5m",
        ),
        ("timeout", "-1", "a duration"),
        ("timeout", float("nan"), "a duration"),
        ("timeout", float("inf"), "a duration"),
        ("timeout", None, "a duration"),
        ("max_body", "5X", "a size from 1 to 1T such as 65536, 64k, 2M"),
        ("max_body", "1.5", "a size"),
        ("format", "jpge", "one of keep, jpeg, png, webp, avif"),
        ("grayscale", "maybe", "true or false"),
        ("fail_on", ["failed=101%"], "any of fields, changed, gone, failed=N%"),
        ("fail_on", "fields,failed=", "any of fields, changed, gone"),
        (
            "fail_on",
            ["field"],
            "any of fields, changed, gone, failed=N%; did you mean fields?",
        ),
        ("fail_on", [5], "any of fields"),
        ("header", 5, "a list of strings"),
        ("header", [1], "a list of strings"),
        ("dir", 5, "a string"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_value_is_told_what_is_allowed(
    key: str, value: Any, allowed: str
) -> None:
    told = complaint(flags={key: value})
    assert f"from the command line is invalid: expected {allowed}" in told
    assert key in told


@pytest.mark.parametrize(("old", "new"), [("yes", "always"), ("no", "never")])
def test_an_old_spelling_of_a_choice_is_an_error_that_names_the_new_one(
    old: str, new: str, tmp_path: Path
) -> None:
    path = toml(tmp_path, f'[hosts]\nprivate = "{old}"\n')
    for told in (complaint(flags={"private": old}), complaint(toml=path)):
        assert told.endswith(
            f"expected one of listed, always, never; {old!r} is called {new!r} now"
        )


@pytest.mark.parametrize(("old", "new"), [(True, "best"), (False, "none")])
def test_page_images_is_no_longer_true_or_false(
    old: bool, new: str, tmp_path: Path
) -> None:
    word = str(old).lower()
    path = toml(tmp_path, f"[page]\npage_images = {word}\n")
    for told in (
        complaint(flags={"page_images": old}),
        complaint(toml=path),
        complaint(environment={"SCRAPER_PAGE_IMAGES": word}),
    ):
        assert told.endswith(
            f"expected one of none, src, best, all; {word!r} is called {new!r} now"
        )


@pytest.mark.parametrize(
    ("flags", "value"),
    [
        ([], "best"),
        (["--no-page-images"], "none"),
        (["--page-images", "all"], "all"),
        (["--page-images", "all", "--no-page-images"], "none"),
    ],
)
def test_a_choice_may_have_a_flag_of_its_own(
    flags: list[str], value: str
) -> None:
    arguments = build_parser().parse_args(["urls.txt", *flags])
    config, _ = read_configuration(arguments)
    assert config.page.page_images == value


class Scalar:
    """As numpy has them: a number that is none of Python's own."""

    def __init__(self, value: float) -> None:
        self.value = value


class Integer(Scalar):
    def __index__(self) -> int:
        return int(self.value)


class Floating(Scalar):
    def __float__(self) -> float:
        return float(self.value)


class Boxed(Floating):
    """All of numpy's scalars give the value itself, too, which tells True from 1.0."""

    def item(self) -> float:
        return self.value


@pytest.mark.parametrize(
    ("key", "value", "parsed"),
    [
        ("threads", Integer(8), 8),
        ("threads", Boxed(8), 8),
        ("timeout", Integer(8), 8.0),
        ("timeout", Floating(0.5), 0.5),
        ("timeout", Boxed(0.5), 0.5),
        ("durable", Boxed(True), True),
        ("max_failures", 20, "20"),
        ("max_failures", Integer(20), "20"),
        ("header", "Cookie: a=1, b: 2", ("Cookie: a=1, b: 2",)),
        ("header", ["A: 1", "B: 2"], ("A: 1", "B: 2")),
        ("header", "", ()),
        ("allow_hosts", "a.example,b.example", ("a.example", "b.example")),
    ],
)
def test_a_script_gives_values_as_it_has_them(
    key: str, value: Any, parsed: Any
) -> None:
    config = configure(**{key: value})
    name = next(
        each.name for each in KEYS.values() if key in (each.name, each.stem)
    )
    assert value_of(config, KEYS[name]) == parsed
    assert type(value_of(config, KEYS[name])) is type(parsed)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threads", Boxed(True)),
        ("threads", Floating(1.5)),
        ("durable", Integer(1)),
        ("max_failures", True),
        ("max_failures", 0.2),
        ("max_failures", -1),
        ("timeout", object()),
    ],
)
def test_what_is_no_such_value_is_refused_however_it_is_boxed(
    key: str, value: Any
) -> None:
    assert f"{key}" in complaint(flags={key: value})


def test_a_variable_may_hold_several_headers() -> None:
    config, _ = load(environment={"SCRAPER_HEADER": "A: 1, B: 2"})
    assert config.fetch.header == ("A: 1", "B: 2")


# -- right words ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), (30, 30), ("500ms", 0.5), ("1.5s", 1.5), ("5m", 300), ("6h", 21_600), (".5", 0.5),
     ("1 m", 60), ("0.5M", 30)],
)  # fmt: skip
def test_durations(text: Any, seconds: float) -> None:
    assert (
        load({"timeout": text}, environment={})[0].fetch.timeout_seconds
        == seconds
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [("65536", 65_536), (7, 7), ("64k", 65_536), ("2M", 2**21), ("2MB", 2**21), ("2MiB", 2**21),
     ("1.5K", 1_536), ("1g", 2**30), ("8b", 8)],
)  # fmt: skip
def test_sizes(text: Any, size: int) -> None:
    assert (
        load({"max_body": text}, environment={})[0].fetch.max_body_bytes == size
    )


@pytest.mark.parametrize(
    ("name", "value", "key", "parsed"),
    [
        ("SCRAPER_TIMEOUT", "5s", "timeout_seconds", 5.0),
        ("SCRAPER_TIMEOUT_SECONDS", "5s", "timeout_seconds", 5.0),
        ("SCRAPER_MAX_BODY", "1M", "max_body_bytes", 2**20),
        (
            "SCRAPER_ALLOW_HOSTS",
            "a.example, b.example,",
            "allow_hosts",
            ("a.example", "b.example"),
        ),
        ("SCRAPER_GRAYSCALE", "YES", "grayscale", True),
        ("SCRAPER_PROGRESS", "off", "progress", False),
        ("SCRAPER_HTML", "mysite:article", "html", "mysite:article"),
        (
            "SCRAPER_FAIL_ON",
            "gone, failed=2.5%",
            "fail_on",
            ("gone", "failed=2.5%"),
        ),
    ],
)
def test_environment_names_are_the_keys_without_their_unit(
    name: str, value: str, key: str, parsed: Any
) -> None:
    config, origins = load(environment={name: value})
    assert value_of(config, KEYS[key]) == parsed
    assert origins == {key: f"environment variable {name}"}


# -- as TOML ----------------------------------------------------------------------------------


def test_the_committed_defaults_are_those_of_the_code() -> None:
    """Written by `python -c "from scraper.config import *; print(as_toml(Config()), end='')"`."""
    assert (PROJECT / "config" / "default.toml").read_text() == as_toml(
        Config()
    )


def test_every_example_configuration_can_be_loaded() -> None:
    for path in sorted((PROJECT / "config").glob("*.toml")):
        load(toml=path, environment={})


def values_of(key: Key) -> st.SearchStrategy[Any]:
    if key.is_list and key.info.choices:
        beside = ["failed=5%"] if key.info.pattern else []
        return st.lists(st.sampled_from([*key.info.choices, *beside])).map(
            tuple
        )
    if key.is_list:
        return st.lists(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
        ).map(tuple)
    if key.type is bool:
        return st.booleans()
    if key.info.choices:
        return st.sampled_from(key.info.choices)
    if key.type is str:
        if key.info.pattern:
            samples = ["", "20", "20%", "300x200"]
            fitting = re.compile(key.info.pattern).fullmatch
            return st.sampled_from([*filter(fitting, samples)])
        return st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    low, high = int(key.info.low or 0) + 1, int(key.info.high or 2**40)
    whole = st.integers(low, high)
    return whole if key.type is int else whole.map(float)


TREES = st.fixed_dictionaries(
    {}, optional={name: values_of(key) for name, key in KEYS.items()}
)


# if it is busy
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
def test_a_tree_written_as_toml_is_read_as_the_same_tree(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    config = with_keys(Config(), values)
    path = tmp_path_factory.getbasetemp() / "tree.toml"
    path.write_text(as_toml(config), encoding="utf-8")
    assert load(toml=path, environment={})[0] == config


def test_a_tree_says_where_each_value_comes_from() -> None:
    config, origins = load({"threads": 5}, environment={"SCRAPER_TIMEOUT": "3"})
    text = as_toml(config, origins)
    assert "threads = 5  # the command line" in text
    assert (
        "timeout_seconds = 3.0  # environment variable SCRAPER_TIMEOUT" in text
    )
    assert "processes = 0  # default" in text
    assert tomllib.loads(text)["run"]["threads"] == 5


@pytest.mark.parametrize("value", ["auto", "0", 0])
def test_as_many_threads_as_help(value: object) -> None:
    assert configure(threads=value).run.threads == 0


def test_words_of_other_programs_are_taken_for_ours() -> None:
    config = configure(resize_mode="center_crop", resize="224x160")
    assert config.image.resize_mode == "cover"
    assert config.image.resize == "224x160"
    assert configure(resize=224).image.resize == "224"
    assert "expected" in complaint(flags={"resize_mode": "crop"})


def test_keys_may_have_the_names_of_other_programs(tmp_path: Path) -> None:
    path = toml(tmp_path, "[image]\nfilesize_min = '5k'\n")
    variables = {"SCRAPER_MAX_IMAGE_AREA": "900"}
    config, origins = load(
        {"min_image_size": 200}, toml=path, environment=variables
    )
    image = config.image
    assert (image.min_size, image.max_area) == ("200", 900)
    assert image.min_filesize_bytes == 5 * 2**10
    assert origins.keys() == {"min_size", "max_area", "min_filesize_bytes"}
    both = {"min_image_size": 200, "min_size": 100}
    assert "are the same key" in complaint(flags=both)
    parsed = build_parser().parse_args(["--filesize-max", "1M"])
    assert parsed.max_filesize_bytes == "1M"
    assert "filesize-max" not in build_parser().format_help()


@pytest.mark.parametrize(
    "size", ["", "-1", "0x5", "5x0", "100000", "5x", "5.5"]
)
def test_a_size_that_is_none_is_refused(size: str) -> None:
    assert "expected PX or WxH" in complaint(flags={"resize": size})
