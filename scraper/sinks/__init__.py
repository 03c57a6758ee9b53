"""What a run writes for its user: records, errors, log, summary, standard output.

A sink takes each outcome once it is decided, tells its position at a commit, and is cut back to
the last position after a kill.
"""
