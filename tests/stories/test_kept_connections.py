"""A server that closes the connections that it keeps costs no good URL."""

from __future__ import annotations

import pytest

from scraper.faulty import Exchange, FaultyServer, page
from tests.conftest import Scrape

URLS = 300


def closes_soon(exchange: Exchange) -> None:
    """Answers, promises to keep the connection, and closes it 20 ms later, asked again or not."""
    page(f"page {exchange.seen.path}")(exchange)
    exchange.wait(0.02)
    exchange.close()


@pytest.mark.parametrize("flags", [(), ("--retries", "0")])
def test_a_server_that_closes_kept_connections_early_costs_no_url(
    scrape: Scrape, flags: tuple[str, ...]
) -> None:
    with FaultyServer({"/p/*": closes_soon}) as server:
        urls = [server.url(f"/p/{n}") for n in range(URLS)]
        ended = scrape.here(scrape.list_of(*urls), *flags)
        assert (ended.code, len(ended.records)) == (0, URLS)
        assert {record["attempts"] for record in ended.records} == {1}
