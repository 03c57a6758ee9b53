"""The process stage once more over what a folder has stored, as scripts and the command line ask
for it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scraper.config import Config, load, with_keys
from scraper.config.values import SCRIPT
from scraper.engine import Makers, guard_of, process_stage_of, told_to
from scraper.errors import UsageError
from scraper.local.stored import StoredFetcher
from scraper.recording.life import Listener
from scraper.reports.summary import Report
from scraper.run_folder.options import check_functions_given, known_values
from scraper.run_folder.stored_bodies import parse_where
from scraper.runner import Run
from scraper.storage.readers.status import last_options

if TYPE_CHECKING:
    from scraper.workers.stage import ProcessStage


def reprocess(
    folder: str | PathLike[str],
    *,
    where: str | Sequence[str] = (),
    on_event: Listener | None = None,
    **settings: Any,
) -> Report:
    """Do the process stage again over the bodies that a run folder has stored, as a new pass of it,
    and return the counts. No host is asked.

        scraper.reprocess("downloads/shop", where="kind=image", resize="256x256")

    `where` selects bodies: `kind=image`, `host=*.shop.test`, `url=*/large/*`,
    `error=process_timeout`; values may be several, with commas, and of several conditions all hold.
    `settings` are keywords of `configure`; what they leave open is as the folder was made with, but
    for functions, which are to be named again. After a kill the same call goes on where it was.

    Raises UsageError, InUse; LocalFault when this machine cannot go on (disk full).
    """
    selection = parse_where([where] if isinstance(where, str) else where)
    made_with = last_options(Path(folder) / ".scraper" / "ledger.sqlite")
    config, origins = load(
        settings, known=known_values(made_with), origin=SCRIPT
    )
    check_functions_given(made_with, origins, selection.kinds)
    outcomes = Run(
        [],
        stored_config(config, os.fspath(folder)),
        reprocess=selection,
        makers=told_to(stored_makers(), on_event),
    )
    with outcomes:
        for _ in outcomes:
            pass
    return outcomes.report


def stored_makers() -> Makers:
    """How a run gets its parts that reads what its folder has stored, and has no network."""

    def stage(config: Config, *more: Any) -> ProcessStage:
        # a page that sends its reader on has been followed
        return process_stage_of(
            with_keys(config, {"meta_refresh": False}), *more
        )

    return Makers(
        guard=partial(guard_of, is_local=True),
        fetcher=StoredFetcher,
        stage=stage,
    )


def stored_config(config: Config, folder: str) -> Config:
    """The same for what is stored in a folder. Raises UsageError if nothing would be made."""
    if config.run.save_only:
        raise UsageError(
            "--save-only makes nothing of bodies, and reprocess does nothing else"
        )
    of_hosts = {"dir": folder, "robots": "off", "delay_seconds": 0.0}
    return with_keys(config, of_hosts)
