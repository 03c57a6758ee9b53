"""Who may be connected to.

`guard.Guard` resolves a name, checks every address against the permissions of the run and makes
the connection to one that it has checked, so that no redirect and no DNS answer leads elsewhere.
Its parts: `allowlist` (the hosts that may be asked), `addresses` (public, private or link-local),
`permissions` (the table of what each task may reach) and `resolver` (names to addresses, at the
rate that `lookup_rate` learns).
"""
