"""Bytes of a page to text, in the order and with the labels of the WHATWG's standards.

Encoding Standard: https://encoding.spec.whatwg.org/#names-and-labels
HTML Standard: https://html.spec.whatwg.org/multipage/parsing.html#determining-the-character-encoding
"""

import codecs
import re
from functools import lru_cache
from typing import Final, NamedTuple

_NAMED: Final = """
utf-8          : unicode-1-1-utf-8 unicode11utf8 unicode20utf8 utf8 x-unicode20utf8
ibm866         : 866 cp866 csibm866
iso-8859-2     : csisolatin2 iso-ir-101 iso_8859-2:1987 l2 latin2
iso-8859-3     : csisolatin3 iso-ir-109 iso_8859-3:1988 l3 latin3
iso-8859-4     : csisolatin4 iso-ir-110 iso_8859-4:1988 l4 latin4
iso-8859-5     : csisolatincyrillic cyrillic iso-ir-144 iso_8859-5:1988
iso-8859-6     : arabic asmo-708 csiso88596e csiso88596i csisolatinarabic ecma-114 iso-8859-6-e
iso-8859-6     : iso-8859-6-i iso-ir-127 iso_8859-6:1987
iso-8859-7     : csisolatingreek ecma-118 elot_928 greek greek8 iso-ir-126 iso_8859-7:1987
iso-8859-7     : sun_eu_greek
iso-8859-8     : csiso88598e csisolatinhebrew hebrew iso-8859-8-e iso-ir-138 iso_8859-8:1988 visual
iso-8859-8-i   : csiso88598i logical
iso-8859-10    : csisolatin6 iso-ir-157 l6 latin6
iso-8859-13    :
iso-8859-14    :
iso-8859-15    : csisolatin9 l9
iso-8859-16    :
koi8-r         : cskoi8r koi koi8 koi8_r
koi8-u         : koi8-ru
macintosh      : csmacintosh mac x-mac-roman
windows-874    : dos-874 iso-8859-11 iso8859-11 iso885911 tis-620
windows-1250   : cp1250 x-cp1250
windows-1251   : cp1251 x-cp1251
windows-1252   : ansi_x3.4-1968 ascii cp1252 cp819 csisolatin1 ibm819 iso-8859-1 iso-ir-100
windows-1252   : iso8859-1 iso88591 iso_8859-1 iso_8859-1:1987 l1 latin1 us-ascii x-cp1252
windows-1253   : cp1253 x-cp1253
windows-1254   : cp1254 csisolatin5 iso-8859-9 iso-ir-148 iso8859-9 iso88599 iso_8859-9
windows-1254   : iso_8859-9:1989 l5 latin5 x-cp1254
windows-1255   : cp1255 x-cp1255
windows-1256   : cp1256 x-cp1256
windows-1257   : cp1257 x-cp1257
windows-1258   : cp1258 x-cp1258
x-mac-cyrillic : x-mac-ukrainian
gbk            : chinese csgb2312 csiso58gb231280 gb2312 gb_2312 gb_2312-80 iso-ir-58 x-gbk
gb18030        :
big5           : big5-hkscs cn-big5 csbig5 x-x-big5
euc-jp         : cseucpkdfmtjapanese x-euc-jp
iso-2022-jp    : csiso2022jp
shift_jis      : csshiftjis ms932 ms_kanji shift-jis sjis windows-31j x-sjis
euc-kr         : cseuckr csksc56011987 iso-ir-149 korean ks_c_5601-1987 ks_c_5601-1989 ksc5601
euc-kr         : ksc_5601 windows-949
utf-16be       : unicodefffe
utf-16le       : csunicode iso-10646-ucs-2 ucs-2 unicode unicodefeff utf-16
"""

_CODECS: Final = {  # where Python calls it otherwise, or means less by the same name
    "iso-8859-8-i": "iso8859-8",
    "macintosh": "mac-roman",
    "windows-874": "cp874",
    "x-mac-cyrillic": "mac-cyrillic",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "shift_jis": "cp932",
    "euc-kr": "cp949",
    "utf-16be": "utf-16-be",
    "utf-16le": "utf-16-le",
}

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
)

_SHIFT_OUT: Final = (
    b"\x1b$"  # with it ISO-2022-JP leaves ASCII, of whose bytes it is made
)

PRESCAN_BYTES: Final = 1024
RESCAN_BYTES: Final = 65536

