"""The lists of a command that keeps nothing: `bench` and `plan`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import ExitStack

from scraper.cli.arguments import open_named
from scraper.config import Config, with_keys
from scraper.desk.fetched_lists import FetchedLists
from scraper.sources.source import Source, given_source


def open_lists(
    options: argparse.Namespace,
    config: Config,
    resources: ExitStack,
    folder: str = "",
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Config, list[Source]]:
    """All that the command line names, and the configuration with which they are asked; none with
    a `folder` that knows what is to be asked. What is opened for them goes with `resources`;
    `say` is called with what is fetched."""
    if "demo" in options:
        from scraper import demo

        demo.check_name(options.demo)
        site = resources.enter_context(demo.serve(options.demo))
        here = {"allow_hosts": ("127.0.0.1", "localhost")}
        return with_keys(config, here), [given_source(site.urls, "demo")]
    lists = resources.enter_context(FetchedLists(config, say=say))
    return config, open_named(
        options,
        folder,
        config.input,
        lists,
    )
