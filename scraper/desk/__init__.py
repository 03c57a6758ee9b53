"""The two ends of a run: who brings its URLs, and who is given what they come to.

- `desk.py`: both ends, as the loop sees them, and those of a run over lists
- `delivery.py`: what a script's loop over a list is given: each URL of it once
"""
