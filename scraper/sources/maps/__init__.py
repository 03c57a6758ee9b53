"""Sitemaps and feeds: lists that sites make of themselves, for programs.

They are tables whose columns are known beforehand. Their first element says which format it is,
whatever they are called.

- `markup.py`: XML from outside, piece by piece, without what can be done with it to its reader
- `vocabulary.py`: which elements say what, in sitemaps, RSS and Atom, and which of these it is
- `entries.py`: one row for each entry, as it stands there
- `open_map.py`: these rows as a table
- `moments.py`: until when a page was changed last
"""
