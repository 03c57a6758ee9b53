"""Pages while a site is drawn: links are added to them, and written when all are known."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmarks.sites.model import Link, Page, Place, Site
from benchmarks.sites.spelling import written, written_plainly

WORDS = (
    "amber basin cedar delta ember fjord grove heath inlet jetty knoll ledge "
    "marsh north orchard prairie quarry ridge summit tundra upland valley"
)


@dataclass(slots=True)
class Draft:
    """A page that is not yet complete."""

    place: Place
    base: Place | None = (
        None  # what its references are relative to, if not itself
    )
    links: list[tuple[Place | None, str | None, dict[str, Any]]] = field(
        default_factory=list
    )
    what: dict[str, Any] = field(default_factory=dict)

    def link(
        self, target: Place, reference: str | None = None, **how: Any
    ) -> None:
        """Lead there; the reference is written later, if it is not given."""
        self.links.append((target, reference, how))

    def nothing(self, reference: str, **how: Any) -> None:
        """What stands where links stand, and names nothing that can be asked."""
        self.links.append((None, reference, how))


class Drafts:
    """A site while it is drawn."""

    def __init__(self, seed: int, names: Mapping[str, str], words: int) -> None:
        self.draw = random.Random(seed)
        self.disallow: list[str] = []
        self.allow: list[str] = []
        self.entries: dict[str, Place] = {}
        self._names = names
        self._words = words
        self._pages: dict[Place, Draft] = {}

    def __len__(self) -> int:
        return len(self._pages)

    @property
    def places(self) -> list[Place]:
        """In the order in which they were drawn."""
        return list(self._pages)

    def page(self, path: str, host: str = "shop", base: Place | None = None,
             **what: Any) -> Draft:  # fmt: skip
        """A new page; of what it is, see `Page`."""
        place = Place(host, path)
        assert place not in self._pages, place
        draft = Draft(place, base, what=what)
        self._pages[place] = draft
        return draft

    def at(self, place: Place) -> Draft:
        return self._pages[place]

    def moved(
        self, path: str, to: Place, host: str = "shop", status: int = 302
    ) -> Place:
        """A redirect."""
        draft = self.page(path, host, status=status)
        draft.link(to)
        return draft.place

    def name_of(self, place: Place) -> str:
        """Its host, with the port."""
        return self._names[place.host]

    def site(self) -> Site:
        """All of it, written."""
        bare = Site(self._names, {})
        pages = {
            each.place: self._written(bare, each)
            for each in self._pages.values()
        }
        return Site(
            self._names,
            pages,
            tuple(self.disallow),
            tuple(self.allow),
            self.entries,
        )

    def _written(self, site: Site, draft: Draft) -> Page:
        what = dict(draft.what)
        own = site.href(draft.place)
        if 300 <= what.get("status", 200) < 400:
            ((target, _, _),) = draft.links
            assert target is not None, "a redirect leads somewhere"
            location = written_plainly(own, site.href(target), self.draw)
            return Page(draft.place, moved_to=Link(target, location), **what)
        base = own
        if draft.base is not None:
            base = site.href(draft.base)
            what["base"] = written(own, base, self.draw)
        links = []
        for target, reference, how in draft.links:
            if target is not None and reference is None:
                reference = written(base, site.href(target), self.draw)
            links.append(Link(target, reference or "", **how))
        text = " ".join(self.draw.choices(WORDS.split(), k=self._words))
        return Page(draft.place, tuple(links), text=text, **what)
