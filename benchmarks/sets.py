"""The pages and pictures that are fetched: the same ones each time."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageFilter

from benchmarks.table import say

SEED = 20
GENERATED_PAGES = 132
GENERATED_PHOTOS = 6
SMALL_MEGAPIXELS, LARGE_MEGAPIXELS = (1.0, 2.0), (3.5, 4.5)
LARGE_SHARE = 0.2
_SHAPES = (4 / 3, 3 / 2, 16 / 9, 1.0, 3 / 4, 2 / 3)


@dataclass(frozen=True, slots=True)
class Served:
    """Files in a folder, and how large they are together."""

    names: tuple[str, ...]
    bytes: int
    origin: str

    def write_list(
        self, path: Path, base: str, count: int | None = None
    ) -> Path:
        """A list of URLs, one a line."""
        lines = (f"{base}/{name}\n" for name in self.names[:count])
        path.write_text("".join(lines), encoding="ascii")
        return path


# -- pages ----------------------------------------------------------------------------------------


def pages(corpus: Path, folder: Path, count: int) -> Served:
    """`count` pages in `folder`: the corpus's, again and again, each copy with a mark of its own.

    Without a corpus the pages are generated, with sizes like those of real ones (median 21 KB,
    a few of some hundred KB).
    """
    real = sorted((corpus / "pages").glob("*.html"))
    bodies = [path.read_bytes() for path in real] or generated_pages()
    folder.mkdir(parents=True)
    names, total = [], 0
    for number in range(count):
        body = bodies[number % len(bodies)] + b"\n<!-- copy %d -->\n" % number
        names.append(f"{number:06}.html")
        (folder / names[-1]).write_bytes(body)
        total += len(body)
    origin = (
        f"{len(real)} real pages" if real else f"{len(bodies)} generated pages"
    )
    return Served(tuple(names), total, f"{origin}, marked copies")


def generated_pages() -> list[bytes]:
    """Pages like real ones in number and size."""
    chance = random.Random(SEED)
    words = ["".join(chance.choices("abcdefghijklmnoprstuvz", k=chance.randint(2, 11)))
             for _ in range(3_000)]  # fmt: skip
    return [_page(chance, words, number) for number in range(GENERATED_PAGES)]


def _page(chance: random.Random, words: Sequence[str], number: int) -> bytes:
    size = min(600_000, int(chance.lognormvariate(9.95, 1.3)))
    parts = [
        f"<!DOCTYPE html><html lang=en><head><meta charset=utf-8><title>Page {number}</title>"
        f'<meta name="description" content="{" ".join(chance.choices(words, k=20))}">'
        f'<link rel="canonical" href="/page/{number}"><script>var a = "{"x" * 2_000}";</script>'
        "</head><body>"
    ]
    length = len(parts[0])
    while length < size:
        a, b = chance.randrange(10_000), chance.randrange(10_000)
        text = " ".join(chance.choices(words, k=30))
        parts.append(
            f'<div class="row item-{a}"><a href="/items/{a}?ref={b}">{text[:40]}</a>'
            f'<p>{text}</p><img src="img/{b}.jpg" alt="{text[:20]}"></div>\n'
        )
        length += len(parts[-1])
    return "".join([*parts, "</body></html>"]).encode()


# -- pictures -------------------------------------------------------------------------------------


def pictures(corpus: Path, cache: Path, folder: Path, count: int) -> Served:
    """`count` JPEGs in `folder`, cut out of the corpus's photographs and scaled: four fifths of
    1 to 2 megapixels, one fifth of about 4 (where the photograph has them), quality 85 to 90.

    They are made once and kept in the cache. Without a corpus the photographs are generated.
    """
    photos = sorted((corpus / "photos").glob("*.jpg"))
    said = (
        " ".join(f"{path.name}:{path.stat().st_size}" for path in photos)
        + f" {SEED}"
    )
    kept = cache / f"pictures-{hashlib.sha256(said.encode()).hexdigest()[:8]}"
    kept.mkdir(parents=True, exist_ok=True)
    names = [f"{number:05}.jpg" for number in range(count)]
    _make_missing(kept, photos, count)
    folder.mkdir(parents=True)
    total = 0
    for name in names:
        shutil.copyfile(kept / name, folder / name)
        total += (kept / name).stat().st_size
    origin = f"{len(photos)} photographs" if photos else "generated photographs"
    return Served(tuple(names), total, f"cut out of {origin}")


def add_largest(corpus: Path, folder: Path, count: int) -> int:
    """The largest photographs of the corpus, whole; how many there were.

    They are saved anew: not every peer reads one of them, which is damaged.
    """
    photos = sorted((corpus / "photos").glob("*.jpg"), key=_pixels)
    largest = photos[::-1][:count]
    for path in largest:
        with Image.open(path) as photo:
            photo.convert("RGB").save(folder / path.name, quality=88)
    return len(largest)


def _pixels(path: Path) -> int:
    with Image.open(path) as image:
        return image.width * image.height


def _make_missing(kept: Path, photos: Sequence[Path], count: int) -> None:
    sources = list(photos) or _generated_photos(kept)
    missing: dict[Path, list[int]] = {}
    for number in range(count):
        if not (kept / f"{number:05}.jpg").exists():
            missing.setdefault(sources[number % len(sources)], []).append(
                number
            )
    if missing:
        say(f"making {sum(map(len, missing.values()))} pictures, once ...")
        with ProcessPoolExecutor() as pool:
            for future in [
                pool.submit(_cut, kept, *each) for each in missing.items()
            ]:
                future.result()


def _cut(kept: Path, source: Path, numbers: Sequence[int]) -> None:
    with Image.open(source) as opened:
        photo = opened.convert("RGB")
    for number in numbers:
        chance = random.Random(SEED * 1_000_000 + number)
        size = (
            LARGE_MEGAPIXELS
            if chance.random() < LARGE_SHARE
            else SMALL_MEGAPIXELS
        )
        picture = _cutting(photo, chance, chance.uniform(*size) * 1e6)
        part = kept / f"{number:05}.part"
        picture.save(part, "JPEG", quality=chance.randint(85, 90),
                     progressive=chance.random() < 0.2)  # fmt: skip
        part.replace(kept / f"{number:05}.jpg")


def _cutting(
    photo: Image.Image, chance: random.Random, pixels: float
) -> Image.Image:
    """A cutting of one of the usual shapes; scaled down to `pixels` if it is larger."""
    shape = chance.choice(_SHAPES)
    width = min(photo.width, photo.height * shape) * chance.uniform(0.8, 1.0)
    left = chance.uniform(0, photo.width - width)
    top = chance.uniform(0, photo.height - width / shape)
    box = (left, top, left + width, top + width / shape)
    goal = min(width, (pixels * shape) ** 0.5)
    size = (round(goal), round(goal / shape))
    return photo.resize(
        size, Image.Resampling.LANCZOS, box=box, reducing_gap=2.0
    )


def _generated_photos(kept: Path) -> list[Path]:
    paths = [kept / f"photo-{number}.png" for number in range(GENERATED_PHOTOS)]
    for number, path in enumerate(paths):
        if not path.exists():
            _generated_photo(number).save(path, compress_level=1)
    return paths


def _generated_photo(number: int) -> Image.Image:
    """Soft shapes with grain: compresses about as a photograph does."""
    chance = random.Random(number)
    small = Image.frombytes("RGB", (64, 48), chance.randbytes(64 * 48 * 3))
    soft = small.filter(ImageFilter.GaussianBlur(1)).resize(
        (2560, 1920), Image.Resampling.BICUBIC
    )
    grain = Image.frombytes(
        "RGB", (1280, 960), chance.randbytes(1280 * 960 * 3)
    )
    return Image.blend(
        soft, grain.resize(soft.size, Image.Resampling.BICUBIC), 0.08
    )
