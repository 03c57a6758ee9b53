"""In asyncio: outcomes as they end, or one future awaited. The event loop is never blocked."""

import asyncio

import scraper
from scraper import demo


async def look(site: demo.Demo, session: scraper.Session) -> None:
    done = 0
    async for outcome in session.astream(site.urls):
        done += outcome.state == "done"
    print(done, "of", len(site.urls), "pages")

    future = session.submit(site.server.url("/lake"))
    async with asyncio.timeout(10):
        outcome = await asyncio.wrap_future(future)
    print(outcome.page.tree.css_first("h1.name").text())


def main() -> None:
    with demo.serve("inks") as site, scraper.Session(save_only=True) as session:
        asyncio.run(look(site, session))


if __name__ == "__main__":
    main()
