"""What the ledger keeps so that links can be followed."""
