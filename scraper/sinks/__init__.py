"""Where the outcomes of a run go.

A sink takes each outcome once it is decided, says its position at each commit, and goes back to
the last position after a kill (`sink.py` has the protocol and the table). The journal's own two
logs are sinks that each run has: the records, which are the truth, and run.log, which takes notes
besides. What follows from the whole folder (an export) is not a sink: it is made of the records
when a run has ended, appears by one rename, as `summary_file.py` does it, and has no position.
"""
