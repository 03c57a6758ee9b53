"""What is recorded of a picture's metadata: what was asked for, and never a failure."""

import io
import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from processors.image import Plan, process
from processors.image.exif import MAX_CHARS, NAMES
from processors.image.xmp import MAX_BYTES, MAX_ITEMS
from scraper import UsageError, configure
from scraper.config.settings import EXIF_NAMES

RDF = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF
  xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><r:Description
  xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"
  xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"
  xmlns:p="http://ns.adobe.com/photoshop/1.0/" {attributes}>{elements}</r:Description></r:RDF>
  </x:xmpmeta>"""
RIGHTS = RDF.format(
    attributes='xmpRights:Marked="True" p:Credit="Agency"',
    elements="""<dc:creator><r:Seq><r:li>Ann</r:li><r:li>Ben &amp; Co</r:li></r:Seq></dc:creator>
    <dc:rights><r:Alt><r:li xml:lang="x-default">© Ann</r:li><r:li xml:lang="de">© A.</r:li></r:Alt>
    </dc:rights><cc:license r:resource="https://creativecommons.org/licenses/by/4.0/"/>
    <dc:format>image/jpeg</dc:format>
    <xmpRights:WebStatement>https://a.example/</xmpRights:WebStatement>""",
).encode()
OF_RIGHTS = {
    "dc:creator": ["Ann", "Ben & Co"],
    "dc:rights": "© Ann",
    "xmpRights:Marked": "True",
    "xmpRights:WebStatement": "https://a.example/",
    "photoshop:Credit": "Agency",
    "cc:license": "https://creativecommons.org/licenses/by/4.0/",
}


def tags() -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make] = "Acme\0\0"
    exif[Base.Model] = " One "
    exif[Base.Artist] = "Zoë".encode()  # as is usual
    exif[Base.DateTime] = "2020:02:30 11:12:13"
    details = exif.get_ifd(IFD.Exif)
    details[Base.DateTimeOriginal] = "2020:01:02 11:12:13"
    details[Base.ExposureTime] = IFDRational(1, 200)
    details[Base.FocalLength] = IFDRational(0, 0)
    details[Base.MakerNote] = b"secret"
    place = exif.get_ifd(IFD.GPSInfo)
    place[GPS.GPSLatitudeRef] = "N"
    place[GPS.GPSLatitude] = (52.0, 30.0, 36.0)
    place[GPS.GPSLongitudeRef] = "W"
    place[GPS.GPSLongitude] = (13.0, 24.0, 0.0)
    return exif


OF_TAGS = {
    "Make": "Acme",
    "Model": "One",
    "ExposureTime": 0.005,
    "DateTimeOriginal": "2020-01-02T11:12:13",
    "DateTime": "2020-02-30T11:12:13",
    "Artist": "Zoë",
}


def saved(format: str, **options: Any) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(written, format, **options)
    return written.getvalue()


def recorded(folder: Path, body: bytes, *names: str) -> dict[str, Any]:
    (folder / "original").write_bytes(body)
    source, out = str(folder / "original"), str(folder / "out")
    facts = process(source, Plan(exif=names), out, "processed/x").facts
    found: dict[str, Any] = facts["exif"]
    assert orjson.loads(orjson.dumps(found)) == found
    return found


def test_nothing_is_recorded_unless_it_is_asked_for(tmp_path: Path) -> None:
    source = tmp_path / "original"
    source.write_bytes(saved("jpeg", exif=tags()))
    out = str(tmp_path / "out")
    assert "exif" not in process(str(source), Plan(), out, "p").facts
    assert recorded(tmp_path, saved("jpeg"), "all", "gps") == {}


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff", "avif"])
def test_tags_of_every_format_are_plain_data(
    format: str, tmp_path: Path
) -> None:
    body = saved(format, exif=tags())
    expected = dict(OF_TAGS)
    if format == "tiff":  # to which Pillow writes no tables below the first
        del expected["ExposureTime"], expected["DateTimeOriginal"]
    assert recorded(tmp_path, body, "all") == expected


def test_names_and_groups_choose(tmp_path: Path) -> None:
    body = saved("jpeg", exif=tags())
    found = recorded(tmp_path, body, "DateTimeOriginal", "camera")
    assert list(found) == ["Make", "Model", "DateTimeOriginal"]


def test_a_place_is_recorded_only_by_its_name(tmp_path: Path) -> None:
    body = saved("jpeg", exif=tags())
    every = [name for name in NAMES if name != "gps"]
    assert "52.5" not in json.dumps(recorded(tmp_path, body, *every))
    assert recorded(tmp_path, body, "gps") == {
        "latitude": 52.51,
        "longitude": -13.4,
    }


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (GPS.GPSLatitude, (91.0, 0.0, 0.0)),
        (GPS.GPSLatitude, (52.0, 30.0)),
        (GPS.GPSLongitude, (180.0, 1.0, 0.0)),
        (GPS.GPSLongitude, (IFDRational(0, 0), 1.0, 0.0)),
        (GPS.GPSLongitudeRef, None),
    ],
)
def test_what_is_no_place_is_not_recorded(
    tag: int, value: Any, tmp_path: Path
) -> None:
    exif = tags()
    place = exif.get_ifd(IFD.GPSInfo)
    place[tag] = value
    if value is None:
        del place[tag]
    assert recorded(tmp_path, saved("jpeg", exif=exif), "gps") == {}


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "tiff", "avif"])
def test_rights_are_read_of_xmp(format: str, tmp_path: Path) -> None:
    if format == "png":
        told = PngImagePlugin.PngInfo()
        told.add_itxt("XML:com.adobe.xmp", RIGHTS.decode())
        body = saved(format, pnginfo=told)
    elif format == "tiff":
        body = saved(format, tiffinfo={700: RIGHTS})
    else:
        body = saved(format, xmp=RIGHTS)
    assert recorded(tmp_path, body, "rights") == OF_RIGHTS


