"""One request: from a task to one fact, on a fetch thread.

`fetcher.Fetcher.fetch` returns a fact and never raises. `flight` is the request as the coordinator
sees it, which can abort it; `adapter` is all surgery on requests, and
`connections` that on urllib3; `framing` finds where an answer ends (`wire` gives it the bytes,
`head` reads the first of them, `throttle` holds them to the bandwidth), and `bodies` writes its
body to disk within its limits; `headers`, `proxies` and `certificates` say what is sent, through
whom, and who is believed.
The only part that imports another one: a connection is made by the guard.
"""
