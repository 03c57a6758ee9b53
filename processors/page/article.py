"""The article of a page, without what stands around it, by trafilatura, which is an extra."""

import logging

from processors.page.page import Page


def article_of(page: Page) -> str | None:
    """The text of the article; None where there is none. It takes ten times as long as the rest."""
    # It is large: what does not ask for articles does not import it.
    import trafilatura

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        text: str | None = trafilatura.extract(
            page.text, include_comments=False
        )
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  it does not say what it may raise
        return None
    return text or None
