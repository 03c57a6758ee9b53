"""Which URL may be requested now, and why not the others.

`frontier.Frontier` hands out tasks host by host and takes back what came of them. Every reason not
to request a URL is a function in `rules.RULES`, asked in that order. `lanes` knows which hosts are
ready, waiting or asleep, `pace` each host's clock and troubles, `robots` what a robots.txt permits,
`directives` what an answer forbids to keep; `retries` and `redirects` say when and where a task
goes on. Nothing here sleeps, and nothing opens a connection: time is handed in as unix seconds.
"""
