"""Events that say in JSON-LD what they are, and the programme of a conference."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from msgspec import Struct

from scraper.demo.drawing import html, json_ld

if TYPE_CHECKING:
    from scraper.faulty import Behaviour


class Event(Struct, frozen=True):
    """One evening; its page is `/events/<slug>`."""

    slug: str
    name: str
    starts: str
    words: str  # how the page says when
    place: str
    price: str


class Talk(Struct, frozen=True):
    """One talk of the conference."""

    time: str
    title: str
    speakers: tuple[str, ...]


CONCERTS = (
    Event(
        "quartet",
        "A quartet in the boathouse",
        "2026-05-15T19:30:00+01:00",
        "Friday at half past seven",
        "The Boathouse",
        "14.00",
    ),
    Event(
        "sea-songs",
        "Sea songs, with soup",
        "2026-05-22T18:00:00+01:00",
        "Friday at six",
        "Net Loft",
        "9.50",
    ),
    Event(
        "organ",
        "The organ, repaired",
        "2026-06-07T16:00:00+01:00",
        "Sunday at four",
        "St Clement's",
        "0.00",
    ),
)
CONFERENCE = {
    "Thursday 14 May 2026": (
        Talk("09:30", "What a lighthouse knows", ("Inès Laurent",)),
        Talk("11:00", "Maps without north", ("Tom Okafor", "Ruth Adeyemi")),
        Talk("14:00", "The price of a bean", ("Ada Moreau",)),
    ),
    "Friday 15 May 2026": (
        Talk("09:30", "Tides for beginners", ("Ruth Adeyemi",)),
        Talk("11:00", "Ink, a workshop", ("Ada Moreau", "Inès Laurent")),
    ),
}
PROGRAMME = ("/programme/",)
EVENTS = tuple(f"/events/{event.slug}" for event in CONCERTS)


def site() -> dict[str, Behaviour]:
    """Path -> what is answered there."""
    from scraper.faulty import page

    events = {
        path: page(_page_of(event))
        for path, event in zip(EVENTS, CONCERTS, strict=True)
    }
    return {PROGRAMME[0]: page(_programme()), **events}


def _programme() -> str:
    days = "".join(
        f'<section class="day"><h2>{date}</h2>'
        f"<ol>{''.join(map(_talk, talks))}</ol></section>"
        for date, talks in CONFERENCE.items()
    )
    title = "Harbour Days, the programme"
    return html(title, f"<h1>{title}</h1>{days}", language="en-GB")


def _talk(talk: Talk) -> str:
    speakers = ", ".join(
        f'<span class="speaker">{escape(each)}</span>' for each in talk.speakers
    )
    return (
        f'<li class="talk"><time>{talk.time}</time> '
        f"<strong>{escape(talk.title)}</strong> {speakers}</li>"
    )


def _page_of(event: Event) -> str:
    name = escape(event.name)
    return html(
        f"{event.name} - Harbour Days",
        f'<h1>{name}</h1><p class="when">{escape(event.words)}, '
        f"{escape(event.place)}</p>",
        language="en-GB",
        head=json_ld(_node_of(event)),
    )


def _node_of(event: Event) -> dict[str, object]:
    return {
        "@type": "Event",
        "name": event.name,
        "startDate": event.starts,
        "location": {"@type": "Place", "name": event.place},
        "offers": {
            "@type": "Offer",
            "price": event.price,
            "priceCurrency": "GBP",
        },
    }