def test_long_texts_and_lists_are_cut(tmp_path: Path) -> None:
    elements = (
        f"<dc:rights>{'x' * 9_000}</dc:rights><dc:creator><r:Bag>"
        f"{'<r:li>Ann</r:li>' * 90}</r:Bag></dc:creator>"
    )
    xmp = RDF.format(attributes="", elements=elements).encode()
    found = recorded(tmp_path, saved("webp", xmp=xmp), "rights")
    assert len(found["dc:rights"]) == MAX_CHARS
    assert found["dc:creator"] == ["Ann"] * MAX_ITEMS
    xmp = xmp.replace(b"<dc:rights>", b" " * MAX_BYTES + b"<dc:rights>")
    assert recorded(tmp_path, saved("webp", xmp=xmp), "rights") == {}


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE r [<!ENTITY l11 SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/r.dtd">',
    ],
)
def test_no_entity_of_xmp_is_followed(doctype: str, tmp_path: Path) -> None:
    rights = RDF.format(attributes="", elements="<dc:rights>&l11;</dc:rights>")
    body = saved("webp", xmp=(doctype + rights).encode())
    assert recorded(tmp_path, body, "all") == {}


def test_what_stands_before_the_damage_is_taken(tmp_path: Path) -> None:
    cut = RIGHTS[: RIGHTS.index(b"<dc:rights>")] + b"</dc:oops>"
    found = recorded(tmp_path, saved("webp", xmp=cut), "rights")
    assert found == {
        key: OF_RIGHTS[key]
        for key in ("dc:creator", "xmpRights:Marked", "photoshop:Credit")
    }


def test_rights_are_read_of_iptc(tmp_path: Path) -> None:
    entries = [(80, b"Ann"), (80, b"Ben"), (116, "© Ann".encode()), (25, b"x")]
    iptc = b"".join(
        bytes([0x1C, 2, dataset]) + len(text).to_bytes(2) + text
        for dataset, text in entries
    )
    block = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4) + iptc
    content = b"Photoshop 3.0\0" + block + b"\0" * (len(block) % 2)
    segment = b"\xff\xed" + (len(content) + 2).to_bytes(2) + content
    body = saved("jpeg")
    found = recorded(tmp_path, body[:2] + segment + body[2:], "rights")
    assert found == {"iptc:By-line": "Ann", "iptc:CopyrightNotice": "© Ann"}


def test_a_profile_has_a_name(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for body, expected in (
        (saved("png", icc_profile=profile), {"icc": "sRGB built-in"}),
        (saved("png", icc_profile=b"garbage"), {}),
    ):
        assert recorded(tmp_path, body, "icc") == expected


@pytest.mark.parametrize("format", ["jpeg", "png", "webp"])
def test_damaged_metadata_never_fails_a_picture(
    format: str, tmp_path: Path
) -> None:
    whole = tags().tobytes()
    for seed in range(100):
        chance = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 30)):
            place = chance.randrange(10, len(damaged))
            damaged[place] = chance.randrange(256)
        body = saved(format, exif=bytes(damaged))
        recorded(tmp_path, body, "all", "gps")


def test_memory_that_runs_out_is_not_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("processors.image.xmp.properties_of", run_out)
    with pytest.raises(MemoryError):
        recorded(tmp_path, saved("jpeg"), "rights")


def test_the_names_are_those_of_the_configuration() -> None:
    assert sorted(EXIF_NAMES) == sorted(NAMES)
    assert configure(exif="gps, Make").image.exif == ("gps", "Make")


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("Mak", "Make"), ("camera,GPS", "gps"), (["dc:right"], "dc:rights")],
)
def test_an_unknown_name_is_one_line_with_the_nearest(
    wrong: Any, meant: str
) -> None:
    with pytest.raises(UsageError, match=f"41 more; did you mean {meant}\\?$"):
        configure(exif=wrong)
    with pytest.raises(UsageError, match=r"gps and 41 more$"):
        configure(exif=5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "photo-04-3264x2448.jpg",
            {"Model": "iPhone 6", "latitude": 40.446972, "longitude": -3.724753},
        ),
        (
            "photo-13-1488x2240.jpg",
            {
                "Model": "NIKON D70s",
                "latitude": 43.785594,
                "longitude": 11.234619,
            },
        ),
        ("photo-16-1600x1200.jpg", {"Model": "Canon DIGITAL IXUS 300"}),
    ],
)  # fmt: skip
def test_a_photo_of_the_corpus(
    name: str, expected: dict[str, Any], corpus: Path, tmp_path: Path
) -> None:
    body = (corpus / "photos" / name).read_bytes()
    assert recorded(tmp_path, body, "gps", "Model") == expected
