"""What the journals of a run have in common.

- `recorder.py`: a journal, as the loop sees it; `journal.py` of a run folder is one
- `obedience.py`: what an answer asks of robots, and whether that is obeyed
- `found.py`: the images that pages name
- `honesty.py`: whether what came is what was asked for
- `changes.py`: how the story of each URL moves from pass to pass
- `alike.py`: which URLs of a host came to the same
"""
