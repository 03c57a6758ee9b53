"""What a script may hand over, and what it is told about anything else."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import UserDict
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import scraper
from scraper.errors import UsageError
from scraper.faulty import FaultyServer, page, status
from tests.conftest import PROJECT, Scrape, Scraped

NO_RULES = {"/robots.txt": status(404)}


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Table:
    """As much of a data frame as counts here: iterating it gives the names of its columns."""

    columns = ("url", "name")

    def __iter__(self) -> Any:
        return iter(self.columns)


# -- what is no list --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("urls", "says"),
    [
        (
            "http://localhost/",
            r"is a URL, where text is the path of a list: write \['http://loc",
        ),
        (
            {"http://localhost/": 1},
            r"\(dict\) is no list of URLs: give one column or the values",
        ),
        (UserDict(), r"\(UserDict\) is no list of URLs"),
        (Table(), r"\(Table\) is no list of URLs: give one column"),
        (
            b"http://localhost/",
            r"\(bytes\) is no list of URLs: give an iterable of text",
        ),
        (None, r"None \(NoneType\) is no list of URLs"),
        (7, r"7 \(int\) is no list of URLs"),
        (math.nan, r"nan \(float\) is no list of URLs"),
        (print, r"\(builtin_function_or_method\) is no list of URLs"),
    ],
)
@pytest.mark.parametrize("function", [scraper.run, scraper.stream])
def test_what_is_no_list_is_refused(
    function: Any, urls: Any, says: str, tmp_path: Path
) -> None:
    with pytest.raises(scraper.UsageError, match=says):
        function(urls, scraper.configure(dir=str(tmp_path / "run")))
    assert not (tmp_path / "run").exists()


def test_a_url_in_the_place_of_a_list_does_not_tell_its_password() -> None:
    with pytest.raises(scraper.UsageError) as caught:
        scraper.stream("http://me:secret@localhost/")
    assert "secret" not in str(caught.value)


def test_a_dict_is_no_configuration() -> None:
    config: Any = {"threads": 8}
    with pytest.raises(
        scraper.UsageError, match=r"scraper.configure\(...\) makes one"
    ):
        scraper.stream(["http://localhost/"], config)


@pytest.mark.parametrize("retry", [True, 404, [404], [None]])
def test_a_retry_that_names_no_kinds(retry: Any) -> None:
    with pytest.raises(
        scraper.UsageError, match=r"retry = .* is not right: give \(\) for all"
    ):
        scraper.stream(["http://localhost/"], retry=retry)


def test_one_kind_may_be_text() -> None:
    assert scraper.stream(["http://localhost/"], retry="http_404").retry == (
        "http_404",
    )


# -- what is no URL among others --------------------------------------------------------------


def test_an_item_that_is_no_text_costs_no_other_url(tmp_path: Path) -> None:
    config = scraper.configure(dir=tmp_path / "run", save_only=True)
    with FaultyServer(NO_RULES | {"/": page("a"), "/b": page("b")}) as server:
        good = [server.url("/"), server.url("/b")]
        odd: list[Any] = [
            None,
            math.nan,
            (good[0],),
            b"http://localhost/",
            7,
            Path("a"),
            Mute(),
        ]
        urls: Any = [good[0], *odd, good[1]]
        with scraper.stream(urls, config) as outcomes:
            records = [outcome.record for outcome in outcomes]
    done = {each["url"] for each in records if each["state"] == "done"}
    assert done == set(good)
    failed = [each for each in records if each["state"] == "failed"]
    assert {each["error_kind"] for each in failed} == {"bad_url"}
    told = {each["error_message"] for each in failed}
    assert len(told) == len(odd)
    assert "not text: nan (float); give each URL as text (str)" in told
    assert "not text: None (NoneType); give each URL as text (str)" in told
    assert (
        f"not text: ('{good[0]}',) (tuple); give each URL as text (str)" in told
    )
    assert any("(Mute)" in each for each in told)


def test_a_long_item_is_told_in_short(tmp_path: Path) -> None:
    config = scraper.configure(dir=tmp_path / "run", save_only=True)
    urls: Any = iter([list(range(10_000)), {"a": "x" * 10_000}, "y" * 10])
    with scraper.stream(urls, config) as outcomes:
        records = [outcome.record for outcome in outcomes]
    assert len(records) == 3
    assert max(len(each["error_message"]) for each in records) < 500


# -- enough -----------------------------------------------------------------------------------


def test_a_run_that_is_told_to_stop_finishes_what_is_under_way(
    tmp_path: Path,
) -> None:
    config = scraper.configure(dir=tmp_path / "run", save_only=True, threads=1)
    site = NO_RULES | {f"/{n}": page("a") for n in range(300)}
    with FaultyServer(site) as server:
        urls = [server.url(f"/{n}") for n in range(300)]
        with scraper.stream(urls, config) as outcomes:
            came = []
            for outcome in outcomes:
                came.append(outcome.url)
                if len(came) == 1:
                    outcomes.stop("one is enough")
        assert outcomes.report.stopped == "one is enough"
        assert outcomes.report.exit_code == 5
        assert len(came) == outcomes.report.total, "what was under way came too"
        assert len(came) < 300
        assert scraper.run(urls, config).exit_code == 0
        assert server.count() == 301, "and nothing is asked twice"


# -- what a configuration is told -------------------------------------------------------------


def article(page: object) -> None:
    """A function to be handed over."""


def test_a_folder_may_be_a_path(tmp_path: Path) -> None:
    assert scraper.configure(dir=tmp_path).run.dir == str(tmp_path)


def test_a_function_may_be_given_itself() -> None:
    config = scraper.configure(html=article, file=article)
    assert config.page.html == config.file.file == "tests.test_api:article"
    assert config == scraper.configure(
        html="tests.test_api:article", file="tests.test_api:article"
    )


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda page: None, "is a lambda or a local function"),
        (
            Table().__iter__,
            "tests.test_api:Table.__iter__ is not this function",
        ),
        (partial(article, None), "is no function with a name"),
    ],
)
def test_a_function_that_workers_could_not_find_is_refused(
    function: Any, says: str
) -> None:
    with pytest.raises(scraper.UsageError, match="worker process c") as caught:
        scraper.configure(html=function)
    assert says in str(caught.value)
    assert "write " in str(caught.value)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"treads": 3}, "; did you mean threads?"),
        ({"no_page_images": True}, "; did you mean page_images?"),
        ({"timeout_second": 3}, "; did you mean timeout_seconds?"),
        ({"zzz": 3}, "; print(scraper.configure()) shows all keys"),
        ({"format": "jpge"}, "; did you mean jpeg?"),
        (
            {"threads": "many"},
            "expected a whole number from 0 to 1024, or auto",
        ),
    ],
)
def test_a_script_is_not_told_of_flags(
    values: dict[str, Any], says: str
) -> None:
    with pytest.raises(scraper.UsageError) as caught:
        scraper.configure(**values)
    assert str(caught.value).endswith(says)
    assert "--" not in str(caught.value)


# -- a file with the name of ours -------------------------------------------------------------


@pytest.mark.parametrize("name", ["processors.py", "processors/__init__.py"])
def test_a_file_with_the_name_of_our_package_is_refused(
    name: str, scrape: Scrape
) -> None:
    (scrape.folder / name).parent.mkdir(exist_ok=True)
    (scrape.folder / name).write_text("print('never run')\n")
    told = scrape(scrape.list_of("http://localhost/"))
    _refused(told, scrape.folder / name)
    (scrape.folder / "script.py").write_text(
        "import scraper\n"
        "if __name__ == '__main__':\n"
        "    try:\n"
        "        scraper.run(['http://localhost/'], scraper.configure(dir='run'))\n"
        "    except scraper.UsageError as error:\n"
        "        raise SystemExit(f'error: {error}')\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=scrape.folder, env={"PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    _refused(
        Scraped(2, done.stderr, done.stdout, [], scrape.folder),
        scrape.folder / name,
    )


def test_a_script_elsewhere_is_told_of_a_file_in_the_working_folder(
    scrape: Scrape,
) -> None:
    """Workers would look there first, though the script does not."""
    (scrape.folder / "processors.py").write_text("print('never run')\n")
    (scrape.folder / "elsewhere").mkdir()
    (scrape.folder / "elsewhere" / "script.py").write_text(
        "import scraper\n"
        "if __name__ == '__main__':\n"
        "    scraper.run(['http://localhost/'], scraper.configure(dir='run'))\n"
    )
    done = subprocess.run(
        [sys.executable, "elsewhere/script.py"], cwd=scrape.folder,
        env={"PYTHONPATH": str(PROJECT)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    last = done.stderr.splitlines()[-1]
    assert last.startswith("scraper.errors.UsageError: "), done.stderr
    assert "processors.py has the name of a package of this program" in last
    assert done.stdout == ""


def _refused(told: Scraped, file: Path) -> None:
    assert (told.code, told.stdout) == (2, "")
    assert len(told.stderr.splitlines()) == 1, told.stderr
    assert told.stderr.startswith(
        f"error: {file} has the name of a package of this program"
    )
    assert "rename it" in told.stderr


# -- a run ------------------------------------------------------------------------------------


def test_a_run_is_entered_once(tmp_path: Path) -> None:
    outcomes = scraper.stream(
        [], scraper.configure(dir=tmp_path / "run", save_only=True)
    )
    with outcomes:
        assert list(outcomes) == []
    with pytest.raises(UsageError, match="make another"), outcomes:
        pass


@pytest.mark.parametrize("grace", ["5s", -1, float("nan")])
def test_the_grace_of_a_stop_is_a_number_of_seconds(
    grace: Any, tmp_path: Path
) -> None:
    with (
        scraper.stream(
            [], scraper.configure(dir=tmp_path / "run", save_only=True)
        ) as outcomes,
        pytest.raises(UsageError, match="takes seconds from 0 on"),
    ):
        outcomes.stop(grace=grace)


def test_a_file_without_certificates_is_told_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for name, says in (
        ("none.pem", "holds no certificates"),
        ("gone.pem", "no such file"),
    ):
        config = scraper.configure(
            dir=tmp_path / "run", ca_bundle=tmp_path / name, save_only=True
        )
        with pytest.raises(UsageError, match=says):
            scraper.run(["https://localhost:1/"], config)


def test_a_directive_that_nobody_sends_is_refused() -> None:
    with pytest.raises(UsageError, match="noindex"):
        scraper.configure(obey=["no-index"])


# -- the report, and where a run works --------------------------------------------------------


def test_the_report_is_final_when_the_outcomes_end(tmp_path: Path) -> None:
    with FaultyServer({"/a": page("a"), "/b": status(404)}) as server:
        urls = [server.url("/a"), server.url("/b")]
        config = scraper.configure(
            dir=str(tmp_path / "run"), robots="off", save_only=True
        )
        with scraper.stream(urls, config) as run:
            list(run)
            inside = (
                run.report.done,
                run.report.exit_code,
                run.report.totals,
                run.complete,
            )
            assert inside[:2] == (1, 3)
            assert inside[2] is not None
            assert (
                json.loads((run.folder / "summary.json").read_bytes())["done"]
                == 1
            )
    assert (
        run.report.done,
        run.report.exit_code,
        run.report.totals,
        run.complete,
    ) == inside


def test_a_script_may_change_its_folder_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    site = {f"/{n}": page(f"<title>{n}</title>") for n in range(8)}
    with FaultyServer(site) as server:
        urls = [server.url(path) for path in site]
        config = scraper.configure(
            dir="run", robots="off", processes=1, threads=1, window=1
        )
        with scraper.stream(urls, config) as run:
            for _ in run:
                os.chdir(tmp_path / "elsewhere")
    assert run.report.states == {"done": 8}
    assert len(list((tmp_path / "run" / "pages").glob("*/*"))) == 8
    assert not list((tmp_path / "elsewhere").iterdir())
    assert (tmp_path / "run" / "summary.json").exists()
