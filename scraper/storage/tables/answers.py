"""What of an answer the ledger takes from a new one, and what stays from those before."""

from __future__ import annotations

from collections.abc import Iterable

from scraper.errors import FILTERED, LASTING

# Most columns take what the answer says; where it says nothing, these stay from the last time.
_KEPT = 'coalesce(excluded."{0}", "{0}")'


def lasts(column: str = "error_kind") -> str:
    """Was the answer as good as it will be, if not of use?"""
    return f"coalesce({column} IN {tuple(sorted(LASTING))}, true)"


def was_filtered(column: str = "error_kind") -> str:
    """Was it left out by a filter? Then nothing is kept, and its validators are."""
    return f"{column} IN {tuple(sorted(FILTERED))}"


# What a filter leaves out goes, whatever an earlier pass has kept.
_KEPT_UNLESS_FILTERED = f"""CASE WHEN {was_filtered("excluded.error_kind")}
  THEN NULL ELSE {_KEPT} END"""
# A 304 need not repeat the validators that it was asked with; what is to be had again keeps none.
_KEPT_BY_304 = f"""coalesce(excluded."{{0}}",
    CASE WHEN excluded.status = 304 AND {lasts("excluded.error_kind")}
      THEN "{{0}}" END)"""
_EXCEPTIONS = {
    **dict.fromkeys(
        ("type", "sha256", "flags", "validators_url"),
        _KEPT,
    ),
    # A body that was saved, and not processed, is so by no means of an earlier pass.
    "process_hash": f"""CASE WHEN excluded.path IS NULL THEN {_KEPT}
  ELSE excluded."{{0}}" END""",
    "path": _KEPT_UNLESS_FILTERED,
    **dict.fromkeys(("etag", "last_modified"), _KEPT_BY_304),
}
_CHANGES = """changed_pass = CASE WHEN excluded.sha256 IS NULL OR excluded.sha256 IS sha256
    THEN changed_pass ELSE excluded.changed_pass END,
  previous_sha256 = CASE WHEN excluded.sha256 IS NULL THEN previous_sha256 ELSE sha256 END,
  good_at = CASE WHEN excluded.error_kind IS NOT NULL
    THEN CASE WHEN error_kind IS NULL THEN fetched_at ELSE good_at END END"""
# When a URL was last good, whatever has come since.
GOOD_AT = "CASE WHEN error_kind IS NULL THEN fetched_at ELSE good_at END"


def keep_answers(
    columns: Iterable[str], rows: str, kept: Iterable[str] = ()
) -> str:
    """Take these columns of `answer` from `rows`, which have `id` and `pass` besides.

    `kept` are columns that stay where nothing is said of them, besides those that always do.
    """
    expressions = {**_EXCEPTIONS, **dict.fromkeys(kept, _KEPT)}
    quoted = ", ".join(f'"{name}"' for name in columns)
    values = [
        f'"{name}" = ' + expressions.get(name, 'excluded."{0}"').format(name)
        for name in columns
    ]
    return f"""INSERT INTO answer (id, changed_pass, {quoted})
  SELECT id, CASE WHEN sha256 IS NOT NULL THEN pass END, {quoted} FROM {rows} WHERE true
  ON CONFLICT (id) DO UPDATE SET {", ".join([*values, _CHANGES])}"""
