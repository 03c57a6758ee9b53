"""Exports: tables of a run folder, for the tools of people who did not run it.

An export is a function of the folder: the last record of each URL (or that of a pass), filled in
where it is short, once for each row of the lists that names the URL, with the user's own columns of
that row. It is made of a snapshot of the ledger, so that a run that goes on is not disturbed and
nothing is in it that was not committed; memory does not grow with the folder. It is written beside
its place and renamed, so that a crash leaves what was there before.

`export.py` is the way from the folder to the file; a format is one module that takes rows.
"""
