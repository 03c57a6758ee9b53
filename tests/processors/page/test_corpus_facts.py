"""Each fact of each page of the corpus, beside what a BeautifulSoup finds that knows nothing of us.

Both trees follow the HTML standard, but by different programs (Lexbor, html5lib), and they agree on
every page. A new page on which they do not stands in `DIFFERENT`, with the reason.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import can_ada
import pytest
from bs4 import BeautifulSoup
from bs4.element import CData, PreformattedString, Tag

from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from tests.conftest import PROJECT
from tests.processors.page.expected_pictures import ExpectedPictures

CORPUS = PROJECT.parent / "shared" / "corpus" / "pages"
PAGES = sorted(CORPUS.glob("*.html"))
URL = "https://example.org/where/it/was.html"

pytestmark = pytest.mark.skipif(not PAGES, reason="no ../shared/corpus here")

# By key, the pages whose fact is another one, and why.
DIFFERENT: dict[str, dict[str, str]] = {}


# -- what a soup finds -------------------------------------------------------------------------


class Expected:
    """The facts of one page, one method each, by the words of docs/records.md."""

    def __init__(self, text: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.soup = BeautifulSoup(text, "html5lib")
        for template in self.soup.find_all("template"):
            template.decompose()
        self.base = can_ada.parse(URL)
        base = self.soup.find("base", href=True)
        if base:
            self.base = can_ada.parse(URL) + base["href"]
        self.named = [
            (
                {
                    self.attribute(meta, each).strip().lower()
                    for each in ("name", "property", "itemprop")
                },
                " ".join(self.attribute(meta, "content").split()),
            )
            for meta in self.soup.find_all("meta")
        ]

    def attribute(self, element: Tag, name: str) -> str:
        value = element.get(name)
        return " ".join(value) if isinstance(value, list) else value or ""

    def url(self, reference: str) -> str | None:
        if reference.strip().startswith("#"):
            return None
        try:
            url = urldefrag(str(self.base + reference))[0]
        except ValueError:
            return None
        return url if re.match("https?://", url) else None

    def metas(self, *names: str) -> list[str]:
        return [
            content
            for name in names
            for said, content in self.named
            if name in said and content
        ]

    # -- the facts

    def title(self) -> str | None:
        for title in self.soup.find_all("title"):
            if not title.find_parent("svg"):
                return " ".join(title.get_text().split()) or None
        return None

    def description(self) -> str | None:
        for meta in self.soup.find_all("meta"):
            if self.attribute(meta, "name").lower() == "description":
                words = self.attribute(meta, "content").split()
                if words:
                    return " ".join(words)
        return None

    def canonical(self) -> str | None:
        for link in self.soup.find_all("link", href=True):
            if "canonical" in self.attribute(link, "rel").lower().split():
                url = self.url(link["href"])
                if url:
                    return url
        return None

    def language(self) -> str | None:
        html = self.soup.html
        for name in ("lang", "xml:lang"):
            if html.get(name, "").strip():
                return " ".join(html[name].split())
        return None

    def robots_meta(self) -> list[str]:
        said = [
            self.attribute(meta, "content")
            for meta in self.soup.find_all("meta")
            if self.attribute(meta, "name").lower() == "robots"
        ]
        words = [word.strip().lower() for word in ",".join(said).split(",")]
        return [word for word in words if word]

    def links(self) -> list[dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for element in self.soup.find_all(["a", "area"], href=True):
            url = self.url(element["href"])
            if url is None:
                continue
            text = " ".join(seen(element).split())[:300]
            rel = self.attribute(element, "rel").lower().split()
            if not found.get(url, {}).get("text"):
                link = {"url": url, "text": text.rstrip(), "rel": rel}
                if text or url not in found:
                    found[url] = link
        return list(found.values())

    def headings(self) -> list[dict[str, Any]]:
        found = []
        for heading in self.soup.find_all(re.compile("^h[1-6]$")):
            text = " ".join(seen(heading).split())[:300].rstrip()
            if text:
                found.append({"level": int(heading.name[1]), "text": text})
        return found

    @cache  # noqa: B019  as long as the test of one page
    def text(self) -> str:
        lines = seen(self.soup.body).split("\0") if self.soup.body else []
        collapsed = [" ".join(line.split()) for line in lines]
        return "\n".join(filter(None, collapsed))

    def word_count(self) -> int:
        return len(self.text().split())

    def text_hash(self) -> str | None:
        text = self.text()
        return sha256(text.encode()).hexdigest()[:16] if text else None

    def alternate_links(self) -> Iterator[dict[str, Any]]:
        for link in self.soup.find_all("link", href=True):
            rel = self.attribute(link, "rel").lower().split()
            url = self.url(link["href"])
            if "alternate" in rel and "stylesheet" not in rel and url:
                words = {
                    name: " ".join(self.attribute(link, name).split()) or None
                    for name in ("type", "title", "hreflang")
                }
                words["type"] = words["type"] and words["type"].lower()
                yield {"url": url, **words}

    def is_feed(self, link: dict[str, Any]) -> bool:
        return bool(
            re.search(r"/(rss|atom|rdf)\+xml$|/feed\+json$", link["type"] or "")
        )

    def feeds(self) -> list[dict[str, Any]]:
        return [each for each in self.alternate_links() if self.is_feed(each)]

    def alternates(self) -> list[dict[str, Any]]:
        return [
            each for each in self.alternate_links() if not self.is_feed(each)
        ]

    def prefixed(self, *prefixes: str) -> dict[str, list[str]]:
        names = {name for said, _ in self.named for name in said}
        found = {
            name: self.metas(name)
            for name in names
            if name.startswith(prefixes)
        }
        return {name: values for name, values in found.items() if values}

    def open_graph(self) -> dict[str, list[str]]:
        spaces = (
            "og",
            "article",
            "book",
            "fb",
            "music",
            "product",
            "profile",
            "video",
        )
        return self.prefixed(*(f"{space}:" for space in spaces))

    def twitter(self) -> dict[str, list[str]]:
        return self.prefixed("twitter:")

    def blocks(self) -> list[str]:
        scripts = self.soup.find_all(
            "script", type=re.compile(r"ld\+json", re.I)
        )
        return [
            str(each.string)
            for each in scripts
            if each.string and each.string.strip()
        ]

    def json_ld(self) -> list[Any]:
        found = []
        for block in self.blocks():
            try:
                found.append(json.loads(block, strict=False))
            except ValueError:
                continue
        return found

    def json_ld_broken(self) -> int:
        return len(self.blocks()) - len(self.json_ld())

    def things(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def look(value: Any) -> None:
            if isinstance(value, list):
                for each in value:
                    look(each)
            elif isinstance(value, dict):
                found.append(value)
                look(value.get("@graph"))

        look(self.json_ld())
        return found

    def json_ld_flat(self) -> dict[str, Any]:
        flat: dict[str, Any] = {}

        def look(way: str, value: Any) -> None:
            if isinstance(value, dict):
                for name, each in value.items():
                    if name[:1] != "@":
                        look(f"{way}.{name}", each)
            elif isinstance(value, list):
                for each in value:
                    look(way, each)
            elif value is not None and way not in flat:
                flat[way] = value

        for thing in self.things():
            kind = thing.get("@type", "Thing")
            kind = kind[0] if isinstance(kind, list) else kind
            look(kind.rsplit("/", 1)[-1], thing)
        return flat

    def author(self) -> str | None:
        said: list[list[Any]] = []
        for thing in self.things():
            names = thing.get("author", [])
            names = names if isinstance(names, list) else [names]
            said.append(
                [
                    each.get("name") if isinstance(each, dict) else each
                    for each in names
                ]
            )
        for name in (
            "author",
            "article:author",
            "dc.creator",
            "dcterms.creator",
            "citation_author",
            "parsely-author",
            "sailthru.author",
        ):
            said.append(self.metas(name))
        said.append(
            [
                each.get("content") or each.get_text()
                for person in self.soup.find_all(itemprop="author")
                for each in person.find_all(itemprop="name")
            ]
        )
        said.append(
            [
                each.get("content") or each.get_text()
                for each in self.soup.find_all(itemprop="author")
            ]
        )
        said.append(
            [each.get_text() for each in self.soup.find_all("a", rel="author")]
        )
        for names in said:
            words = [
                " ".join(name.split())
                for name in names
                if isinstance(name, str)
            ]
            people = [
                name
                for name in words
                if name and not re.match("(https?:)?//|@", name)
            ]
            if people:
                return ", ".join(dict.fromkeys(people))
        return None

    def dates(self, name: str, *metas: str) -> list[str]:
        said = [thing.get(name) for thing in self.things()]
        said += self.metas(*metas)
        for each in self.soup.find_all(itemprop=name):
            said.append(
                each.get("datetime") or each.get("content") or each.get_text()
            )
        return [each for each in said if isinstance(each, str)]

    def published(self) -> str | None:
        times = [
            each["datetime"]
            for each in self.soup.find_all("time", datetime=True)
        ]
        return first_date(
            self.dates(
                "datePublished",
                "article:published_time",
                "datepublished",
                "date",
                "dc.date",
                "dc.date.issued",
                "pubdate",
            )
            + times
        )

    def modified(self) -> str | None:
        return first_date(
            self.dates(
                "dateModified",
                "article:modified_time",
                "datemodified",
                "og:updated_time",
                "last-modified",
                "dcterms.modified",
                "revised",
                "lastmod",
            )
        )

    def meta_refresh(self) -> dict[str, Any] | None:
        for meta in self.soup.find_all(
            "meta", attrs={"http-equiv": re.compile("^refresh$", re.I)}
        ):
            if meta.parent.name == "noscript":
                continue
            seconds, _, rest = self.attribute(meta, "content").partition(";")
            found = re.match(r"\s*(?:url\s*=\s*)?['\"]?([^'\"]*)", rest, re.I)
            assert found
            url = str(self.base + found[1]) if found[1] else URL
            return {"seconds": int(float(seconds)), "url": url}
        return None


UNSEEN = set(
    re.findall(
        r"\w+",
        "head script style noscript template title iframe noembed noframes datalist",
    )
)
BLOCKS = set(
    re.findall(
        r"\w+",
        """address article aside blockquote body br button caption center dd details dialog dir div
        dl dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr
        html legend li listing main menu nav ol optgroup option p plaintext pre search section
        select summary table tbody textarea tfoot thead tr ul xmp""",
    )
)


def seen(element: Tag) -> str:
    """What a reader sees of it; NUL, which is no white space, where a block begins or ends."""
    if any(parent.name in UNSEEN for parent in element.parents):
        return ""
    pieces = []

    def look(node: Tag) -> None:
        for child in node.children:
            if isinstance(child, Tag):
                if child.name in UNSEEN:
                    continue
                is_block = child.name in BLOCKS
                pieces.append(
                    "\0"
                    if is_block
                    else " "
                    if child.name in ("td", "th")
                    else ""
                )
                look(child)
                pieces.append("\0" if is_block else "")
            elif not isinstance(child, PreformattedString) or isinstance(
                child, CData
            ):
                pieces.append(str(child))

    look(element)
    text = "".join(pieces)
    return text if element.name == "body" else text.replace("\0", " ")


def first_date(texts: list[str]) -> str | None:
    """Of those forms that the corpus has."""
    for text in texts:
        for form in ("%Y/%m/%d", "%b %d, %Y", "%Y-%m-%d %H:%M:%S AM", ""):
            try:
                found = (
                    datetime.strptime(text.strip(), form)
                    if form
                    else datetime.fromisoformat(text.strip())
                )
            except ValueError:
                continue
            has_time = ":" in text
            return found.isoformat() if has_time else found.date().isoformat()
    return None


# -- beside ours -------------------------------------------------------------------------------

KEYS = [
    name for name in vars(Expected) if name in page_facts(Page(URL, b"")).record
]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_facts_of_a_page_are_those_that_a_soup_finds(path: Path) -> None:
    page = Page(URL, path.read_bytes(), "utf-8")
    expected, found = Expected(page.text), page_facts(page).record
    different = {
        name for name in KEYS if getattr(expected, name)() != found[name]
    }
    assert different == set(DIFFERENT.get(path.stem, {}))
    assert page_facts(page, PageOptions("basic")).record["links"] == [
        link["url"] for link in found["links"]
    ]
    pictures = ExpectedPictures(expected.soup)
    for which in ("src", "best", "all"):
        images = images_of(page, which)
        assert {each["url"] for each in images} == pictures.urls(which), which
    alts = pictures.alts()
    for each in images_of(page, "src"):
        said = alts[each["url"]]
        assert (each["alt"] or "") in said
        assert each["alt"] or said == {""}


def images_of(page: Page, which: str) -> list[dict[str, Any]]:
    options = PageOptions(page_images=which)
    found: list[dict[str, Any]] = page_facts(page, options).record["images"]
    return found
