"""Commands that show what the passes of a folder have found: `changes` and `show`."""
