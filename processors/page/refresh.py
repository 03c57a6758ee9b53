"""Where a page sends its reader on by itself: `<meta http-equiv=refresh>`.

HTML Standard, "shared declarative refresh steps":
https://html.spec.whatwg.org/multipage/document-lifecycle.html#shared-declarative-refresh-steps
"""

import re
from collections.abc import Iterable
from typing import Any, Final

import can_ada
from selectolax.lexbor import LexborNode

from processors.page.page import Page
from processors.page.references import MAX_URL_CHARS, base_of

MAX_SECONDS: Final = 10**9
MAX_SECONDS_FOLLOWED: Final = 30

# Seconds, whose fraction is nothing; then, behind a sign or a space, the address.
_REFRESH: Final = re.compile(
    r"""[\t\n\f\r ]*+ (?: ([0-9]++) | (?=\.) ) [0-9.]*+
    (?: $ | (?=[\t\n\f\r ;,]) [\t\n\f\r ]*+ [;,]? [\t\n\f\r ]*+ (.*) )""",
    re.VERBOSE | re.DOTALL,
)
_URL: Final = re.compile(
    r"""(?: [Uu][Rr][Ll] [\t\n\f\r ]*+ = [\t\n\f\r ]*+ )?+
    (?: "([^"]*) | '([^']*) | (.*) )""",
    re.VERBOSE | re.DOTALL,
)


def refresh_of(
    url: str, base: can_ada.URL, metas: Iterable[LexborNode]
) -> dict[str, Any] | None:
    """Seconds and URL of the first that means something; None if there is none.

    What stands in `noscript` is not what most readers see.
    """
    for node in metas:
        said = node.attributes
        if (said.get("http-equiv") or "").lower() != "refresh":
            continue
        parent = node.parent
        if parent is not None and parent.tag == "noscript":
            continue
        refresh = parse_refresh(url, base, said.get("content") or "")
        if refresh is not None:
            return refresh
    return None


def followed_url(page: Page) -> str | None:
    """Where a reader of this page soon is, if it is another page."""
    if "refresh" not in page.text.lower():
        return None
    tree = page.tree
    base = base_of(page.url, tree.css("base"))
    refresh = refresh_of(page.url, base, tree.css("meta"))
    if refresh is None or refresh["seconds"] > MAX_SECONDS_FOLLOWED:
        return None
    own, target = page.url.partition("#")[0], refresh["url"].partition("#")[0]
    return None if target == own else target


def parse_refresh(
    url: str, base: can_ada.URL, content: str
) -> dict[str, Any] | None:
    """What a `content` means; `url` is the page's own, which is meant if there is no other."""
    found = _REFRESH.match(content)
    if found is None:
        return None
    digits, address = found[1] or "0", found[2]
    seconds = int(digits) if len(digits) < 10 else MAX_SECONDS
    target = _joined(base, address) if address else url
    return {"seconds": seconds, "url": target} if target else None


def _joined(base: can_ada.URL, address: str) -> str | None:
    quoted = _URL.match(address)
    assert quoted is not None, "anything matches"
    try:
        target = str(base + (quoted[1] or quoted[2] or quoted[3] or ""))
    except ValueError:
        return None
    is_url = target.startswith(("http://", "https://"))
    return target if is_url and len(target) <= MAX_URL_CHARS else None
