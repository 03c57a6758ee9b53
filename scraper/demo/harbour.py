"""A harbour: the timetable of its ferries in a real table, and a gallery."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from scraper.demo.drawing import html, picture_of

if TYPE_CHECKING:
    from scraper.faulty import Behaviour

TIMETABLE = ("/timetable/",)
GALLERY = ("/gallery/",)
HEADINGS = ("Day", "Ferry", "Departs", "Arrives", "Fare")
# A day of two ferries spans two rows; one that does not sail, two columns.
_SAILINGS = """
<tr><td rowspan="2">Friday</td><td>Marigold</td><td>08:15</td><td>11:40</td><td>£18.50</td></tr>
<tr><td>Heron</td><td>22:00</td><td>07:10</td><td>£42.00</td></tr>
<tr><td rowspan="2">Saturday</td><td>Marigold</td><td>09:30</td><td>12:55</td><td>£21.00</td></tr>
<tr><td>Heron</td><td colspan="2">does not sail</td><td>£42.00</td></tr>
<tr><td>Sunday</td><td>Marigold</td><td>10:00</td><td>13:25</td><td>£21.00</td></tr>
"""
# picture, colour of its thumbnail, caption, who has drawn it
_FIGURES = (
    ("lake.jpg", "#3c6e8f", "Lake before sunrise", "Ada Moreau"),
    ("dunes.jpg", "#c9974f", "Caravan", "Tom Okafor"),
    ("lighthouse.jpg", "#7d3b3b", "Lighthouse", "Inès Laurent"),
    ("balloon.png", "#b4472f", "Balloon", "Ada Moreau"),
    ("city.webp", "#23304f", "City at night", "Ruth Adeyemi"),
    ("aurora.jpg", "#1d6b5a", "Northern lights", "Tom Okafor"),
)


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there. The full pictures are those of the posters."""
    from scraper.faulty import page

    thumbnails = {
        _thumbnail(picture): picture_of(colour)
        for picture, colour, *_ in _FIGURES
    }
    return {
        TIMETABLE[0]: page(_timetable()),
        GALLERY[0]: page(_gallery()),
        **thumbnails,
    }


def _timetable() -> str:
    head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
    return html(
        "Ferries of the weekend",
        "<h1>Ferries of the weekend</h1>"
        '<table class="sailings"><caption>From the old quay</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{_SAILINGS}</tbody></table>",
        language="en-GB",
    )


def _gallery() -> str:
    figures = "".join(
        f'<figure><a href="/pictures/{picture}">'
        f'<img src="{_thumbnail(picture)}" alt="{escape(caption)}"></a>'
        f"<figcaption>{escape(caption)} <cite>{escape(artist)}</cite></figcaption>"
        "</figure>"
        for picture, _, caption, artist in _FIGURES
    )
    return html("Gallery", f"<h1>Gallery</h1>{figures}", language="en")


def _thumbnail(picture: str) -> str:
    return f"/gallery/{picture.partition('.')[0]}.png"
