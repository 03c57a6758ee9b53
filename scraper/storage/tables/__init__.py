"""Tables of the ledger that are asked for a row at a time."""
