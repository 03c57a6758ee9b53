"""Which fields of a URL the recipes have filled, as its ledger row and the counts have it."""

from __future__ import annotations

from scraper.errors import OF_FIELDS
from scraper.messages import Processed
from scraper.model import Failure, Fetched


def fill_of(
    fetched: Fetched, processed: Processed | None, failure: Failure | None
) -> str:
    """The text of one URL (outcomes/fills.py); "" if it does not count, or no recipe matched.

    A page that lacks a required field is one without it, though it has failed.
    What is unchanged, and was not processed again, keeps that of an earlier pass.
    """
    if failure is not None and failure.kind not in OF_FIELDS:
        return ""
    if processed is not None:
        return processed.fill
    stored = fetched.task.stored if fetched.is_unchanged else None
    return (stored.fill if stored else None) or ""
