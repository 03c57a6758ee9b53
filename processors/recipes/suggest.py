"""Selectors that fit a text: which elements of a page hold it, and what they can be called.

    suggest(page, "51.77")

Each suggestion has been applied to the page, and gives the text. How much is looked at is bounded,
whatever the page: so many elements, so many selectors tried, so many elements found by these.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice, takewhile
from typing import Final, NamedTuple

from selectolax.lexbor import LexborHTMLParser, LexborNode

from processors.page import Page
from processors.recipes.holders import Holder, fold, holders_of, said_by
from processors.recipes.selectors import Selector
from processors.recipes.steps import (
    PLAIN_COST,
    Step,
    field_name_of,
    place_of,
    step_by_label,
    steps_of,
    tag_of,
)
from processors.recipes.tables import read_table

MAX_SUGGESTIONS: Final = 8
MAX_SINGLE: Final = 5  # of them, if there are others
MAX_HOLDERS: Final = 10  # elements for which selectors are looked for
MAX_QUERIES: Final = 250  # selectors tried
MAX_FOUND: Final = 500_000  # elements found by all of them
MAX_ANCESTORS: Final = 12  # whose names are tried
MAX_COUNTED: Final = (
    50_000_000  # siblings that are walked by for one :nth-child, all in all
)
MAX_DEPTH: Final = 40  # of an element that is found by its place
MAX_VALUES: Final = 3  # that are shown
MAX_ITEMS: Final = 1_000  # that are compared
_BEST: Final = 3  # names of an element, to be combined with those of another
_PAIRS_TRIED: Final = 12


class Suggestion(NamedTuple):
    """One way to say where a text stands."""

    select: str
    """A selector, with its attribute."""
    name: str
    """What the field may be called."""
    elements: int
    """How many elements it finds; with `each`, how many items there are."""
    values: tuple[str, ...]
    """What it gives, the first of them."""
    each: str = ""
    """The selector of the items, where the field is one of each item."""
    type: str = "text"
    """`table`, where the text is in a cell of one."""


def suggest(page: Page, text: str) -> list[Suggestion]:
    """Selectors for what holds a text: first those that find one element, then many.

    Empty if nothing holds it. Raises Unusable as the page's tree does.
    """
    needle = fold(text)
    if not needle:
        return []
    queries = _Queries(page.tree)
    single: list[Suggestion] = []
    several: list[Suggestion] = []
    tables: list[Suggestion] = []
    for holder in holders_of(page.tree, needle, MAX_HOLDERS):
        search = _Search(queries, holder, needle)
        alike = list(search.find_alike())
        several += alike
        alone = list(search.find_alone(by_place=not alike))
        single += alone
        if not alike and not alone:
            several += search.find_by_tag()
        tables += search.find_table()
    several = list(dict.fromkeys([*tables, *several]))
    room = max(MAX_SUGGESTIONS - len(several), MAX_SINGLE)
    single = list(dict.fromkeys(single))[:room]
    return [*single, *several][:MAX_SUGGESTIONS]


class _Queries:
    """What selectors find in a page, as long as its limits allow."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._tree = tree
        self._known: dict[str, list[LexborNode]] = {}
        self._tables: dict[int, tuple[str, ...]] = {}
        self._found = 0

    def find(self, css: str) -> list[LexborNode]:
        """The elements, each once; none if too much has been tried."""
        if css not in self._known:
            if len(self._known) == MAX_QUERIES or self._found > MAX_FOUND:
                return []
            nodes = {node.mem_id: node for node in self._tree.css(css)}
            self._found += len(nodes)
            self._known[css] = list(nodes.values())
        return self._known[css]

    def rows_of(self, table: LexborNode) -> tuple[str, ...]:
        """The rows of a table, a text each."""
        if table.mem_id not in self._tables:
            rows, _ = read_table(table)
            self._tables[table.mem_id] = tuple(
                " | ".join(filter(None, row.values()))
                for row in rows
                if isinstance(row, dict)
            )
        return self._tables[table.mem_id]

    @cached_property
    def counts_places(self) -> bool:
        """May places be counted? :nth-child takes the square of the number of siblings."""
        children: Counter[int] = Counter()
        for node in self._tree.css("*"):
            if node.parent is not None:
                children[node.parent.mem_id] += 1
        return sum(count * count for count in children.values()) <= MAX_COUNTED

    def finds_only(self, css: str, node: LexborNode) -> bool:
        found = self.find(css)
        return len(found) == 1 and found[0].mem_id == node.mem_id


