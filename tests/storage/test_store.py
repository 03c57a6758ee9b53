"""Names that are safe everywhere, and files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from scraper.errors import InUse, LocalFault, UsageError
from scraper.model import Kind, Publication
from scraper.storage.file_names import path_of, processed_prefix
from scraper.storage.store import Store
from scraper.urls import BadUrl, Url, canonical, parts_of
from tests.conftest import PROJECT

# What some system, somewhere, gives a meaning of its own.
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
KINDS: list[Kind] = ["page", "image", "file"]
TYPES = [
    "text/html",
    "image/jpeg",
    "application/octet-stream",
    "../../etc/passwd",
    "x/y",
]

SEGMENTS = st.text(max_size=40) | st.sampled_from(
    ["..", ".", "", "con", "NUL.txt", "aux.", "%2e%2e", "%2F..%2F", "%00", "a" * 300, "ü" * 200,
     "%F0%9F%98%80" * 60, "name.", "name ", ".hidden", "e%CC%81", "%C3%A9", "A", "a", "%FF%FE"]
)  # fmt: skip
HOSTS = st.sampled_from(
    ["example.com", "con", "con.example", "NUL", "a" * 63 + "." + "b" * 63 + "." + "c" * 63,
     "[::1]:8080", "127.0.0.1:81", "münchen.de", "example.com.", "a_b.example", "localhost:8080"]
)  # fmt: skip
PATHS = st.lists(SEGMENTS, max_size=4).map("/".join)


def url_of(host: str, path: str) -> Url:
    try:
        url = canonical(f"http://{host}/{path}")
    except BadUrl:
        assume(False)
        raise
    return url


def folded(path: str) -> str:
    """What a file system that is neither case- nor normalisation-sensitive sees."""
    return unicodedata.normalize(
        "NFD", unicodedata.normalize("NFC", path).casefold()
    )


# -- the law of names -------------------------------------------------------------------------


@given(
    HOSTS,
    PATHS,
    st.sampled_from(KINDS),
    st.sampled_from(TYPES) | st.text(max_size=20),
)
@example("example.com", "../../../etc/passwd", "file", "")
@example("con", "con", "page", "text/html")
def test_a_name_is_safe_on_every_system(
    host: str, path: str, kind: Kind, type: str
) -> None:
    url = url_of(host, path)
    path = path_of(url, kind, type)
    for place in (path, processed_prefix(path) + "-v0.jpg"):
        parts = place.split("/")
        assert len(parts) == 3, (
            "folder by kind, folder by host, name: never elsewhere"
        )
        for part in parts:
            assert part not in ("", ".", "..")
            assert not FORBIDDEN.search(part)
            assert not RESERVED.fullmatch(
                part.partition(".")[0]
            ) or part.startswith("_")
            assert not RESERVED.fullmatch(part)
            assert part == part.strip(" ").rstrip(".")
            assert not part.startswith((".", "-"))
            assert len(part.encode()) <= 160, (
                "with room for what is added to it"
            )
            assert part == unicodedata.normalize("NFC", part)
            assert part.isprintable()


@given(HOSTS, PATHS, PATHS)
@example("example.com", "A", "a")
@example("example.com", "e%CC%81", "%C3%A9")
@example("example.com", "a?x", "a?y")
def test_two_urls_never_share_a_name(host: str, one: str, other: str) -> None:
    first = url_of(host, one)
    second = url_of(host, other)
    assume(first != second)
    names = [path_of(url, "page", "text/html") for url in (first, second)]
    assert folded(names[0]) != folded(names[1])
    pictures = [path_of(url, "image", "image/png") for url in (first, second)]
    prefixes = [folded(processed_prefix(path)) for path in pictures]
    assert prefixes[0] != prefixes[1]


@pytest.mark.parametrize("kind", ["page", "image", "file"])
@pytest.mark.parametrize("mark", [";", "%3B"])
def test_a_name_does_not_show_the_id_of_a_session(
    kind: Kind, mark: str
) -> None:
    """Which redaction takes out of every record and log."""
    url = parts_of(
        f"https://example.com/cart.pdf{mark}jsessionid=0A1B.node1?x=1"
    )
    path = path_of(url, kind, "application/pdf")
    for place in (path, processed_prefix(path)):
        assert "0A1B" not in place
        assert "node1" not in place
        assert "/cart-" in place


def test_a_name_is_a_pure_function() -> None:
    """The same in another process, whatever its seed of hashes: after a kill, on every shard."""
    script = (
        "from scraper.storage.file_names import path_of;"
        "from scraper.urls import parts_of;"
        "url = parts_of('https://example.com/a/%C3%BCber.png?q=1');"
        "print(path_of(url, 'image', 'image/png'), end='')"
    )
    told = [
        subprocess.run(
            [sys.executable, "-c", script], cwd=PROJECT, check=True, capture_output=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONUTF8": "1"},
        ).stdout.decode()
        for seed in ("1", "2")
    ]  # fmt: skip
    here = path_of(
        parts_of("https://example.com/a/%C3%BCber.png?q=1"),
        "image",
        "image/png",
    )
    assert told == [here, here]
    assert re.fullmatch(r"images/example\.com/über-[0-9a-f]{10}\.png", here)


@pytest.mark.parametrize(
    ("url", "stem"),
    [
        ("https://example.com/", "index"),
        ("https://example.com/cats/", "cats"),
        ("https://example.com/a%20tale.html?page=2", "a-tale"),
        ("https://example.com/archive.tar.gz", "archive.tar"),
        ("https://example.com/%F0%9F%98%80", "index"),
        ("https://example.com/%E5%AF%8C%E5%A3%AB%E5%B1%B1", "富士山"),
    ],
)
def test_a_name_can_be_read(url: str, stem: str) -> None:
    name = path_of(parts_of(url), "page", "text/html").rpartition("/")[2]
    assert re.fullmatch(re.escape(stem) + r"-[0-9a-f]{10}\.html", name)


@pytest.mark.parametrize(
    ("url", "type", "name"),
    [
        ("model.stl", "application/octet-stream", "model-*.stl"),
        ("x.parquet", "application/octet-stream", "x-*.parquet"),
        (
            "w.safetensors?download=true",
            "application/octet-stream",
            "w-*.safetensors",
        ),
        ("table.csv", "text/plain", "table-*.csv"),
        ("Report.DOCX", "application/zip", "Report-*.docx"),
        ("a.tar.gz", "application/gzip", "a.tar-*.gz"),
        ("talk.mp3", "audio/mpeg", "talk-*.mp3"),
        ("a%2Estl", "application/octet-stream", "a-*.stl"),
        ("map.geojson", "application/json", "map-*.geojson"),
        # None of its own, or none that is plain: by content.
        ("model", "application/json", "model-*.json"),
        ("v1.2", "application/octet-stream", "v1-*.bin"),
        ("a.st%20l", "application/octet-stream", "a.st-l-*.bin"),
        ("a.%D1%81%D1%82%D0%BB", "application/pdf", "a.стл-*.pdf"),
        ("a.averyverylongone", "text/plain", "a.averyverylongone-*.txt"),
        ("?file=model.stl", "application/octet-stream", "d-*.bin"),
        (".stl", "application/octet-stream", "index-*.stl"),
        # A page's or a picture's, which it is not: by content.
        ("page.html", "application/pdf", "page-*.pdf"),
        ("download.php", "application/zip", "download-*.zip"),
        ("photo.jpg", "application/octet-stream", "photo-*.bin"),
        ("photo.JPG", "text/plain", "photo-*.txt"),
        ("logo.svg", "image/svg+xml", "logo-*.svg"),
        ("photo.heic", "image/heic", "photo-*.heic"),
    ],
)
def test_a_file_keeps_the_plain_extension_of_its_url(
    url: str, type: str, name: str
) -> None:
    path = path_of(parts_of(f"https://example.com/d/{url}"), "file", type)
    hash = "[0-9a-f]{10}"
    assert re.fullmatch(
        re.escape(f"files/example.com/{name}").replace(r"\*", hash), path
    )


@pytest.mark.parametrize("kind", ["page", "image"])
def test_pages_and_pictures_are_called_what_they_are(kind: Kind) -> None:
    type = {"page": "text/html", "image": "image/png"}[kind]
    path = path_of(parts_of("https://example.com/a.parquet"), kind, type)
    assert re.search(r"/a\.parquet-[0-9a-f]{10}\.(html|png)$", path)


# -- publication ------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path):
    store = Store(tmp_path / "run")
    store.open()
    yield store
    store.close()


def part(store: Store, name: str, text: str) -> str:
    Path(store.part(name)).write_text(text)
    return name


def test_a_file_appears_by_rename(store: Store) -> None:
    made = Path(store.part(part(store, "1-1.part", "whole"))).stat().st_ino
    store.publish([Publication("1-1.part", "pages/example.com/a-1.html")])
    final = store.folder / "pages/example.com/a-1.html"
    assert final.read_text() == "whole"
    assert final.stat().st_ino == made, "renamed, not copied: never half there"
    assert list(store.parts.iterdir()) == []


def test_a_file_takes_the_place_of_its_older_version(store: Store) -> None:
    for text in ("old", "new"):
        store.publish(
            [Publication(part(store, "1.part", text), "pages/a/x.html")]
        )
    assert (store.folder / "pages/a/x.html").read_text() == "new"


def test_a_publication_without_a_part_removes_the_name(store: Store) -> None:
    store.publish([Publication(part(store, "1.part", ""), "files/a/x.bin")])
    store.publish(
        [
            Publication(None, "files/a/x.bin"),
            Publication(None, "files/a/never.bin"),
        ]
    )
    assert not (store.folder / "files/a/x.bin").exists()


def test_a_folder_goes_with_its_last_file(store: Store) -> None:
    """Also if it was the file alone that a kill has left to remove; a folder that gains a file
    stays, and so do those in the run folder itself."""
    old = Publication(None, "pages/a/b/x.html")
    store.publish([Publication(part(store, "1.part", ""), old.path)])
    store.publish(
        [Publication(part(store, "2.part", ""), "pages/a/b/y.html"), old]
    )
    assert (store.folder / "pages/a/b/y.html").exists()
    (store.folder / "pages/a/b/y.html").unlink()
    store.publish([old])
    assert list((store.folder / "pages").iterdir()) == []
    store.publish([old])
    store.sync_names([old])


def test_a_killed_run_is_finished_by_the_next(tmp_path: Path) -> None:
    """Two files were committed, one of them was renamed already, one part belongs to nobody."""
    killed = Store(tmp_path / "run")
    killed.open()
    for name in ("1.part", "2.part", "orphan.part"):
        part(killed, name, name)
    committed = [Publication("1.part", "pages/a/1.html"), Publication("2.part", "pages/a/2.html"),
                 Publication(None, "pages/a/old.html")]  # fmt: skip
    killed.publish(committed[:1])
    (killed.folder / "pages/a/old.html").write_text("")
    assert killed._lock is not None
    killed._lock.close()  # as the system does for a process that is gone

    following = Store(tmp_path / "run")
    following.open()
    mine = part(following, "1.part", "mine")
    following.recover(committed)
    assert (following.folder / "pages/a/1.html").read_text() == "1.part"
    assert (following.folder / "pages/a/2.html").read_text() == "2.part"
    assert not (following.folder / "pages/a/old.html").exists()
    assert not killed.parts.exists()
    assert Path(following.part(mine)).exists(), (
        "its own parts are not another's leftovers"
    )
    following.close()


def test_parts_that_were_never_published_go_with_the_run(store: Store) -> None:
    part(store, "1.part", "half")
    store.close()
    assert not store.parts.exists()


# -- the folder -------------------------------------------------------------------------------


def test_a_folder_has_one_run_at_a_time(store: Store) -> None:
    with pytest.raises(
        InUse, match=rf"in use by another run \(process {os.getpid()}\)"
    ):
        Store(store.folder).open()
    store.close()
    again = Store(store.folder)
    again.open()
    again.close()


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        Store(tmp_path / "run").open()
    with pytest.raises(UsageError, match="is a file"):
        Store(tmp_path / "run" / "below").open()


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (PermissionError(13, "Permission denied"), UsageError),
        (OSError(30, "Read-only file system"), UsageError),
        (OSError(28, "No space left on device"), LocalFault),
    ],
)
def test_a_folder_that_cannot_be_written_is_told(
    error: OSError,
    raised: type[Exception],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(raised):
        Store(tmp_path / "run").open()
