"""One body with its address, and the text that it is read as."""

from functools import cached_property

from processors.page.charset import Decoded, decode


class Body:
    """What a page and a file have in common: `url` (where the body came from, absolute) and `body`
    are what was given; `text` is made when first asked for, then kept."""

    def __init__(
        self, url: str, body: bytes, charset: str | None = None
    ) -> None:
        """`charset` is the one of HTTP's Content-Type, as it came, if it came."""
        self.url = url
        self.body = body
        self._http_charset = charset

    @cached_property
    def _decoded(self) -> Decoded:
        return decode(self.body, self._http_charset)

    @property
    def text(self) -> str:
        """The body, decoded; free of NUL and of lone surrogates."""
        return self._decoded.text

    @property
    def charset(self) -> str:
        """The encoding that the text was read with, by its WHATWG name in lower case."""
        return self._decoded.charset
