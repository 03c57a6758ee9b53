"""A ledger as other processes see it: nothing on the disk changes."""
