"""Where a page leads that is to be followed.

globs       globs of URLs
leads       the links that are followed, each with how it leads on
parameters  URLs without the parameters that say nothing
"""
