"""The documentation is true: its tables equal the code, its examples run.

What can be derived from the code is: `python -m tests.test_docs` writes config/default.toml and
the tables of docs/configuration.md anew.
"""

from __future__ import annotations

import ast
import io
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from PIL import Image

from processors import image
from processors.image.exif import ALL, GROUPS, NAMES
from processors.page import Page
from processors.page.facts import page_facts
from processors.page.images.elements import PLACES
from scraper import demo
from scraper.cli import main
from scraper.cli.arguments import build_parser, read_configuration
from scraper.config import KEYS, Config, HostSettings, Key, as_toml, load
from scraper.config.reference import as_markdown
from scraper.errors import KINDS, RETRYABLE_STATUSES, new_failure
from scraper.faulty import FaultyServer, page, sequence, status
from scraper.frontier import trouble
from scraper.model import Fetched, Task, Timings
from scraper.outcomes.changes import TRANSITIONS, Change
from scraper.record import of_fetched, of_refused
from scraper.reports.summary import Report
from scraper.sinks import error_log
from scraper.storage import schema
from scraper.urls import parts_of
from scraper.workers.pool import KILL_SECONDS
from scraper.workers.stage import GENTLE_SECONDS
from tests.conftest import Scrape, environment_of_examples

PROJECT = Path(__file__).resolve().parent.parent
DOCS = PROJECT / "docs"
REQUESTING = {
    f"requests.{verb}"
    for verb in ("get", "head", "post", "put", "delete", "request")
}
# Idle workers end, killed ones are awaited, and with them two threads.
TO_END_SECONDS = GENTLE_SECONDS + 3 * KILL_SECONDS
REWRITE = "run `python -m tests.test_docs` to write it anew"


# -- reading Markdown -------------------------------------------------------------------------


def table_rows(text: str) -> list[list[str]]:
    """The cells of all rows whose first cell is a `word` in backticks."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    split = (re.split(r"(?<!\\)\|", line.strip().strip("|")) for line in lines)
    return [
        [cell.strip().replace("\\|", "|") for cell in cells] for cells in split
    ]


def first_words(text: str) -> list[str]:
    return [cells[0].strip("`") for cells in table_rows(text)]


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one."""
    text = (DOCS / page).read_text()
    below = re.split(
        rf"^#+ {re.escape(heading)}\n", text, maxsplit=1, flags=re.MULTILINE
    )
    assert len(below) == 2, f"docs/{page} has no heading {heading!r}"
    return re.split(r"^#+ ", below[1], maxsplit=1, flags=re.MULTILINE)[0]


class Fence(NamedTuple):
    """A marked block: `<!-- word: argument -->` on the line before it."""

    word: str
    argument: str
    language: str
    body: str
    check: str  # Python in a comment behind it, which gets its output as standard input


def fences(path: Path) -> list[Fence]:
    text = path.read_text()
    pattern = re.compile(
        r"^<!-- (\w+)(?:: ([^>]*?))? -->\n```(\w*)\n(.*?)^```$", re.M | re.S
    )
    found = list(pattern.finditer(text))
    ends = [*(each.start() for each in found[1:]), len(text)]
    return [
        Fence(
            *(part or "" for part in each.groups()),
            _check_in(text[each.end() : end]),
        )
        for each, end in zip(found, ends, strict=True)
    ]


def _check_in(text: str) -> str:
    found = re.search(r"^<!-- check\n(.*?)^-->$", text, re.M | re.S)
    return found[1] if found else ""


# -- README -----------------------------------------------------------------------------------


def commands() -> dict[str, str]:
    marked = [
        each for each in fences(PROJECT / "README.md") if each.word == "command"
    ]
    return {each.argument: each.body.strip() for each in marked}


def test_the_readme_has_one_command_for_the_demo_and_one_for_the_tests() -> (
    None
):
    assert commands().keys() == {"demo", "tests"}
    for command in commands().values():
        assert "\n" not in command
        steps = [shlex.split(step) for step in command.split("&&")]
        assert steps[0] == ["python3", "-m", "venv", ".venv"]
        assert steps[1][:4] == [".venv/bin/pip", "install", "-q", "-e"]
        assert steps[2][:2] == [".venv/bin/python", "-m"]
        assert len(steps) == 3
    asked = shlex.split(commands()["tests"])
    assert asked[asked.index("-m", 4) + 1] == "pytest"


