"""What the newspaper says of itself to programs: a sitemap, and a feed."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from scraper.demo.news import ARTICLES, Article

if TYPE_CHECKING:
    from scraper.faulty import Behaviour, Exchange

SITEMAP, FEED = "/sitemap.xml", "/news/feed.xml"


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there."""
    from scraper.faulty import body

    feed = body(_feed().encode(), "application/atom+xml")
    return {SITEMAP: _answer_sitemap, FEED: feed}


def _answer_sitemap(exchange: Exchange) -> None:
    """Its URLs are absolute, and the server has another port each time."""
    from scraper.faulty import body

    text = _sitemap(f"http://{exchange.seen.host}")
    body(text.encode(), "application/xml")(exchange)


def _sitemap(origin: str) -> str:
    """The front page, of which no date is said, and the articles."""
    articles = "".join(
        f"<url><loc>{origin}{each.path}</loc><lastmod>{each.day}</lastmod></url>\n"
        for each in ARTICLES
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        f"<url><loc>{origin}/news/</loc></url>\n{articles}</urlset>\n"
    )


def _feed() -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<feed xmlns="http://www.w3.org/2005/Atom">\n'
        "<title>The Harbour Gazette</title>\n"
        f"{''.join(map(_entry, ARTICLES))}</feed>\n"
    )


def _entry(article: Article) -> str:
    return (
        f'<entry><title>{escape(article.headline)}</title><link href="{article.path}"/>'
        f"<updated>{article.day}T06:00:00Z</updated></entry>\n"
    )
