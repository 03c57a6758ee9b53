"""An internet that is played on a virtual clock, and the real program asking it.

`world` holds the hosts, the network and its log; `behaviours` says what hosts do; `machine` stands
in for clock, inbox, threads and fetcher of one run, and `folder` runs, kills and resumes real runs
with it. `scenarios` are the plays; `promises` reads from the world's log which of the program's
promises were broken, `bounds` how much it may ask at most, and for how long.
"""
