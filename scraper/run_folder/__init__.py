"""A run folder before its first request.

`naming` says which folder it is, `owners` which lists it belongs to, `adoption` takes records over
whose ledger is gone, and `recovery` says what to believe of it after a power loss.
"""
