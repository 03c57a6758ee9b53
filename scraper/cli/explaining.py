"""The command `explain`: of a URL, a file, or a page of the demo."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from scraper.cli.arguments import build_parser, read_configuration
from scraper.cli.explain import explain
from scraper.cli.explanation import Explanation
from scraper.cli.local_file import explain_file
from scraper.cli.terminal import answer, answer_printable, shows_colours
from scraper.config import Config, with_keys
from scraper.errors import UsageError

PAGE_SUFFIXES = (".html", ".htm", ".xhtml", ".json")  # no host ends so


def main(arguments: Sequence[str]) -> int:
    """The flags of a run hold here too: they are what is explained."""
    parser = build_parser()
    parser.prog, parser.usage = (
        "scraper explain",
        "python -m scraper explain [options] URL|FILE",
    )
    parser.add_argument(
        "--json", action="store_true", help="the explanation as JSON"
    )
    parser.add_argument(
        "--find",
        default="",
        metavar="TEXT",
        help="suggest selectors for what holds this text",
    )
    parser.add_argument(
        "--url", default="", help="where a FILE is taken to come from"
    )
    options = parser.parse_args(arguments)
    config, _ = read_configuration(options)
    explanation = _explain(options, config)
    if "json" in options:
        answer(explanation.as_json())
    else:
        answer_printable(explanation.text(colour=shows_colours()))
    return 0


def _explain(options: argparse.Namespace, config: Config) -> Explanation:
    if "demo" in options:
        return _explain_demo(options, config)
    if len(options.inputs) != 1:
        raise UsageError(
            "explain takes one URL: python -m scraper explain https://example.com/"
        )
    (text,) = options.inputs
    if "://" not in text and Path(text).is_file():
        return explain_file(Path(text), config, options.url, options.find)
    if Path(text).suffix in PAGE_SUFFIXES and "/" not in text:
        raise UsageError(f"no such file: {text}")
    if options.url:
        raise UsageError(f"--url is for a file, and {text} is none")
    return explain(text, config, options.find)


def _explain_demo(options: argparse.Namespace, config: Config) -> Explanation:
    """The first page of a demo site, or the one whose path is given."""
    from scraper import demo

    demo.check_name(options.demo)
    if any(not path.startswith("/") for path in options.inputs):
        raise UsageError("a page of the demo is named by its path: /shop/")
    with demo.serve(options.demo) as site:
        confined = with_keys(
            config, {"allow_hosts": ("127.0.0.1", "localhost")}
        )
        urls = [site.server.url(path) for path in options.inputs]
        return explain((urls or site.urls)[0], confined, options.find)
