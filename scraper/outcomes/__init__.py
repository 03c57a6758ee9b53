"""The last word on one URL, and what it has brought.

An `Outcome` (outcome.py) is what a run yields: each URL gets exactly one in each pass. It holds the
record; the files that the URL has brought stay in their `Place` (places.py) and are read when they
are asked for, by this process or by one that the outcome was sent to.
"""
