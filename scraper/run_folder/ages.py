"""From which age on URLs are due again, as a configuration says it."""

from __future__ import annotations

from scraper.config import Config
from scraper.config.values import seconds_of
from scraper.errors import UsageError
from scraper.run_folder.recipes import patterns_of
from scraper.storage.due.ages import Ages

Age = str | float | None


def ages_of(config: Config, max_age: Age = None) -> Ages | None:
    """`max_age` counts before that of the configuration. None: nothing is due for its age."""
    if max_age is None:
        max_age = config.run.max_age or None
    of_all = None if max_age is None else seconds_of("max_age", max_age)
    said = [each.max_age for each in config.recipe]
    if not any(said):
        return None if of_all is None else Ages(of_all)
    of_patterns = tuple(
        (pattern, seconds_of("max_age", age))
        for pattern, age in zip(patterns_of(config), said, strict=True)
        if age
    )
    return Ages(of_all, of_patterns)


def ages_of_run(
    config: Config,
    max_age: Age,
    *,
    asks_otherwise: bool,
) -> Ages | None:
    """The same for a run. `--retry` and `--refresh` say themselves what is asked again: what the
    configuration says counts for nothing beside them, and what is given with them is refused."""
    if not asks_otherwise:
        return ages_of(config, max_age)
    if max_age is not None:
        raise UsageError(
            "max_age asks again what is older, refresh everything, retry what failed:"
            " give one of them"
        )
    return None
