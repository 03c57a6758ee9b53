"""A misbehaving HTTP server, for testing scrapers: this one or yours.

    from scraper.faulty import FaultyServer, delay, page, sequence, status

    def test_a_503_is_asked_again():
        with FaultyServer({"/": sequence(status(503), page("<p>Here."))}) as server:
            my_scraper(server.url("/"))
            assert server.count("/") == 2

A behaviour is a function that answers one `Exchange`; those of `scraper.faulty.behaviours` are
small and compose. The server listens on 127.0.0.1, logs each request as a `Seen`, and leaves no
thread behind. `python -m scraper.faulty` serves one of each kind. Standard library only.
"""

from scraper.faulty import behaviours
from scraper.faulty.behaviours import *  # noqa: F403  # its __all__ is the index
from scraper.faulty.server import (
    Behaviour,
    Exchange,
    FaultyServer,
    Seen,
    closed_port,
    unaccepting,
)

__all__ = [
    "Behaviour",
    "Exchange",
    "FaultyServer",
    "Seen",
    "closed_port",
    "unaccepting",
]
__all__ += behaviours.__all__
