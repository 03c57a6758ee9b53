"""Bytes of a page to its facts.

charset       bytes -> text, by the WHATWG's rules
page          a page as its readers see it: source, tree, soup
facts         a page -> its facts
head          what it says of itself: title, description, canonical, language, robots
metas         its meta elements; OpenGraph, Twitter card
links         where it leads; its feeds and other forms
images        the pictures that it names
refresh       where it sends its reader on by itself
json_ld       JSON-LD, as it stands and flat
byline        who has written it, and when
dates         dates as pages write them
references    what a page refers to -> absolute URLs
attention     which parts of a page count
visible_text  what a reader sees of it, its headings and links
flags         what it seems to be instead of what was asked for
signs         by which that shows
article       its article, without what stands around it
functions     a page and a user's function -> plain data
"""

from processors.page.page import Page

__all__ = ["Page"]
