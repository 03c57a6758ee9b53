"""One request: from a task to one fact, on a fetch thread.

`fetcher.Fetcher.fetch` returns a fact and never raises; `bodies` writes a body to disk within its
limits, `framing` judges what the server announces of it, `proxies` says through whom to ask.
The only part that imports another one: a connection is made by the guard.
"""
