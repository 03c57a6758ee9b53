"""Files of a run folder that have the same bytes, and pictures that look alike.

Only records and the names of files are read, so a run may go on. Memory is some 1,000 bytes a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scraper.machine.files import open_folder, opening
from scraper.reports.records import records
from scraper.run_folder.lookalikes import first_near

# Of 21 photographs all copies that were re-encoded, made smaller or gray are within 6 bits of the
# original, different photographs 16 and more away. Of a million hashes by chance, two pairs are
# within 6, a hundred within 8.
DISTANCE = 6
MOST_DISTANCE = 16


class File(NamedTuple):
    """The body of a URL."""

    url: str
    path: str
    bytes: int
    sha256: str | None
    width: int | None  # of pictures
    height: int | None
    phash: int | None

    @property
    def pixels(self) -> int:
        return (self.width or 0) * (self.height or 0)

    @property
    def worth(self) -> tuple[int, int]:
        """The best one of a group has most pixels, then most bytes."""
        return self.pixels, self.bytes


class Group(NamedTuple):
    """Files that are equal or look alike, the best one first."""

    files: Sequence[File]

    def distance_of(self, file: File) -> int | None:
        """In how many bits it looks different from the best one; 0 for equal bytes."""
        best = self.files[0]
        if self.is_equal(file):
            return 0
        if best.phash is None or file.phash is None:
            return None
        return (best.phash ^ file.phash).bit_count()

    def is_equal(self, file: File) -> bool:
        """Has it the bytes of the best one?"""
        return file.sha256 is not None and file.sha256 == self.files[0].sha256


class Duplicates(NamedTuple):
    """The groups of a folder, how many files were compared, and how many of them by their looks."""

    groups: Sequence[Group]
    files: int
    pictures: int
    hashed: int


def find_duplicates(folder: Path, distance: int = DISTANCE) -> Duplicates:
    """What is there twice. Raises UsageError if there are no records, or numpy is missing."""
    files = [*_files_in(folder)]
    # of equals the one that was named first stays before the others
    files.sort(key=lambda file: file.worth, reverse=True)
    return Duplicates(
        group_files(files, distance),
        len(files),
        sum(file.width is not None for file in files),
        sum(file.phash is not None for file in files),
    )


def _files_in(folder: Path) -> Iterator[File]:
    """Of each URL the body, if it is still there."""
    found = records(folder)
    with opening(f"folder {folder}"), open_folder(folder) as root:
        for record in found:
            path = record.get("path")
            if isinstance(path, str) and root.has_file(path):
                yield _file_of(record, path)


def _file_of(record: Mapping[str, Any], path: str) -> File:
    phash = record.get("phash")
    return File(
        record["url"],
        path,
        record.get("bytes") or 0,
        record.get("sha256"),
        record.get("original_width"),
        record.get("original_height"),
        None if phash is None else int(phash, 16),
    )


def group_files(files: Sequence[File], distance: int) -> list[Group]:
    """The groups of files that come best first."""
    bodies = _by_bytes(files)
    hashes = [_phash_of(body) for body in bodies]
    different = [*dict.fromkeys(each for each in hashes if each is not None)]
    near = first_near(different, distance)
    first_of = {
        phash: different[place]
        for phash, place in zip(different, near, strict=True)
    }
    alike: dict[int, list[File]] = {}
    groups: list[list[File]] = []
    for body, phash in zip(bodies, hashes, strict=True):
        if phash is None:
            groups.append(body)
        elif first_of[phash] in alike:
            alike[first_of[phash]].extend(body)
        else:
            alike[first_of[phash]] = body
            groups.append(body)
    return [Group(each) for each in groups if len(each) > 1]


def _by_bytes(files: Iterable[File]) -> list[list[File]]:
    found: dict[str, list[File]] = {}
    for file in files:
        found.setdefault(file.sha256 or file.path, []).append(file)
    return [*found.values()]


def _phash_of(body: Iterable[File]) -> int | None:
    """That of the first one that has any: others may be of an earlier run."""
    return next((each.phash for each in body if each.phash is not None), None)
