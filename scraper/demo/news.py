"""A small newspaper: articles with an author, a date in words and tags, one of them in French."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from msgspec import Struct

from scraper.demo.drawing import html

if TYPE_CHECKING:
    from scraper.faulty import Behaviour


class Article(Struct, frozen=True):
    """One article; its page is `/news/<slug>`."""

    slug: str
    headline: str
    byline: str
    date: str  # as the page says it
    day: str  # the same
    tags: tuple[str, ...]
    words: str
    language: str = "en"

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/news/{self.slug}"


ARTICLES = (
    Article(
        "ferry-returns",
        "Night ferry returns after nine years",
        "By Ada Moreau",
        "Tuesday, 3 March 2026",
        "2026-03-03",
        ("harbour", "transport"),
        "The Marigold leaves at ten and arrives for breakfast.",
    ),
    Article(
        "library-roof",
        "Library reopens under a roof of glass",
        "By Tom Okafor",
        "17 February 2026",
        "2026-02-17",
        ("culture", "building"),
        "The reading room is dry for the first winter since the war.",
    ),
    Article(
        "market-hall",
        "Market hall to stay open on Sundays",
        "By Ada Moreau",
        "February 9, 2026",
        "2026-02-09",
        ("market",),
        "Bakers were in favour, their families less so.",
    ),
    Article(
        "phare",
        "Le phare reçoit ses premiers visiteurs",
        "Par Inès Laurent",
        "21 janvier 2026",
        "2026-01-21",
        ("port", "culture"),
        "Cent douze marches, et le vent en haut.",
        "fr",
    ),
    Article(
        "tide-clock",
        "Town hall clock now shows the tide as well",
        "By Tom Okafor",
        "30 December 2025",
        "2025-12-30",
        ("harbour", "town hall"),
        "It has two hands more, and is right four times a day.",
    ),
    Article(
        "seed-library",
        "Seed library lends its thousandth bean",
        "By Ruth Adeyemi",
        "11 November 2025",
        "2025-11-11",
        ("garden",),
        "It is due back in September.",
    ),
)
PATHS = tuple(article.path for article in ARTICLES)


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there."""
    from scraper.faulty import page

    pages = {
        path: page(_page_of(article))
        for path, article in zip(PATHS, ARTICLES, strict=True)
    }
    return {"/news/": page(_front_page()), **pages}


def _front_page() -> str:
    headlines = "".join(
        f'<li><a href="{each.path}">{escape(each.headline)}</a></li>'
        for each in ARTICLES
    )
    title = "The Harbour Gazette"
    return html(title, f"<h1>{title}</h1><ul>{headlines}</ul>", language="en")


def _page_of(article: Article) -> str:
    tags = "".join(
        f'<li><a rel="tag" href="/news/">{escape(tag)}</a></li>'
        for tag in article.tags
    )
    return html(
        f"{article.headline} - The Harbour Gazette",
        f'<article><h1>{escape(article.headline)}</h1><p class="byline">'
        f'<span class="author">{escape(article.byline)}</span> · '
        f'<span class="date">{escape(article.date)}</span></p>'
        f'<p>{escape(article.words)}</p><ul class="tags">{tags}</ul></article>',
        language=article.language,
    )
