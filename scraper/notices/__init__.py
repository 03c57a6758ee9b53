"""`--notify`: a command that hears of a folder when its state turns, and not each night.

edges     what turns: a function of how runs have ended
moved     what of changes.jsonl is worth a notice
notices   which notices there are: kept in the ledger until they are delivered
command   one notice on the standard input of one command
"""
