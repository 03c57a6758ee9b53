"""The bytes of a page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from benchmarks.sites.model import HTML, XHTML, Link, Page

TITLES = {"shift_jis": "頁 ", "iso-8859-1": "Début "}
# What holds a reference that is none of the page's.
DECOYS = (
    '<!-- <a href="/decoy/comment">no</a> -->',
    "<script>document.title = '<a href=\"/decoy/script\">no</a>'</script>",
    '<p title="&lt;a href=/decoy/title&gt;">A paragraph.</p>',
    '<p data-href="/decoy/data">Another one.</p>',
)


def body_of(page: Page) -> bytes:
    """As it is answered."""
    if page.type not in (HTML, XHTML):
        return _plain(page).encode()
    return "\n".join(_lines(page)).encode(page.charset, "xmlcharrefreplace")


def _plain(page: Page) -> str:
    links = "\n".join(map(_element, page.links))
    return f"{page.text}\n{links}\n"


def _lines(page: Page) -> Iterator[str]:
    name = f"{page.place.host}{page.place.path}"
    yield from _beginning(page.type)
    yield f'<meta charset="{page.charset}" />'
    yield f"<title>{TITLES.get(page.charset, '')}{escape(name)}</title>"
    if page.robots_meta:
        yield f'<meta name="ROBOTS" content="{page.robots_meta}" />'
    if page.base:
        yield f'<base href="{escape(page.base)}" />'
        yield '<base href="http://nobody.localhost/second/base/" />'
    yield from (_element(each) for each in page.links if each.tag == "link")
    yield "</head>"
    frames = [_element(each) for each in page.links if each.tag == "frame"]
    if frames:
        yield from ("<frameset>", *frames, "</frameset></html>")
        return
    yield f"<body><h1>{escape(name)}</h1>"
    yield f"<p>{page.text}</p>"
    yield from DECOYS
    for link in page.links:
        if link.tag != "link":
            yield f"<p>{_element(link)}</p>"
    yield "</body></html>"


def _beginning(type: str) -> Iterator[str]:
    if type == XHTML:
        yield '<?xml version="1.0" encoding="utf-8"?>'
        yield '<html xmlns="http://www.w3.org/1999/xhtml"><head>'
    else:
        yield "<!doctype html>"
        yield '<html lang="en"><head>'


def _element(link: Link) -> str:
    name = "src" if link.tag in ("iframe", "frame") else "href"
    said = f'{name}="{escape(link.reference)}"'
    if link.rel:
        said += f' rel="{link.rel}"'
    if link.is_next:
        said += ' class="page next"'
    if link.tag in ("link", "frame"):
        return f"<{link.tag} {said} />"
    if link.tag == "area":
        return f"<map><area {said} /></map>"
    return f"<{link.tag} {said}>there</{link.tag}>"
