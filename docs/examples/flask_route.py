"""A route of Flask that looks at URLs for its visitors, by one session for all of them.

What a visitor names is not your list. With `private="never"` nobody makes your server ask what
only your server can reach: its own ports, your network, the credentials of its cloud.
"""

import flask

import scraper
from scraper import demo

app = flask.Flask(__name__)
# The network of the demo; leave it out where visitors come from elsewhere.
session = scraper.Session(
    save_only=True, private="never", allow_networks=["127.0.0.1/32"]
)


@app.get("/look")
def look() -> dict[str, str]:
    urls = flask.request.args.getlist("url")[:20]
    return {
        each.url: each.reason or each.state
        for each in session.map(urls, timeout=30)
    }


def main() -> None:
    with demo.serve() as site, session:
        urls = [
            site.server.url("/lake"),
            site.server.url("/sold-out"),
            "http://[::1]:6379/",
        ]
        visitor = app.test_client()
        answer = visitor.get("/look", query_string={"url": urls})
        for url, said in answer.json.items():
            print(url, said)


if __name__ == "__main__":
    main()