def test_the_flags_of_the_demo_command_exist() -> None:
    words = shlex.split(commands()["demo"].rpartition("&&")[2])
    assert words[:3] == [".venv/bin/python", "-m", "scraper"]
    assert build_parser().parse_args(words[3:]).demo


def test_the_exit_codes_of_the_readme_are_those_of_the_report() -> None:
    report = Report()
    assert report.exit_code == 0
    report.states["failed"] = 1
    assert report.exit_code == 4
    report.states["done"] = 1
    assert report.exit_code == 3
    report.stopped = "a limit"
    assert report.exit_code == 5
    table = (PROJECT / "README.md").read_text()
    assert all(f"\n| {code} |" in table for code in (0, 1, 2, 3, 4, 5, 6))


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in DOCS.glob("*.md"))]
)
def test_links_to_files_and_headings_lead_somewhere(page: str) -> None:
    path = PROJECT / page
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text()):
        name, _, anchor = target.partition("#")
        other = (path.parent / name) if name else path
        assert other.exists(), f"{page} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", other.read_text(), re.MULTILINE)
            anchors = {
                re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-")
                for h in headings
            }
            assert anchor in anchors, f"{page} links to {target}"


def test_the_picture_of_the_readme_is_small() -> None:
    assert (DOCS / "demo.png").stat().st_size < 150_000


# -- errors -----------------------------------------------------------------------------------


def test_errors_md_lists_exactly_the_kinds_of_the_code() -> None:
    assert first_words((DOCS / "errors.md").read_text()) == list(KINDS)


@pytest.mark.parametrize(
    "row", table_rows((DOCS / "errors.md").read_text()), ids=lambda r: r[0]
)
def test_errors_md_says_stage_and_retryability_as_the_code_does(
    row: list[str],
) -> None:
    kind = KINDS[row[0].strip("`")]
    assert row[1] == kind.stage
    assert row[2].split(",")[0] == ("yes" if kind.retryable else "no")
    assert all(row[3:])
    assert len(row) == 5


def test_errors_md_names_retryable_statuses_that_are() -> None:
    row = next(
        r
        for r in table_rows((DOCS / "errors.md").read_text())
        if "http_status" in r[0]
    )
    named = {int(number) for number in re.findall(r"\b\d{3}\b", row[2])}
    assert named <= RETRYABLE_STATUSES


# -- records ----------------------------------------------------------------------------------

TASK = Task(1, parts_of("http://example.com/"), parts_of("http://example.com/"))


def a_record(*, fetched: bool) -> dict[str, object]:
    answer = Fetched(TASK, TASK.url, 200, "page", "text/html", None, (), "1.part", 1, 1, "0" * 64,
                     0.0, Timings())  # fmt: skip
    refusal = new_failure("host_not_allowed", "no")
    line = (
        of_fetched(1, answer, path=None)
        if fetched
        else of_refused(1, TASK, refusal)
    )
    record: dict[str, object] = orjson.loads(line)
    return record


def test_records_md_lists_the_keys_of_every_record_in_their_order() -> None:
    keys = list(a_record(fetched=True))
    assert keys == list(a_record(fetched=False))
    assert first_words(section("records.md", "Every record")) == keys


def test_records_md_lists_the_keys_of_seconds() -> None:
    seconds = a_record(fetched=True)["seconds"]
    assert isinstance(seconds, dict)
    assert first_words(section("records.md", "Of `seconds`")) == list(seconds)


def test_records_md_lists_the_keys_of_pages() -> None:
    facts = page_facts(
        Page("http://example.com/", b"<title>A page</title>")
    ).record
    keys = [*facts, "fields", "items", "data"]
    keys.insert(keys.index("cut"), "article")
    keys.insert(keys.index("text") + 1, "watched")
    assert first_words(section("records.md", "Pages")) == keys


def test_records_md_lists_the_keys_of_links() -> None:
    body = b"<a href=/b>b</a>"
    facts = page_facts(Page("http://example.com/", body)).record
    (link,) = facts["links"]
    assert first_words(section("records.md", "Of `links`")) == [*link]


def test_records_md_lists_the_keys_of_images() -> None:
    body = b"<img src=a.png>"
    facts = page_facts(Page("http://example.com/", body)).record
    (found,) = facts["images"]
    assert first_words(section("records.md", "Of `images`")) == [*found]
    for where in PLACES:
        assert f"`{where}`" in section("records.md", "Of `images`")


