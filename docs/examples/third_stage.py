"""Three stages: fetched by threads, read by processes, and rows into a database by one thread.

A callback gives each outcome to an executor of yours. So the database has one writer, and a
slow disk holds up neither requests nor other callbacks.
"""

import sqlite3
from concurrent.futures import Future, ThreadPoolExecutor

import scraper
from scraper import demo

PATHS = ["/lake", "/dunes", "/sold-out"]


def main() -> None:
    # This thread makes the connection, another one writes: SQLite wants to be told.
    db = sqlite3.connect("pages.db", check_same_thread=False)
    db.execute("CREATE TABLE IF NOT EXISTS pages (path UNIQUE, status, title)")
    written: list[Future[None]] = []

    def insert(*row: object) -> None:
        with db:
            db.execute("REPLACE INTO pages VALUES (?, ?, ?)", row)

    with demo.serve() as site, ThreadPoolExecutor(1) as writer:

        def store(future: scraper.Future) -> None:
            record = future.result().record
            path = record["url"].removeprefix(site.server.url(""))
            row = path, record["status"], record.get("title")
            written.append(writer.submit(insert, *row))

        with scraper.Session() as session:
            for path in PATHS:
                future = session.submit(site.server.url(path))
                future.add_done_callback(store)
    for each in written:
        each.result()  # raises what the database has raised
    for row in db.execute("SELECT * FROM pages ORDER BY path"):
        print(*row)
    db.close()


if __name__ == "__main__":
    main()
