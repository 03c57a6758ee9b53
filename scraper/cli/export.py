"""`python -m scraper export`: tables of a run folder, also while a run goes on."""

from __future__ import annotations

import argparse
from pathlib import Path

from scraper.cli.status import find_folder
from scraper.cli.terminal import say
from scraper.config.values import split_list
from scraper.errors import UsageError
from scraper.exports.columns import ROWS
from scraper.exports.export import Choice, check_choice, export_file, lists_of
from scraper.exports.files import check_formats, check_places
from scraper.exports.flattening import STATES
from scraper.storage.readers.snapshot import ORDERS
from scraper.text import counted, printable


def main(
    arguments: list[str], parser_class: type[argparse.ArgumentParser]
) -> int:
    """Make the files that are asked for, one after the other."""
    options = _build_parser(parser_class).parse_args(arguments)
    if not options.output:
        raise UsageError(
            "export needs a file: python -m scraper export downloads/urls -o items.csv"
        )
    choice = Choice(
        tuple(split_list(options.fields)),
        options.only,
        options.order,
        options.number,
        options.csv_raw,
        options.rows,
    )
    folder = find_folder(options.folder)
    check_choice(choice)
    check_formats(options.output)
    check_places(options.output, folder, lists_of(folder))
    for name in options.output:
        made = export_file(folder, Path(name), choice)
        say(printable(f"{made.name}: {counted(made.rows, 'row')}"))
    return 0


def _build_parser(
    parser_class: type[argparse.ArgumentParser],
) -> argparse.ArgumentParser:
    parser = parser_class(
        prog="scraper export",
        description="Tables of the records of a run: of each URL the last one, once for each row "
        "of the list that names it. remaining.txt, failed.csv and the like are the rows without a "
        "good outcome, as the next list.",
    )
    parser.add_argument(
        "folder", help="run folder, or the list that it belongs to"
    )
    parser.add_argument(
        "-o",
        "--output",
        action="append",
        metavar="FILE",
        help=".csv .tsv .json .jsonl .parquet .sqlite; may be repeated",
    )
    parser.add_argument(
        "--fields",
        default="",
        metavar="NAMES",
        help="columns, such as url,title,input.id",
    )
    parser.add_argument(
        "--only",
        default="",
        choices=[*STATES],
        help="rows of these states; good: done and unchanged",
    )
    parser.add_argument(
        "--order",
        default=Choice().order,
        choices=[*ORDERS],
        help="of the list (%(default)s), or as URLs ended",
    )
    parser.add_argument(
        "--rows",
        default=Choice().rows,
        choices=ROWS,
        help="a row is a record (%(default)s), or an item of a page",
    )
    parser.add_argument(
        "--pass",
        dest="number",
        type=int,
        metavar="N",
        help="the records of this pass, not the last of each URL",
    )
    parser.add_argument(
        "--csv-raw",
        action="store_true",
        help="leave text in CSV as it is; no byte order mark",
    )
    return parser
