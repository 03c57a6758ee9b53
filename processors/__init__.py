"""What the bytes of one page or picture say: plain functions, callable at a prompt.

This package knows nothing of the scraper, and is all that a worker process imports. Its rooms:

    page      bytes of a page -> facts
    file      what is neither page nor picture, as its readers see it
    functions a user's function, and what it is given -> plain data
    recipes   what is wanted of a page, said without Python -> fields and items
    image     a picture on disk -> a smaller, upright one, and the facts of both
"""


class Unusable(ValueError):
    """The content cannot be used; `kind` can be counted, the message can be read by its owner.

    Kinds: `image_broken` (cannot be decoded), `image_truncated` (ends too early),
    `image_too_large` (more pixels than allowed), `page_broken` (the parser gave up),
    `json_broken` (what is called JSON is none),
    `function_failed` (the user's function raised, or returned what is not plain data),
    `field_missing` (a recipe requires what the page does not have), `field_invalid` (a value of a
    recipe does not fit its type); `filtered_...` of a picture that filters leave out.
    """

    def __init__(self, kind: str, message: str) -> None:
        # Both go to the base class: unpickling calls the class with `args`.
        super().__init__(kind, message)
        self.kind = kind
        self.message = message

    def __str__(self) -> str:
        return self.message
