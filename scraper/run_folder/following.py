"""Which links of pages are followed, as a configuration says it."""

from __future__ import annotations

from typing import Any, Final

from scraper.config import Config
from scraper.errors import UsageError

# Where the scope is about the host of the page alone, a worker leaves out all others.
_ON_HOST: Final = frozenset({"page", "path", "host"})


def follows_links(config: Config) -> bool:
    """Does the list grow by what pages lead to?"""
    return config.follow.is_on or any(
        each.follow or each.pages for each in config.recipe
    )


def check_following(config: Config) -> None:
    """Raises UsageError if links cannot be followed as it is asked for."""
    follow = config.follow
    for name, globs in (("accept", follow.accept), ("reject", follow.reject)):
        for glob in globs:
            if not _may_fit(glob):
                raise UsageError(
                    f"--{name} {glob!r} fits no URL; write *{glob}"
                )
    if follow.depth and config.run.save_only:
        raise UsageError(
            "--save-only parses nothing, so no link would be found: leave out --save-only, or "
            "--depth"
        )


def _may_fit(glob: str) -> bool:
    from processors.page.follow.globs import may_fit

    return may_fit(glob)


def lead_options(config: Config) -> dict[str, Any] | None:
    """The fields of `processors.page.follow.leads.LeadOptions`; None if no link is followed."""
    if not follows_links(config):
        return None
    follow = config.follow
    return {
        "all_links": follow.depth > 0,
        "on_host": follow.scope in _ON_HOST,
        "accept": follow.accept,
        "reject": follow.reject,
        "obeys": follow.nofollow == "obey",
        "ignore_params": follow.ignore_params,
    }
