"""The peers: small scripts, each run in an environment of its own. They import nothing of ours.

All take a list of URLs and an output folder, which they make.
"""
