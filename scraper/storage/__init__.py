"""What a run remembers: `ledger` (SQLite, one writer) and `store` (files below the run folder).

`reading` looks into a ledger without changing anything on the disk, `adopted` makes rows of
records. Only this part works with sqlite3.
"""