def test_records_md_lists_the_keys_of_pictures(tmp_path: Path) -> None:
    source = tmp_path / "lake.jpg"
    lake = (
        files("scraper").joinpath("demo", "pictures", "lake.jpg").read_bytes()
    )
    source.write_bytes(lake[:-1_000])
    facts = image.process(
        str(source),
        image.Plan(exif=(ALL,), truncated="keep"),
        str(tmp_path / "out"),
        "processed/a",
    ).facts
    keys = list(facts)
    keys.insert(keys.index("pixels_hash"), "phash")  # of an extra
    assert first_words(section("records.md", "Pictures")) == keys
    assert set(first_words(section("records.md", "Of `processed`"))) == set(
        facts["processed"][0]
    )


def test_records_md_lists_the_groups_and_keys_of_exif() -> None:
    text = section("records.md", "Of `exif`")
    assert first_words(text) == [*GROUPS, ALL]
    for name in (*NAMES, *GROUPS["gps"]):
        assert f"`{name}`" in text


def test_records_md_lists_the_keys_of_errors_jsonl() -> None:
    keys = list(orjson.loads(error_log.error_line(a_record(fetched=True))))
    assert re.findall(
        r"`(\w+)`", section("records.md", "errors.jsonl").partition("\n\n")[2]
    ) == [*keys]


def test_records_md_lists_the_keys_of_changes_jsonl() -> None:
    line = orjson.loads(Change("new", 1, 0.0, "http://a/", "0" * 16).line())
    table, _, _ = section("records.md", "changes.jsonl").partition("| was |")
    assert first_words(table) == list(line)


def test_records_md_draws_what_is_told_of_a_url() -> None:
    drawn = {
        (None if was == "`null`" else was.strip("`"), came): word.strip("`")
        for was, *words in table_rows(
            section("records.md", "changes.jsonl").partition("| was |")[2]
        )
        for came, word in zip(
            ("same", "other", "elsewhere", "missing", "unclear"),
            words,
            strict=True,
        )
        if word
    }
    # who was never good cannot be the same, nor elsewhere
    news = {(None, came): "new" for came in ("same", "elsewhere")}
    assert drawn == {**TRANSITIONS, **news}


def test_records_md_lists_the_keys_of_the_summary() -> None:
    keys = {"version", "inputs", "exit_code", "totals", *Report().as_dict()}
    assert set(first_words(section("records.md", "summary.json"))) == keys


def test_records_md_lists_the_tables_of_the_ledger() -> None:
    db = sqlite3.connect(":memory:")
    db.executescript(schema._TABLES)
    tables = {
        name
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        )
    }
    db.close()
    assert set(first_words(section("records.md", "The ledger"))) == tables


# -- configuration ----------------------------------------------------------------------------


def split_reference() -> tuple[str, str]:
    """The page's own words, and its tables."""
    text = (DOCS / "configuration.md").read_text()
    start = text.index("## [run]")
    return text[:start], text[start:]


def test_configuration_md_is_what_the_code_says() -> None:
    assert split_reference()[1] == as_markdown(), REWRITE


@pytest.mark.parametrize("key", KEYS.values(), ids=lambda key: key.name)
def test_configuration_md_has_a_row_for(key: Key) -> None:
    row = next(
        r for r in table_rows(split_reference()[1]) if r[0] == f"`{key.name}`"
    )
    assert (key.flag in row[1]) is key.info.flag
    assert row[2] == f"`{key.environment}`"
    assert load({key.name: row[3].strip('`"[]')}, environment={})[0] == Config()


