"""`python -m scraper.faulty`: the zoo, until Ctrl-C."""

from __future__ import annotations

import argparse
import threading
from contextlib import suppress

from scraper.faulty.server import FaultyServer, Seen
from scraper.faulty.zoo import zoo


def main() -> None:
    """Serve, and print each request."""
    parser = argparse.ArgumentParser(
        prog="python -m scraper.faulty",
        description="Serve one of each kind of misbehaviour; the index is at /.",
    )
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (%(default)s)"
    )
    parser.add_argument(
        "--port",
        type=int,
        default=8000,
        help="0 takes a free one (%(default)s)",
    )
    parser.add_argument(
        "--quiet", action="store_true", help="do not print the requests"
    )
    arguments = parser.parse_args()
    told = None if arguments.quiet else tell
    with FaultyServer(
        zoo(), arguments.host, arguments.port, on_request=told
    ) as server:
        print(f"{server.url()}  (Ctrl-C ends it)", flush=True)
        with suppress(KeyboardInterrupt):
            threading.Event().wait()


def tell(seen: Seen) -> None:
    """One request, one line."""
    print(
        f"{seen.n:6}  connection {seen.connection:<4}  {seen.method} {seen.path}",
        flush=True,
    )


if __name__ == "__main__":
    main()
