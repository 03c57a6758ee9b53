"""One of each kind, with an index at `/`: what `python -m scraper.faulty` serves."""

from __future__ import annotations

from html import escape
from http import HTTPStatus

from scraper.faulty import behaviours as b
from scraper.faulty.server import Behaviour

DATE = "Wed, 01 Jan 2025 00:00:00 GMT"
CODES = (
    200,
    204,
    206,
    301,
    304,
    400,
    401,
    403,
    404,
    408,
    410,
    418,
    429,
    451,
    500,
    502,
    503,
    504,
)
JAPANESE = "<!doctype html><title>富士山</title><p>日本一の山".encode(
    "shift_jis"
)
GIF = b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;"
PARTS = [f"Part {n}. ".encode() * 100 for n in range(100)]

Family = tuple[tuple[str, str, Behaviour], ...]

FAMILIES: dict[str, Family] = {
    "As it should be": (
        ("/page", "a page", b.body(b.PAGE)),
        ("/chunked", "chunks and a trailer", b.chunked(b.PAGE * 100)),
        ("/gzip", "compressed", b.gzip_body(b.PAGE * 100)),
        ("/no-length", "HTTP/1.0, ends with the connection", b.no_length()),
        ("/early-hints", "103 before 200", b.early_hints()),
        ("/etag", "304 for If-None-Match", b.etag(b.PAGE)),
        ("/last-modified", "304 for If-Modified-Since", b.last_modified(b.PAGE, DATE)),
        ("/ranges", "206 for Range", b.ranges(b"".join(PARTS))),
        ("/shift-jis", "charset in HTTP only", b.body(JAPANESE, "text/html; charset=shift_jis")),
        ("/private/page", "forbidden by robots.txt", b.body(b.PAGE)),
    ),
    "Changes its mind": (
        ("/changing", "another page each time", b.changing()),
        ("/503-then-200", "recovers, every other time", b.alternate(b.status(503), b.body(b.PAGE))),
        ("/recovers", "500, 503, then well for good", b.sequence(
            b.status(500), b.status(503), b.body(b.PAGE))),
        ("/429-then-200", "Retry-After: 1", b.alternate(b.retry_after(1), b.body(b.PAGE))),
        ("/flaky", "every other request is reset", b.alternate(b.reset(), b.body(b.PAGE))),
        ("/resumes", "reset midway, then Range works", b.alternate(
            b.reset_midway(b"".join(PARTS), {"ETag": '"1"', "Accept-Ranges": "bytes"}),
            b.ranges(b"".join(PARTS)))),
        ("/cookie", "sets a cookie, knows it again", b.set_cookie(then=b.page("<p>Welcome back."))),
    ),
    "Elsewhere": (
        ("/redirect", "to /page", b.redirect("/page")),
        ("/redirect-chain", "ten hops", b.redirect_chain(10)),
        ("/redirect-loop", "to itself", b.redirect_loop()),
        ("/redirect-nowhere", "no Location", b.redirect_nowhere()),
        ("/redirect-to-file", "file:///", b.redirect("file:///")),
        ("/redirect-to-script", "javascript:", b.redirect("javascript:alert(1)")),
        ("/redirect-bad", "not a URL", b.redirect("http://[")),
        ("/redirect-unicode", "a path not escaped", b.redirect("/übergröße")),
        ("/cookie-wall", "to itself, until a cookie comes", b.cookie_wall()),
        ("/login", "user: faulty, password: faulty", b.needs_login("Basic ZmF1bHR5OmZhdWx0eQ==")),
    ),
    "Slow": (
        ("/delay/1", "a second", b.delay(1)),
        ("/delay/10", "ten seconds", b.delay(10)),
        ("/slowly", "a page over five seconds", b.slowly(b.PAGE * 20, 5)),
        ("/drip", "a byte a second, for ever", b.drip()),
        ("/drip-head", "a head, a byte a second, for ever", b.drip_head()),
        ("/silent", "never answers", b.silent()),
    ),
    "Without end": (
        ("/continue-forever", "100 Continue", b.continue_forever()),
        ("/endless-hints", "103 Early Hints", b.continue_forever(code=103)),
        ("/endless-chunked", "chunks at full speed", b.endless_chunked()),
        ("/endless-bytes", "chunks of a byte", b.endless_chunked(b".")),
        ("/endless-slowly", "a chunk a second", b.endless_chunked(b".", 1)),
        ("/endless-chunk-size", "digits of a size", b.endless_chunk_size()),
        ("/endless-extensions", "8 kB with each byte", b.endless_extensions()),
        ("/endless-trailers", "lines behind the body", b.endless_trailers()),
        ("/endless-header", "header lines at full speed", b.endless_header()),
        ("/too-large", "declares a terabyte", b.too_large()),
        ("/gzip-bomb", "100 MB in 100 kB", b.gzip_bomb()),
    ),
    "Cut off": (
        ("/empty", "closes without a byte", b.empty()),
        ("/cut-head", "half a head", b.cut_head()),
        ("/cut-redirect", "half a Location", b.cut_head(302, {"Location": "/page"})),
        ("/reset", "RST", b.reset()),
        ("/reset-midway", "half a page, RST", b.reset_midway()),
        ("/short", "less than Content-Length", b.short()),
        ("/short-chunked", "no last chunk", b.short_chunked()),
        ("/short-chunk-size", "half a size", b.short_chunked(end=b"0")),
        ("/close-after", "keeps alive, yet closes", b.close_after()),
    ),
    "Wrong": (
        ("/overlong", "more than Content-Length", b.overlong()),
        ("/bad-length", "Content-Length: many", b.bad_length()),
        ("/negative-length", "Content-Length: -1", b.bad_length("-1")),
        ("/huge-length", "Content-Length of 5,000 digits", b.bad_length("9" * 5_000)),
        ("/same-lengths", "Content-Length: 51, 51", b.bad_length(f"{len(b.PAGE)}, {len(b.PAGE)}")),
        ("/two-lengths", "two Content-Lengths", b.two_lengths()),
        ("/length-and-chunked", "both, one wrong", b.length_and_chunked()),
        ("/unasked-body", "204 with a body", b.unasked_body()),
        ("/unasked-part", "206 with a part", b.body(
            b.PAGE, headers={"Content-Range": "bytes 0-50/100"}, code=206)),
        ("/bad-chunk", "a chunk size that is none", b.bad_chunk()),
        ("/negative-chunk", "a chunk size of -5", b.bad_chunk(b"-5")),
        ("/wrong-chunk", "a chunk longer than its size", b.bad_chunk(b"10")),
        ("/bad-coding", "Transfer-Encoding: gzip, chunked", b.bad_coding()),
        ("/broken-gzip", "damaged", b.broken_gzip()),
        ("/cut-gzip", "ends too early", b.cut_gzip()),
        ("/not-gzip", "says gzip, is not", b.not_gzip()),
        ("/unknown-encoding", "Content-Encoding: x-rot13", b.unknown_encoding()),
        ("/encoded-over-and-over", "gzip a thousand times", b.unknown_encoding(
            name=", ".join(["gzip"] * 1_000))),
        ("/picture-as-html", "a GIF as text/html", b.body(GIF)),
        ("/html-as-picture", "HTML as image/png", b.body(b.PAGE, "image/png")),
        ("/no-type", "no Content-Type", b.body(b.PAGE, None)),
        ("/empty-body", "200 and nothing", b.body(b"")),
    ),
    "Hardly HTTP": (
        ("/garbage", "other bytes", b.garbage()),
        ("/no-head", "a page without a head", b.garbage(b.PAGE)),
        ("/tls-alert", "what TLS says to plain HTTP", b.garbage(b"\x15\3\1\0\2\2\x46")),
        ("/bad-status-line", "HTTP/1.1 two hundred", b.bad_status_line()),
        ("/status-000", "HTTP/1.1 000", b.bad_status_line(b"HTTP/1.1 000 None")),
        ("/status-1e3", "HTTP/1.1 1e3", b.bad_status_line(b"HTTP/1.1 1e3 Thousand")),
        ("/http-2", "HTTP/2 200, as text", b.bad_status_line(b"HTTP/2 200")),
        ("/status/999", "nobody knows it", b.status(999)),
        ("/upgrade", "101, not asked for", b.upgrade()),
        ("/no-colon", "a header without a colon", b.odd_header(b"X-Header")),
        ("/nul-header", "a header with a NUL", b.odd_header(b"X-Header: a\0b")),
        ("/folded-header", "a header over two lines", b.folded_header()),
        ("/non-latin-header", "UTF-8, and worse", b.non_latin_header()),
        ("/many-headers", "a thousand", b.many_headers()),
        ("/long-header", "a megabyte", b.long_header()),
    ),
    "Statuses": tuple(
        (f"/status/{code}", HTTPStatus(code).phrase, b.status(code)) for code in CODES
    ),
}  # fmt: skip


def zoo() -> dict[str, Behaviour]:
    """Path -> behaviour, with the index at `/` and a robots.txt that forbids `/private/`."""
    behaviours = {
        path: act for family in FAMILIES.values() for path, _, act in family
    }
    index = "".join(
        f"<h2>{name}</h2><ul>"
        + "".join(
            f'<li><a href="{path}">{path}</a> {escape(what)}'
            for path, what, _ in family
        )
        + "</ul>"
        for name, family in FAMILIES.items()
    )
    return {
        "/": b.page(
            f"<!doctype html><title>The zoo</title><h1>The zoo</h1>{index}"
        ),
        "/robots.txt": b.robots("User-agent: *\nDisallow: /private/\n"),
        **behaviours,
    }
