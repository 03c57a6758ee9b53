"""Sessions: what scripts write with futures.

A session is a run whose URLs are submitted one by one, by any thread, and whose outcomes come back
as futures.

- `session.py`: `Session`, what a script has in hand
- `futures.py`: the futures, and the thread that resolves them
- `claims.py`: who waits for which URL; `folder_desk.py` puts a run folder behind that, `memory.py`
  nothing: then the session remembers what is in flight, and no more
"""
