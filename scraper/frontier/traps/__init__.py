"""What leads on without end: which pages that were found are not worth asking, and why.

`paths` has what shows in a path alone: segments that repeat, numbers and ids, dates. `sameness`
learns from the pages that came which `parts` of a host's URLs make no difference: session ids,
sort orders, facets, months without events, folders that stand in themselves. `memory` is what it
compares with, and does not grow with the site.
"""
