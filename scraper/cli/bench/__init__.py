"""`python -m scraper bench`: the same URLs one by one and concurrently, and what bounds the latter.

- `command.py`: its flags, its list, and what it says
- `lists.py`: the lists of a command that keeps nothing, of `plan` too
- `race.py`: the URLs are asked, in one session, so that politeness holds across both ways
- `bound.py`: from the steps of the URLs to what the run has waited for. Pure
"""
