"""What is read back from a run: its counts in `summary`, its last records in `records`."""
