"""Bytes of a page to its facts.

charset       bytes -> text, by the WHATWG's rules
page          a page as its readers see it: source, tree, soup
facts         a page -> its facts
links         where it leads
references    what a page refers to -> absolute URLs
visible_text  what a reader sees of it
functions     a page and a user's function -> plain data
"""

from processors.page.page import Page

__all__ = ["Page"]
