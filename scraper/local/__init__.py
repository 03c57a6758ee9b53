"""Files of this machine in the place of answers: what `process` reads, and no other run.

- `addresses.py`: a path as the URL under which a file is known
- `listing.py`: which files the words of a user mean: folders, files, globs
- `reading.py`: one file as the fact that a request would have come to

An address is `file://localhost/...`. No list, redirect or page can name one: `urls.canonical`
refuses the scheme, and so does every guard but that of such a run.
"""
