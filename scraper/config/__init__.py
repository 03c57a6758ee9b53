"""One frozen, validated tree of settings: defaults < TOML < SCRAPER_* variables < flags.

    configure(threads=8).run.threads

Settings are of two kinds: scalars in sections (`[run]`), and lists of tables (`[[name]]`).

- `settings.py` declares the sections and every key: a new setting is one field there
- `keys.py`, `schema.py`: what follows from a declaration: flag, variable, unit, place in the tree
- `values.py`: what is accepted as a value, and what is said of a wrong one; `tables.py`: the same
  for lists of tables
- `loading.py`: the layers, and which of them has the last word; `profiles.py`: the configurations
  that come with the program
- `reference.py`: the tree as TOML
"""

from scraper.config.keys import Key
from scraper.config.loading import (
    Origins,
    configure,
    fate_of_flag,
    load,
    value_of,
    with_defaults,
    with_keys,
)
from scraper.config.profiles import file_or_profile
from scraper.config.reference import as_toml
from scraper.config.settings import (
    KEYS,
    VARIANT_NAME,
    Config,
    FetchSettings,
    FileSettings,
    HostSettings,
    ImageSettings,
    InputSettings,
    OutputSettings,
    PageSettings,
    RunSettings,
    TrapSettings,
    VariantSettings,
    WorkerSettings,
    files_of,
)

__all__ = [
    "KEYS",
    "VARIANT_NAME",
    "Config",
    "FetchSettings",
    "FileSettings",
    "HostSettings",
    "ImageSettings",
    "InputSettings",
    "Key",
    "Origins",
    "OutputSettings",
    "PageSettings",
    "RunSettings",
    "TrapSettings",
    "VariantSettings",
    "WorkerSettings",
    "as_toml",
    "configure",
    "fate_of_flag",
    "file_or_profile",
    "files_of",
    "load",
    "value_of",
    "with_defaults",
    "with_keys",
]
