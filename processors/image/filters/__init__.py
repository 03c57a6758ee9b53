"""Which pictures are of no use.

rules  what is asked of their bytes and sizes
blank  whether there is anything to be seen
"""
