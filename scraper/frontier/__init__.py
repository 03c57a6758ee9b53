"""Which URL may be requested now, and why not the others.

`frontier.Frontier` hands out tasks host by host: `pace` knows each host's clock, `robots` what its
robots.txt permits, `redirects` where an answer leads, `directives` what an answer forbids to keep.
Nothing here sleeps, and nothing here opens a connection: time is handed in as unix seconds.
"""
