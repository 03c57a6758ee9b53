"""A server of twenty flags: slow with some of them, failing once for others, and without two."""

import io

from PIL import Image

from scraper.faulty import FaultyServer, body, delay, sequence, status

COUNTRIES = ["CN", "IN", "US", "ID", "BR", "PK", "NG", "BD", "RU", "JP",
             "MX", "PH", "VN", "ET", "EG", "DE", "IR", "TR", "CD", "FR"]  # fmt: skip
SLOW = {"US", "NG", "JP", "DE"}
FAILS_ONCE = {"BR", "VN", "FR"}
MISSING = {"ET", "CD"}
COLOURS = ["red", "white", "blue", "green", "gold", "black", "orange"]


def flag(country: str) -> bytes:
    """A flag of three stripes. It is not the right one."""
    picture = Image.new("RGB", (60, 30))
    for place in range(3):
        colour = COLOURS[(ord(country[place % 2]) + place) % len(COLOURS)]
        picture.paste(colour, (20 * place, 0, 20 * place + 20, 30))
    file = io.BytesIO()
    picture.save(file, "GIF")
    return file.getvalue()


def site() -> FaultyServer:
    """A server for one walk through all of them."""
    behaviours = {}
    for country in COUNTRIES:
        answer = body(flag(country), "image/gif")
        if country in SLOW:
            answer = delay(0.2, answer)
        if country in FAILS_ONCE:
            answer = sequence(status(502), answer)
        if country in MISSING:
            answer = status(404)
        behaviours[f"/{country.lower()}.gif"] = answer
    return FaultyServer(behaviours)
