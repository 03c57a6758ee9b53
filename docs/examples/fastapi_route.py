"""The same route of FastAPI: it waits in asyncio, and holds no thread meanwhile.

What a visitor names is not your list. With `private="never"` nobody makes your server ask what
only your server can reach: its own ports, your network, the credentials of its cloud.
"""

from typing import Annotated

import fastapi
from fastapi.testclient import TestClient

import scraper
from scraper import demo

app = fastapi.FastAPI()
# The network of the demo; leave it out where visitors come from elsewhere.
session = scraper.Session(
    save_only=True, private="never", allow_networks=["127.0.0.1/32"]
)


@app.get("/look")
async def look(
    url: Annotated[list[str], fastapi.Query(max_length=20)],
) -> dict[str, str]:
    return {
        each.url: each.reason or each.state
        async for each in session.astream(url)
    }


def main() -> None:
    with demo.serve() as site, session, TestClient(app) as visitor:
        urls = [
            site.server.url("/lake"),
            site.server.url("/sold-out"),
            "http://[::1]:6379/",
        ]
        answer = visitor.get("/look", params={"url": urls})
        for url, said in sorted(answer.json().items()):
            print(url, said)


if __name__ == "__main__":
    main()
