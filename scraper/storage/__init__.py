"""What a run remembers: a ledger (SQLite, one writer, the coordinator), and files below its folder.

`ledger` opens the file and has a part for each client: `intake` for the reader of lists, `lanes`
and `hosts` for the frontier, `links` and `spans` for the journal and who reads records back,
`passes` and `sources` for the run. `schema` declares tables and columns, once. `status` is what
another process may see; it reads by `reading`, which changes nothing on the disk.

`store` opens the run folder and publishes files under the names that `file_names` gives them.
Only this part works with sqlite3.
"""
