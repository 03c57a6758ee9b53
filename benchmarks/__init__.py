"""Side-by-side measurements: `python -m benchmarks --help`.

Each command measures this program and its pinned peers in turns, on loopback, in one run; only the
ratios of such a run carry over to another machine or day.
"""
