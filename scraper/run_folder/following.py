"""Which links of pages are followed, as a configuration says it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec.structs import replace

from scraper.config import Config
from scraper.errors import UsageError
from scraper.model import Line
from scraper.storage.adopted import Lead
from scraper.storage.due.led_to import Follows
from scraper.storage.follow.ways import Limits
from scraper.urls import parts_of, without_credentials

Options = Mapping[str, Any]
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


def lines_as_asked(config: Config) -> Callable[[Line], Line] | None:
    """Has a line of a list without the parameters that are ignored; None if none are."""
    names = config.follow.ignore_params
    if not names:
        return None
    from processors.page.follow.parameters import without_parameters

    def as_asked(line: Line) -> Line:
        href = without_parameters(line.url.href, names)
        if line.refusal is not None or href == line.url.href:
            return line
        written = line.written or line.url.href
        return replace(line, url=parts_of(href), written=written)

    return as_asked


def _may_fit(glob: str) -> bool:
    from processors.page.follow.globs import may_fit

    return may_fit(glob)


def check_goes_on_following(config: Config, before: Options) -> None:
    """Raises UsageError if a pass that is left open has followed links, and is not to any more:
    what its pages lead to would be missed for good."""
    if follows_links(config) or not _has_followed(before):
        return
    said = [f"--depth {before['depth']}"] if before.get("depth") else []
    said += [
        f"--follow {shlex.quote(each)}" for each in before.get("follow", ())
    ]
    flags = " ".join(said) or "its [[recipe]]"
    raise UsageError(
        f"the pass that is left open follows links ({flags}): give that again, or begin again "
        "with --refresh"
    )


def _has_followed(before: Options) -> bool:
    if before.get("depth") or before.get("follow"):
        return True
    recipes = before.get("recipe") or ()
    return any(each.get("follow") or each.get("pages") for each in recipes)


def lead_of(config: Config) -> Lead:
    """How pages lead on, if that is by one kind of links alone; else as any link does."""
    follow = config.follow
    follows = follow.follow or any(each.follow for each in config.recipe)
    pages = any(each.pages for each in config.recipe)
    if follow.depth or (follows and pages):
        return "link"
    if follows:
        return "next"
    return "page" if pages else "link"


def limits_of(config: Config) -> Limits:
    """How far links are followed."""
    return Limits(config.follow.depth, config.follow.follow_limit)


def follows_of(config: Config) -> Follows:
    """What is asked of what pages lead to."""
    return Follows(
        images=config.page.page_images != "none",
        pages=follows_links(config),
        limits=limits_of(config),
        takes=_taken_by(config),
    )


def _taken_by(config: Config) -> Callable[[str], bool] | None:
    """Which URLs are, as --accept and --reject say it; None if all are."""
    follow = config.follow
    if not (follow.accept or follow.reject):
        return None
    from processors.page.follow.globs import pattern_of

    accept, reject = pattern_of(follow.accept), pattern_of(follow.reject)

    def takes(url: str) -> bool:
        url = without_credentials(url)  # as the workers see it
        if reject is not None and reject.fullmatch(url):
            return False
        return accept is None or accept.fullmatch(url) is not None

    return takes


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
