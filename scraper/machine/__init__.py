"""This machine: files opened by descriptor, streams, descriptors, cores, temporary folders.

Part of the vocabulary: every module may import it, and it knows nothing of URLs.
"""
