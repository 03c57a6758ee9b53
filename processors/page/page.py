"""One page, as its readers see it: address, source text, tree, soup."""

import warnings
from functools import cached_property
from typing import TYPE_CHECKING

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from processors import Unusable
from processors.page.body import Body
from processors.page.charset import compare_evidence
from processors.page.gate import make_parsable

if TYPE_CHECKING:
    from bs4 import BeautifulSoup


class Page(Body):
    """A fetched page: `url` (where the body came from, absolute) and `body` are what was given.

    `text`, `tree` and `soup` are made when first asked for, then kept. The tree takes less than a
    tenth of the soup's time; the soup is there for what is easier to say in it.
    """

    def __repr__(self) -> str:
        return f"Page({self.url!r}, {len(self.body)} bytes)"

    @property
    def encoding(self) -> dict[str, str | bool | None]:
        """What HTTP, byte order mark, meta element and bytes said of it, and which of them won."""
        return compare_evidence(self.body, self._http_charset, self._decoded)

    @cached_property
    def tree(self) -> LexborHTMLParser:
        """The document as a browser without scripts would build it (selectolax, Lexbor).

        Of a page that nests beyond all reason the tags beyond a depth of 512 are left out. Raises
        Unusable `page_broken` for one of millions of elements, or thousands of attributes on one,
        and if the parser gives up; MemoryError if it does so in a process whose memory is limited.
        """
        text = make_parsable(self.text)
        try:
            return LexborHTMLParser(text)
        except (SelectolaxError, ValueError) as error:
            message = f"the HTML parser gave up: {error}"
            if isinstance(error, SelectolaxError) and _is_memory_limited():
                # Every text is HTML, so what Lexbor lacks is memory; it only says that it failed.
                raise MemoryError(message) from error
            raise Unusable("page_broken", message) from error

    @cached_property
    def soup(self) -> "BeautifulSoup":
        """The document as a BeautifulSoup, by lxml if it is installed, else by the stdlib's parser.

        Built from the text: given bytes, bs4 believes the page's own charset over HTTP's.
        """
        from bs4 import BeautifulSoup
        from bs4.exceptions import FeatureNotFound

        with warnings.catch_warnings():
            # That it looks like XML, or like a file's name: it came as a page, and is read as one.
            warnings.simplefilter("ignore")
            try:
                return BeautifulSoup(self.text, "lxml")
            except FeatureNotFound:
                return BeautifulSoup(self.text, "html.parser")


def _is_memory_limited() -> bool:
    """Is there a limit on the address space of this process? Windows has none."""
    try:
        import resource
    except ImportError:
        return False
    return resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
