"""The pictures that a page names.

elements       elements of a page -> the pictures that they name
offers         attributes of an element -> the files that they offer, the better ones first
srcset         the files of a picture -> the right one for a width
backgrounds    a style attribute -> the files of its pictures
media_queries  is something meant for a screen so wide?
css            texts of CSS -> component values
css_lengths    component values -> pixels
"""
