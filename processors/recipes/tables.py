"""A table of a page: a list of objects, by its header."""

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final

from selectolax.lexbor import LexborNode

from processors.recipes.values import text_of

MAX_ROWS: Final = 10_000
MAX_COLUMNS: Final = 1_000  # HTML has no wider cells, either
MAX_CELLS: Final = 200_000
_MAX_ROWSPAN: Final = 65_534

_Row = list[str | None]


def read_table(table: LexborNode) -> tuple[list[Any], bool]:
    """Its rows, and whether there are more: objects, or lists of cells where no header is.

    A header are the rows of `thead`, else first rows of nothing but `th`. A cell that spans rows
    or columns stands in each of them. Raises ValueError if the element is no table.
    """
    if table.tag not in ("table", "thead", "tbody", "tfoot"):
        raise ValueError(f"a {table.tag} element is no table")
    header: list[_Row] = []
    rows: list[_Row] = []
    cells_left = MAX_CELLS
    for is_header, row in _rows_of(table):
        cells_left -= len(row)
        if len(rows) == MAX_ROWS or cells_left < 0:
            return _named(header, rows), True
        (header if is_header and not rows else rows).append(row)
    return _named(header, rows), False


def _named(header: Sequence[_Row], rows: Sequence[_Row]) -> list[Any]:
    if not header:
        return list(rows)
    width = max(map(len, (*header, *rows)))
    names = _column_names(header, width)
    return [dict(zip_longest(names, row)) for row in rows]


def _column_names(header: Sequence[_Row], width: int) -> list[str]:
    """Of several rows together; a name that is there already is numbered."""
    names: dict[str, None] = {}
    for column in range(width):
        said = dict.fromkeys(
            row[column] for row in header if column < len(row) and row[column]
        )
        name = " ".join(filter(None, said)) or f"column {column + 1}"
        if name in names:
            name = f"{name} ({column + 1})"
        names[name] = None
    return list(names)


# -- rows --------------------------------------------------------------------------------------


def _rows_of(table: LexborNode) -> Iterator[tuple[bool, _Row]]:
    """Each row with whether it is one of a header. Cells span rows of their own section only."""
    for section in _sections_of(table):
        above: dict[int, tuple[int, str | None]] = {}
        for line in section:
            cells = _children(line, ("td", "th"))
            row = _filled_row(cells, above)
            if row:
                is_header = _is_header(line, cells)
                yield is_header, row


def _sections_of(table: LexborNode) -> Iterator[list[LexborNode]]:
    if table.tag != "table":
        yield _children(table, ("tr",))
        return
    for child in _children(table, ("thead", "tbody", "tfoot")):
        yield _children(child, ("tr",))


def _is_header(line: LexborNode, cells: Sequence[LexborNode]) -> bool:
    above = line.parent
    if above is not None and above.tag == "thead":
        return True
    return bool(cells) and all(cell.tag == "th" for cell in cells)


def _filled_row(
    cells: Sequence[LexborNode], above: dict[int, tuple[int, str | None]]
) -> _Row:
    """The texts of a row. `above` has by column what hangs down into it, and for how many rows."""
    row: dict[int, str | None] = {}
    for column in list(above):
        left, text = above.pop(column)
        row[column] = text
        if left > 1:
            above[column] = (left - 1, text)
    column = 0
    for cell in cells:
        while column in row:
            column += 1
        text = text_of(cell)
        height = _span(cell, "rowspan", _MAX_ROWSPAN)
        for place in range(
            column, column + _span(cell, "colspan", MAX_COLUMNS)
        ):
            if place >= MAX_COLUMNS:
                break
            row[place] = text
            if height > 1:
                above[place] = (height - 1, text)
    return [row.get(place) for place in range(max(row, default=-1) + 1)]


def _span(cell: LexborNode, name: str, most: int) -> int:
    said = (cell.attrs.get(name) or "").strip()
    if not (said.isascii() and said.isdecimal()) or len(said) > 9:
        return 1
    if name == "rowspan" and int(said) == 0:
        return most  # down to the end of its section
    return min(max(int(said), 1), most)


def _children(node: LexborNode, tags: tuple[str, ...]) -> list[LexborNode]:
    found = []
    child = node.first_child
    while child is not None:
        if child.tag in tags:
            found.append(child)
        child = child.next
    return found