# For the prescan, whose steps are these patterns. They are applied to bytes in lower case, and
# what they match never grows shorter by backtracking: where the standard runs out of bytes,
# nothing matches.
_MARKUP: Final = re.compile(
    rb"(<!--)|(<meta)(?=[\t\n\f\r /])|(</?[a-z][^\t\n\f\r >]*+)|<[!/?]"
)
_ATTRIBUTE: Final = re.compile(
    rb"""[\t\n\f\r /]*+
    (?: >                                                      # no more attributes
    | ( [^\t\n\f\r />][^\t\n\f\r />=]*+ )
      [\t\n\f\r ]*+
      (?: (?=[^\t\n\f\r =])                                    # no value
      | = [\t\n\f\r ]*+
        (?: "([^"]*+)" | '([^']*+)' | (?=>)
        | ( [^\t\n\f\r >"'][^\t\n\f\r >]*+ ) (?=[\t\n\f\r >])
        )
      )
    )""",
    re.VERBOSE,
)
_IN_CONTENT: Final = re.compile(
    rb"""charset[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:"([^"]*+)"|'([^']*+)'|(?!["'])([^\t\n\f\r ;]++)|)"""
)
_XML_ENCODING: Final = re.compile(
    rb"""<\?xml(?=[^>]*+>)(?:(?!encoding)[^>])*+encoding
    [\x00-\x20]*+=[\x00-\x20]*+(?:"([^\x00-\x20">]*+)"|'([^\x00-\x20'>]*+)')""",
    re.VERBOSE,
)


def _labels() -> dict[str, str]:
    names: dict[str, str] = {}
    for line in _NAMED.strip().splitlines():
        name, _, others = line.partition(":")
        name = name.strip()
        for label in (name, *others.split()):
            names[label] = name
        if name.startswith("iso-8859-") and name[9:].isdigit():
            part = name[9:]
            for label in (
                f"iso8859-{part}",
                f"iso8859{part}",
                f"iso_8859-{part}",
            ):
                names[label] = name
    return names


_LABELS: Final = _labels()


def encoding_of(label: str | None) -> str | None:
    """The WHATWG's name, in lower case, of the encoding that a label means; None if unknown."""
    return _LABELS.get(label.strip(" \t\n\f\r").lower()) if label else None


class Decoded(NamedTuple):
    """A body as text: the WHATWG's name of its encoding, and what that was learned from."""

    text: str
    charset: str
    won: str
    """`bom`, `http`, `meta`, `bytes`; `default` if nothing speaks for any."""


