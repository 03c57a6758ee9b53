"""Generated sites whose every page is known, and what is to be asked of them, worked out apart.

`model` has the nouns: places, links, pages. `generate` draws a site from a seed, `pages` and `odd`
are its parts, `spelling` writes each reference in one of the many ways in which a browser would
understand it. `render` makes bytes of a page, `serving` answers with them, badly where the model
says so, and counts what was asked. `truth` is a function of the model alone: it shares nothing
with the program, neither its parser nor its rules. `traps` is a site without end.
"""