def test_every_flag_of_the_help_is_in_configuration_md(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (DOCS / "configuration.md").read_text()
    for command in ([], ["status"], ["explain"], ["bench"], ["plan"]):
        with pytest.raises(SystemExit):
            main([*command, "--help"])
        flags = set(
            re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", capsys.readouterr().out)
        )
        flags.discard("-m")  # of python
        assert {flag for flag in flags if f"`{flag}" not in text} == set()


def test_default_toml_is_what_the_code_says() -> None:
    assert (PROJECT / "config" / "default.toml").read_text() == as_toml(
        Config()
    ), REWRITE


def test_default_toml_sets_what_is_set_without_it() -> None:
    config, origins = load(
        toml=PROJECT / "config" / "default.toml", environment={}
    )
    assert config == Config()
    assert origins.keys() == KEYS.keys()


@pytest.mark.parametrize("name", ["polite", "images"])
def test_the_example_profile_loads_and_changes_something(name: str) -> None:
    config, origins = load(
        toml=PROJECT / "config" / f"{name}.toml", environment={}
    )
    defaults = Config()
    same = [
        key for key in origins if _value(config, key) == _value(defaults, key)
    ]
    assert origins
    assert same == []


def _value(config: Config, name: str) -> object:
    return getattr(getattr(config, KEYS[name].section), name)


# -- examples ---------------------------------------------------------------------------------

RUNNABLE = [
    pytest.param(page, number, id=f"{page.removesuffix('.md')}-{number}")
    for page in ("cookbook.md", "guide.md")
    for number, fence in enumerate(fences(DOCS / page))
    if fence.word == "run"
]


@pytest.fixture(scope="module")
def shop() -> Iterator[FaultyServer]:
    with FaultyServer(demo.site()) as server:
        yield server


@pytest.mark.parametrize(("page", "number"), RUNNABLE)
def test_the_example_runs(
    page: str, number: int, shop: FaultyServer, tmp_path: Path
) -> None:
    (tmp_path / "urls.txt").write_text(
        "".join(f"{url}\n" for url in demo.urls(shop))
    )
    all_of_them = fences(DOCS / page)
    for fence in all_of_them:
        if fence.word == "file":
            (tmp_path / fence.argument).write_text(fence.body)
    fence = all_of_them[number]
    if fence.language == "python":
        (tmp_path / "example.py").write_text(fence.body)
        command = [sys.executable, "example.py"]
    else:
        command = ["bash", "-c", fence.body]
    expected = int(fence.argument.removeprefix("exit ") or 0)
    first = _ended(command, tmp_path)
    assert first.returncode == expected
    made = _made_in(tmp_path)
    second = _ended(command, tmp_path)
    assert second.returncode == expected, "the second time"
    for each in (first, second):
        check = ["python", "-c", f"import sys\n{fence.check}"]
        assert _ended(check, tmp_path, each.stdout).returncode == 0
    assert _made_in(tmp_path) == made, "the second time the same comes out"


def _ended(
    command: list[str], folder: Path, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    ended = subprocess.run(
        command,
        input=given,
        cwd=folder,
        env=environment_of_examples(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in ended.stderr
    print(ended.stdout, ended.stderr)
    return ended


# What tells of runs, and rightly differs from one to the next.
OF_RUNS = {
    "records.jsonl",
    "changes.jsonl",
    "errors.jsonl",
    "run.log",
    "summary.json",
}


def _made_in(folder: Path) -> dict[str, bytes]:
    """What an example has made, but for what tells of its runs."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
        and path.name not in OF_RUNS
        and not {".scraper", "__pycache__"} & set(path.parts)
    }


def test_every_example_in_python_can_be_read() -> None:
    for path in [PROJECT / "README.md", *DOCS.glob("*.md")]:
        for body in re.findall(
            r"^```python\n(.*?)^```$", path.read_text(), re.M | re.S
        ):
            compile(body, str(path), "exec")


def test_no_example_asks_without_a_time_out() -> None:
    """As ruff's S113 has it for the code: requests waits for ever if it is not told otherwise."""
    for path in [PROJECT / "README.md", *DOCS.glob("*.md")]:
        for body in re.findall(
            r"^```python\n(.*?)^```$", path.read_text(), re.M | re.S
        ):
            for call in ast.walk(ast.parse(body)):
                if (
                    isinstance(call, ast.Call)
                    and ast.unparse(call.func) in REQUESTING
                ):
                    told = {keyword.arg for keyword in call.keywords}
                    assert "timeout" in told, (
                        f"{path.name}: {ast.unparse(call)}"
                    )


def test_the_picture_shows_all_posters() -> None:
    with Image.open(io.BytesIO((DOCS / "demo.png").read_bytes())) as picture:
        assert picture.width > picture.height > 200


# -- what is cited ----------------------------------------------------------------------------


def test_every_page_and_section_that_the_code_cites_is_there() -> None:
    """As `docs/records.md`, or `README, "Exit codes"`."""
    cited = 0
    for path in [
        *(PROJECT / "scraper").rglob("*.py"),
        *(PROJECT / "processors").rglob("*.py"),
    ]:
        text = path.read_text()
        for name, heading in re.findall(
            r'(?:(docs/\w+\.md)|README)(?:, "([^"]+)")?', text
        ):
            page = PROJECT / (name or "README.md")
            assert page.exists(), f"{path.name} cites {name}"
            if heading:
                assert re.search(rf"^#+ {heading}$", page.read_text(), re.M), (
                    f"{path.name}"
                )
            cited += 1
        # The other way round, "see SECTION in docs/page.md", cannot be followed by a reader's eye.
        assert not re.search(r"see \w+ in docs/", text), (
            f"{path.name} cites a section by a word"
        )
    assert cited > 5


NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
)


def test_the_guide_says_how_long_a_host_is_waited_for() -> None:
    sentence = " ".join(section("guide.md", "Politeness").split())
    silences = [
        *trouble.SILENCE_PAUSE_SECONDS,
        trouble.SILENCE_PAUSE_SECONDS[-1],
    ]
    assert len(silences) == trouble.MAX_SILENCES - 1
    said = ", ".join(f"{each:g}" for each in silences[:-1])
    assert f"after {said} and {silences[-1]:g} s" in sentence
    first = trouble.FIRST_PAUSE_SECONDS
    assert f"for {first:g} s, {2 * first:g} s, {4 * first:g} s" in sentence
    assert trouble.MAX_PAUSE_SECONDS == 300
    seconds = HostSettings().patience_seconds
    assert seconds == 900
    assert seconds * trouble.PATIENCE_WITH_NEW == 60
    assert seconds * trouble.PATIENCE_MEANWHILE == 3_600


def test_the_crontab_of_the_guide_asks_every_night_and_speaks_only_when_it_must(
    scrape: Scrape,
) -> None:
    guide = (DOCS / "guide.md").read_text()
    crontab = guide.partition("```crontab\n")[2].partition("```")[0]
    (line,) = (
        each for each in crontab.splitlines() if not each.startswith("#")
    )
    words = shlex.split(line.partition("-m scraper ")[2])
    site = {
        "/robots.txt": status(404),
        "/": sequence(page("a"), page("b"), status(410)),
    }
    with FaultyServer(site) as server:
        scrape.list_of(server.url())
        nights = [scrape.here(*words, dir=None) for _ in range(3)]
        assert server.count("/") == 3
    assert [night.code for night in nights] == [0, 0, 4]
    assert [len(night.stderr.splitlines()) for night in nights] == [0, 0, 1]


def test_systemd_waits_for_longer_than_the_grace_of_its_unit() -> None:
    told = (DOCS / "guide.md").read_text()
    unit = told.partition("[Service]\n")[2].partition("```")[0]
    lines = dict(line.split("=", 1) for line in unit.splitlines())
    words = shlex.split(lines["ExecStart"].partition("-m scraper ")[2])
    config, _ = read_configuration(build_parser().parse_args(words))
    assert (
        int(lines["TimeoutStopSec"]) > config.run.grace_seconds + TO_END_SECONDS
    )
    assert TO_END_SECONDS < 10
    assert "up to 10 s more" in told
    assert f"({Config().run.grace_seconds:g} s if nothing is" in told
    assert lines["KillMode"] == "mixed"
    assert int(lines["SuccessExitStatus"]) == 128 + signal.SIGTERM


def test_systemd_takes_the_units_of_the_guide(tmp_path: Path) -> None:
    """As they stand there, but for the places of the program and its folder."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    units = re.findall(
        r"```ini\n# /etc/systemd/system/(shop\.\w+).*\n([^`]+)```",
        (DOCS / "guide.md").read_text(),
    )
    assert [name for name, _ in units] == ["shop.service", "shop.timer"]
    for name, text in units:
        text = text.replace("/srv/shop/.venv/bin/python", sys.executable)
        (tmp_path / name).write_text(text.replace("/srv/shop", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / name for name, _ in units)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if "shop." in line]
    assert (done.returncode, said) == (0, [])


def rewrite() -> None:
    """Write what follows from the code."""
    (PROJECT / "config" / "default.toml").write_text(as_toml(Config()))
    (DOCS / "configuration.md").write_text(split_reference()[0] + as_markdown())


if __name__ == "__main__":
    rewrite()