class _Search:
    """The selectors for one element that holds the text."""

    def __init__(self, queries: _Queries, holder: Holder, needle: str) -> None:
        self._queries = queries
        self._node = holder.node
        self._attribute = holder.attribute
        self._needle = needle
        self._steps = steps_of(holder.node, needle)
        self._ancestors = list(islice(_ancestors_of(self._node), MAX_ANCESTORS))

    def find_alone(self, *, by_place: bool) -> Iterator[Suggestion]:
        """The best selectors that find this element and no other, at most two."""
        named = self._named(self._finds_alone)
        for css in list(named)[:2] or self._placed(by_place):
            yield self._suggestion(css, [self._node])

    def _placed(self, by_place: bool) -> Iterator[str]:
        """What finds this element alone by what stands before it, or by its place."""
        has_name = self._steps[0].cost < PLAIN_COST
        css = "" if has_name else step_by_label(self._node, self._needle)
        if css and self._finds_alone(css):
            yield css
        elif by_place:
            css = self._by_place()
            if css and self._finds_alone(css):
                yield css

    def _finds_alone(self, css: str) -> bool:
        return self._queries.finds_only(css, self._node)

    def find_alike(self) -> Iterator[Suggestion]:
        """The best selector that finds others like it, too: of items, and as a list."""
        css = next(self._named(self._finds_alike), "")
        if not css:
            return
        nodes = self._queries.find(css)
        yield from self._find_items(nodes)
        yield self._suggestion(css, nodes)

    def find_by_tag(self) -> Iterator[Suggestion]:
        """All elements of its kind, where there is nothing better to say."""
        tag = tag_of(self._node)
        if self._finds_alike(tag):
            yield self._suggestion(tag, self._queries.find(tag))

    def find_table(self) -> Iterator[Suggestion]:
        """The table around it, if that has a header."""
        around = _ancestors_of(self._node)
        table = next((each for each in around if each.tag == "table"), None)
        if table is None or table.css_first("th + th") is None:
            return
        names = (step.css for step in _names_of(table, self._needle))
        css = next(
            (each for each in names if len(self._queries.find(each)) == 1), ""
        )
        rows = self._queries.rows_of(table) if css else ()
        if any(self._needle in fold(row) for row in rows):
            yield Suggestion(css, "table", 1, rows[:MAX_VALUES], type="table")

    # -- names ---------------------------------------------------------------------------------

    def _named(self, fits: Callable[[str], bool]) -> Iterator[str]:
        """The selectors made of names that fit, the best first; short ones, if there are any."""
        found: list[str] = []
        for step in self._steps:
            is_longer = any(step.css.endswith(each) for each in found)
            if step.cost < PLAIN_COST and not is_longer and fits(step.css):
                found.append(step.css)
                yield step.css
        if found:
            return
        for css in islice(self._pairs(), _PAIRS_TRIED):
            if fits(css):
                yield css

    def _pairs(self) -> Iterator[str]:
        """Selectors of two steps: an ancestor's, and the element's own."""
        pairs = [
            (above.cost + own.cost, distance, f"{above.css} {own.css}")
            for distance, ancestor in enumerate(self._ancestors)
            for above in _names_of(ancestor, self._needle)
            for own in self._steps[:_BEST]
        ]
        return (css for _, _, css in sorted(pairs))

    def _finds_alike(self, css: str) -> bool:
        found = self._queries.find(css)
        own = self._node
        return (
            len(found) > 1
            and any(node.mem_id == own.mem_id for node in found)
            and all(node.tag == own.tag for node in found[:MAX_ITEMS])
            and all(
                said_by(node, self._attribute) for node in found[:MAX_VALUES]
            )
        )

    def _by_place(self) -> str:
        """From the next ancestor that can be named, down by places."""
        if not self._queries.counts_places:
            return ""
        way = place_of(self._node)
        for distance, ancestor in enumerate(_ancestors_of(self._node)):
            if distance == MAX_DEPTH:
                return ""
            if distance < MAX_ANCESTORS:
                for step in _names_of(ancestor, self._needle):
                    if self._queries.finds_only(step.css, ancestor):
                        return f"{step.css} > {way}"
            way = f"{place_of(ancestor)} > {way}"
        return way

    # -- items ---------------------------------------------------------------------------------

    def _find_items(self, nodes: list[LexborNode]) -> Iterator[Suggestion]:
        """The elements around them, of which each holds one."""
        item = self._item_around(nodes)
        if item is None:
            return
        inside = next(
            filter(self._finds_first_in(item), self._names_in(item)), ""
        )
        each = next(
            filter(
                self._holds_one_each(item, nodes),
                _item_names(item, self._needle),
            ),
            None,
        )
        if not inside or each is None:
            return
        items = self._queries.find(each)
        values = (found for one in items for found in _first_in(one, inside))
        yield self._suggestion(
            inside, list(islice(values, MAX_VALUES))
        )._replace(each=each, elements=len(items))

    def _item_around(self, nodes: list[LexborNode]) -> LexborNode | None:
        """The largest element around this one, and around none of its neighbours."""
        own = next(
            index
            for index, node in enumerate(nodes)
            if node.mem_id == self._node.mem_id
        )
        others = nodes[max(own - 1, 0) : own] + nodes[own + 1 : own + 2]
        around = {
            above.mem_id for other in others for above in _ancestors_of(other)
        }
        item = None
        for ancestor in _ancestors_of(self._node):
            if ancestor.mem_id in around:
                break
            item = ancestor
        return item

    def _names_in(self, item: LexborNode) -> Iterator[str]:
        """What the element may be called in an item: by itself, or below another element."""
        for step in self._steps:
            yield step.css
        for ancestor in self._ancestors:
            if ancestor.mem_id == item.mem_id:
                return
            for above in _names_of(ancestor, self._needle):
                yield f"{above.css} {self._steps[0].css}"

    def _finds_first_in(self, item: LexborNode) -> Callable[[str], bool]:
        def finds_first(css: str) -> bool:
            found = _first_in(item, css)
            return [each.mem_id for each in found] == [self._node.mem_id]

        return finds_first

    def _holds_one_each(
        self, item: LexborNode, nodes: list[LexborNode]
    ) -> Callable[[str], bool]:
        def holds_one_each(css: str) -> bool:
            items = {node.mem_id for node in self._queries.find(css)}
            if item.mem_id not in items or len(items) < 2:
                return False
            held = [
                above.mem_id
                for node in nodes[:MAX_ITEMS]
                for above in _ancestors_of(node)
                if above.mem_id in items
            ]
            return len(held) == len(set(held)) and len(items) <= 2 * len(held)

        return holds_one_each

    def _suggestion(self, css: str, nodes: list[LexborNode]) -> Suggestion:
        attribute = self._attribute
        select = css if attribute is None else f"{css}@{attribute}"
        said = (said_by(node, attribute) for node in nodes[:MAX_VALUES])
        return Suggestion(
            select,
            field_name_of(css, attribute),
            len(nodes),
            tuple(filter(None, said)),
        )


def _first_in(item: LexborNode, css: str) -> list[LexborNode]:
    """The one that a field of the item finds, if there is one; it is never the item itself."""
    return Selector(css, None).find(item, is_item=True, limit=1)


def _names_of(node: LexborNode, needle: str) -> list[Step]:
    """The best names of an element, but not a plain tag that says nothing."""
    named = takewhile(
        lambda step: step.cost < PLAIN_COST, steps_of(node, needle)
    )
    return list(islice(named, _BEST))


def _item_names(item: LexborNode, needle: str) -> Iterator[str]:
    """What items may be called: by their own names, or by their tag below a name."""
    for step in steps_of(item, needle):
        if step.cost < PLAIN_COST:
            yield step.css
    for ancestor in islice(_ancestors_of(item), MAX_ANCESTORS):
        for step in _names_of(ancestor, needle):
            yield f"{step.css} {tag_of(item)}"
    yield tag_of(item)


def _ancestors_of(node: LexborNode) -> Iterator[LexborNode]:
    """The nearest first, up to the body; of what stands in the head, up to that."""
    above = node.parent
    while above is not None and above.tag not in ("html", "-document"):
        yield above
        above = above.parent
