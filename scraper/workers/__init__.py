"""Processes that parse and convert. Empty but for this line: every child imports it."""
