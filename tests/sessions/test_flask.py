"""A session behind a route of a web application: one for all requests, from many threads."""

from __future__ import annotations

import concurrent.futures
import importlib
import os
from typing import Any

import pytest

from scraper.faulty import FaultyServer, page, status
from tests.sessions.gates import PATIENCE, session

pytestmark = pytest.mark.readers


def flask_or_skip() -> Any:
    """Flask; where it must be there, its absence is an error."""
    if os.environ.get("SCRAPER_READERS"):
        return importlib.import_module("flask")
    return pytest.importorskip("flask")


def test_a_route_gives_what_comes_and_what_fails() -> None:
    flask = flask_or_skip()
    app = flask.Flask("shop")
    behaviours = {"/gone": status(404), "/*": page("<title>A page</title>")}
    with FaultyServer(behaviours) as server, session() as shared:

        @app.route("/states")  # type: ignore[untyped-decorator]
        def states() -> dict[str, str]:
            urls = flask.request.args.getlist("url")
            futures = {shared.submit(url): url for url in urls}
            done = concurrent.futures.as_completed(futures, PATIENCE)
            return {futures[each]: each.result().state for each in done}

        def ask(number: int) -> dict[str, str]:
            urls = [server.url(f"/{number}"), server.url("/gone"), "no url"]
            answer = app.test_client().get(
                "/states", query_string={"url": urls}
            )
            found: dict[str, str] = answer.get_json()
            assert sorted(found) == sorted(urls)
            return found

        with concurrent.futures.ThreadPoolExecutor(8) as users:
            for number, found in enumerate(users.map(ask, range(24))):
                assert found.pop(server.url(f"/{number}")) == "done"
                assert set(found.values()) == {"failed"}
