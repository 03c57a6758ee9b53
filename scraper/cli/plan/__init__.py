"""`python -m scraper plan`: what a run would have before it, without saving anything.

- `command.py`: its flags, its lists, and how it ends
- `intake.py`: the lists, taken into a copy of the folder's ledger as a run takes them
- `rows.py`, `asking.py`: each host is asked for its robots.txt, by the frontier of a run
- `hosts.py`, `bound.py`: what a host permits, and how long its URLs take at least. The latter pure
- `plan.py`, `words.py`: all hosts, added up in little memory; that as text and as JSON
"""