def decode(
    body: bytes, http_charset: str | None = None, *, is_markup: bool = True
) -> Decoded:
    """The text of a page; never raises.

    What counts, in this order: a byte order mark, HTTP's charset, the page's own declaration in
    its first 1024 bytes, UTF-8 if the whole body is UTF-8, a declaration further down (browsers
    start over when they meet one), what the bytes look like, windows-1252. Bytes without a meaning
    become U+FFFD, and so does NUL, at which C parsers end the page. What is no markup declares
    nothing: a page may be quoted in it.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return Decoded(_read(body[len(mark) :], name), name, "bom")
    if said := encoding_of(http_charset):
        return Decoded(_read(body, said), said, "http")
    if is_markup and (said := declared_encoding(body[:PRESCAN_BYTES])):
        return Decoded(_read(body, said), said, "meta")
    name, won = _undeclared(body, is_markup)
    return Decoded(_read(body, name), name, won)


def _undeclared(body: bytes, is_markup: bool) -> tuple[str, str]:
    """How to read what does not say so at once, and what that is learned from."""
    if body.isascii():
        is_japanese = _SHIFT_OUT in body and _is_iso_2022_jp(body)
        return ("iso-2022-jp", "bytes") if is_japanese else ("utf-8", "default")
    if _has_meaning(body, "utf-8"):
        return "utf-8", "bytes"
    if is_markup and (said := declared_encoding(body[:RESCAN_BYTES])):
        return said, "meta"
    from processors.page.detection import detect_encoding

    found = detect_encoding(body)
    return (found, "bytes") if found else ("windows-1252", "default")


def compare_evidence(
    body: bytes, http_charset: str | None, decoded: Decoded
) -> dict[str, str | bool | None]:
    """What spoke for which encoding, in the WHATWG's names: won, http, bom, meta, bytes, disagreed.

    The bytes speak for UTF-8 if all of them are that and some are not ASCII, in a page that
    declares nothing for what they look like.
    """
    won = decoded.won
    bom = next((name for mark, name in _BOMS if body.startswith(mark)), None)
    meta = declared_encoding(body[:PRESCAN_BYTES])
    is_ascii = body.isascii()
    found = decoded.charset if won == "bytes" else None
    if not is_ascii and _is_utf_8(body, decoded):
        found = "utf-8"
    said = {
        "http": encoding_of(http_charset),
        "bom": bom,
        "meta": decoded.charset if won == "meta" else meta,
        "bytes": found,
    }
    names = set(filter(None, said.values()))
    is_broken = decoded.charset == "utf-8" and not is_ascii and found is None
    return {"won": won, **said, "disagreed": len(names) > 1 or is_broken}


@lru_cache(maxsize=1)  # it is asked for the text of a page and for the evidence
def declared_encoding(head: bytes) -> str | None:
    """The encoding that a page declares: "prescan a byte stream to determine its encoding"."""
    if head.startswith(b"<\0?\0x\0"):
        return "utf-16le"
    if head.startswith(b"\0<\0?\0x"):
        return "utf-16be"
    lower = head.lower()
    # All that meta elements declare has this word: most bytes need no closer look.
    found = _prescan(lower) if b"charset" in lower else None
    return found or _xml_encoding(head)


def _prescan(head: bytes) -> str | None:
    """What the first meta element that declares an encoding says; None if the bytes run out."""
    position = 0
    while found := _MARKUP.search(head, position):
        comment, meta, tag = found.groups()
        if meta or tag:
            attributes, position = _attributes(head, found.end())
            if meta and position and (encoding := _of_meta(attributes)):
                return encoding
        elif comment:
            # "<!-->" is a whole comment: its dashes may be those it began with.
            position = head.find(b"-->", found.start() + 2) + 1
        else:
            position = head.find(b">", found.end()) + 1
        if not position:
            break
    return None


def _attributes(head: bytes, position: int) -> tuple[dict[bytes, bytes], int]:
    """The attributes of a tag and where it ends; 0 if it does not. Of equal ones the first counts.

    They are given in lower case, as `head` is.
    """
    attributes: dict[bytes, bytes] = {}
    while attribute := _ATTRIBUTE.match(head, position):
        name, double, single, bare = attribute.groups()
        position = attribute.end()
        if name is None:
            return attributes, position
        attributes.setdefault(name, double or single or bare or b"")
    return attributes, 0


def _of_meta(attributes: dict[bytes, bytes]) -> str | None:
    """What a meta element declares. Its `charset` counts; `content` only beside `http-equiv`."""
    if b"charset" in attributes:
        return _ascii_compatible(attributes[b"charset"])
    if attributes.get(b"http-equiv") != b"content-type":
        return None
    found = _IN_CONTENT.search(attributes.get(b"content", b""))
    return (
        _ascii_compatible(found[1] or found[2] or found[3] or b"")
        if found
        else None
    )


def _xml_encoding(head: bytes) -> str | None:
    """What an XML declaration says, which is the last resort."""
    found = _XML_ENCODING.match(head)
    return _ascii_compatible(found[1] or found[2] or b"") if found else None


def _ascii_compatible(label: bytes) -> str | None:
    """What a declaration means that was itself read as ASCII: it cannot stand in UTF-16."""
    name = encoding_of(label.decode("latin-1"))
    if name in ("utf-16le", "utf-16be"):
        return "utf-8"
    if label.strip().lower() == b"x-user-defined":
        return "windows-1252"
    return name


def _is_iso_2022_jp(body: bytes) -> bool:
    try:
        return not body.decode("iso-2022-jp").isascii()
    except UnicodeDecodeError:
        return False


def _is_utf_8(body: bytes, decoded: Decoded) -> bool:
    if decoded.charset == "utf-8" and "\ufffd" not in decoded.text:
        return True  # no need to read it again
    return _has_meaning(body, "utf-8")


def _has_meaning(body: bytes, name: str) -> bool:
    """Is all of it text in this encoding?"""
    try:
        body.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _read(body: bytes, name: str) -> str:
    return body.decode(_CODECS.get(name, name), errors="replace").replace(
        "\0", "\ufffd"
    )
