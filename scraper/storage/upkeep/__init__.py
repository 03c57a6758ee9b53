"""What a ledger need not hold any more."""
