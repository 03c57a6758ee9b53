"""Commands that take from a run folder what it need not hold."""
