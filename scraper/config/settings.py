"""Every key, declared once: its section, type, default, bounds, flag and sentence.

The command line, the names in the environment, config/default.toml and the reference in
docs/configuration.md follow from these fields. A key's name occurs in one section only, so a flag
is the key without its unit: `timeout_seconds` is `--timeout` and `SCRAPER_TIMEOUT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from scraper.config.earlier import REMOVED, RENAMED
from scraper.config.frozen import REQUIRED, Frozen
from scraper.config.keys import AGE, Key, KeySet, Section, as_in, setting
from scraper.config.schema import Schema
from scraper.errors import FLAGS

# What can be recorded of a picture's metadata: groups of names, and names.
EXIF_NAMES = tuple(
    "all camera exposure date text rights icc gps Make Model LensMake LensModel Software "  # noqa: SIM905
    "ExposureTime FNumber ISOSpeedRatings ExposureProgram ExposureBiasValue MeteringMode "
    "WhiteBalance Flash FocalLength FocalLengthIn35mmFilm DateTimeOriginal DateTimeDigitized "
    "DateTime OffsetTimeOriginal OffsetTimeDigitized OffsetTime ImageDescription dc:title "
    "dc:description Artist Copyright dc:creator xmpRights:Owner dc:rights xmpRights:Marked "
    "xmpRights:UsageTerms xmpRights:WebStatement photoshop:Credit photoshop:Source cc:license "
    "cc:attributionName cc:attributionURL iptc:By-line iptc:Credit iptc:Source "
    "iptc:CopyrightNotice".split()
)

# Of a picture: one side for both, or width and height.
_SIZE = r"|\d{1,6}(x\d{1,6})?"
VARIANT_NAME = r"[a-z][a-z0-9_-]{0,31}"


def _redact_header(line: str) -> str:
    from scraper.redaction import redacted_header  # only for one that is shown

    return redacted_header(line)


def _redact_url(url: str) -> str:
    from scraper.redaction import redacted

    return redacted(url)


class RunSettings(Section):
    """How much at once, where, and when to stop."""

    dir: str = setting(
        "",
        "run folder; empty: downloads/<name of the list>",
        short="-d",
        metavar="DIR",
    )
    threads: int = setting(
        0,
        "fetch threads; 0 or auto: 16 for each core, up to 32, and more where they would wait",
        low=0,
        auto=True,
        high=1024,
        short="-j",
        metavar="N",
    )
    processes: int = setting(
        0,
        "worker processes; 0: one for each core",
        low=0,
        high=256,
        short="-p",
        metavar="N",
    )
    window: int = setting(
        0,
        "URLs in flight, from handing out to commit; 0: four for each thread",
        low=0,
        high=65_536,
        flag=False,
    )
    durable: bool = setting(
        False, "sync each commit to the disk: safe against power loss, slower"
    )
    grace_seconds: float = setting(
        10.0,
        "after a signal, time for what is under way",
        low=0,
        high=3_600,
        metavar="T",
    )
    max_time_seconds: float = setting(
        0.0,
        "stop after this long; 0: no limit",
        low=0,
        high=31_536_000,
        metavar="T",
    )
    max_bytes: int = setting(
        0,
        "stop after receiving this much; 0: no limit",
        low=0,
        high=2**60,
        metavar="SIZE",
    )
    max_urls: int = setting(
        0,
        "stop after this many URLs; 0: no limit",
        low=0,
        high=2**40,
        metavar="N",
    )
    max_age: str = setting(
        "",
        "ask again what was asked last longer ago than this when the pass begins, and nothing "
        "else of what is known, as a refresh does; empty: nothing",
        pattern=AGE,
        metavar="30m|6h|7d",
    )
    max_failures: str = setting(
        "",
        "stop after this many failed URLs, a number or a share such as 20%",
        pattern=r"|\d+|\d{1,2}(\.\d+)?%|100%",
        metavar="N|N%",
    )
    fail_on: tuple[str, ...] = setting(
        (),
        "what makes the exit code 3, too: fields, where one was full in an earlier pass "
        "and is empty in this; changed or gone, where a URL is; with failed=5% (or a number) what "
        "fails makes it 3 only if that is more of all URLs that were not skipped",
        choices=("fields", "changed", "gone"),
        pattern=r"failed=(\d+|\d{1,2}(\.\d+)?%|100%)",
        metavar="fields|changed|gone|failed=N%",
    )
    save_only: bool = setting(
        False,
        "save bodies and record them; parse and process nothing",
        shapes=True,
    )


class InputSettings(Section):
    """Lists that are tables."""

    url_col: str = setting(
        "",
        "the column that holds the URLs; empty: the only one that does",
        metavar="NAME",
    )
    columns: tuple[str, ...] = setting(
        ("all",),
        "the other columns that come out in records: names, all or none",
        metavar="NAMES",
    )
    input_format: str = setting(
        "",
        "format of the lists; empty: by their extension, else by their first lines",
        choices=(
            "",
            "lines",
            "csv",
            "tsv",
            "jsonl",
            "json",
            "parquet",
            "sitemap",
            "feed",
        ),
    )
    lastmod: bool = setting(
        True,
        "max_age leaves out what its sitemap says was not modified since its last good answer",
    )


class FetchSettings(Section):
    """One request."""

    timeout_seconds: float = setting(
        20.0,
        "longest silence while an answer is read",
        low=0.01,
        high=86_400,
        metavar="T",
    )
    first_byte_timeout_seconds: float = setting(
        0.0,
        "longest wait for the first byte of an answer; 0: as timeout",
        low=0,
        high=86_400,
        metavar="T",
    )
    connect_timeout_seconds: float = setting(
        10.0,
        "longest wait for a connection",
        low=0.01,
        high=3_600,
        metavar="T",
    )
    dns_timeout_seconds: float = setting(
        10.0,
        "longest wait for a name look-up",
        low=0.01,
        high=3_600,
        flag=False,
    )
    request_time_seconds: float = setting(
        300.0,
        "longest time for one request, however busy it looks",
        low=0.01,
        high=604_800,
        metavar="T",
    )
    min_speed_bytes: int = setting(
        0,
        "bytes a second, over 30 s, below which an answer is given up; 0: off",
        low=0,
        high=2**40,
        metavar="SIZE",
    )
    max_body_bytes: int = setting(
        256 * 2**20,
        "largest body, decompressed",
        low=1,
        high=2**40,
        metavar="SIZE",
    )
    max_redirects: int = setting(
        10, "hops before a URL is given up", low=0, high=100, metavar="N"
    )
    retries: int = setting(
        2,
        "tries after the first, for failures that may pass",
        low=0,
        high=100,
        short="-R",
        metavar="N",
    )
    retry_wait_seconds: float = setting(
        1.0,
        "first pause before a retry; doubles each time",
        low=0,
        high=3_600,
        flag=False,
    )
    contact: str = setting(
        "",
        "your address or page in the User-Agent, so that hosts can reach you",
        metavar="WHO",
    )
    user_agent: str = setting(
        "",
        "User-Agent; empty: this program's name, version and the contact",
        short="-U",
        metavar="UA",
    )
    header: tuple[str, ...] = setting(
        (),
        "further request header, 'Name: value'",
        short="-H",
        metavar="H",
        splits=False,
        redact=_redact_header,
    )
    proxy: str = setting(
        "",
        "proxy for all requests; empty: *_proxy of the environment",
        metavar="URL",
        redact=_redact_url,
    )
    ca_bundle: str = setting(
        "", "file of trusted certificates; empty: certifi's", metavar="FILE"
    )
    expect: str = setting(
        "auto",
        "what the URLs of the list are: by their extensions, anything, or all of one kind",
        choices=("auto", "any", "image", "page", "file"),
        shapes=True,
    )
    verify_tls: bool = setting(True, "verify certificates", flag=False)


class HostSettings(Section):
    """Which hosts may be asked, and how."""

    allow_hosts: tuple[str, ...] = setting(
        (),
        "only these hosts: names, globs, networks; empty: all",
        metavar="HOSTS",
    )
    per_host: int = setting(
        8, "requests at once to one host", low=1, high=1024, metavar="N"
    )
    delay_seconds: float = setting(
        0.0,
        "least time between an answer and the next request to a host",
        low=0,
        high=86_400,
        metavar="T",
    )
    jitter: float = setting(
        0.25,
        "random part on top of each delay, as a share of it",
        low=0,
        high=10,
        flag=False,
    )
    robots: str = setting(
        "on",
        "robots.txt: obeyed, ignored, or only reported in the records",
        choices=("on", "off", "report"),
    )
    obey: tuple[str, ...] = setting(
        (),
        "page directives that skip a URL, such as noindex,noai",
        choices=("noindex", "noimageindex", "noai", "noimageai"),
        metavar="WORDS",
        shapes=True,
    )
    limit_rate_bytes: int = setting(
        0,
        "bytes a second, over all hosts; 0: no limit",
        low=0,
        high=2**40,
        short="-r",
        metavar="SIZE",
    )
    host_limit_rate_bytes: int = setting(
        0,
        "bytes a second, for each host; 0: no limit",
        low=0,
        high=2**40,
        metavar="SIZE",
    )
    patience_seconds: float = setting(
        900.0,
        "how long a host that refuses is waited for",
        low=0,
        high=604_800,
        metavar="T",
    )
    offline_wait_seconds: float = setting(
        300.0,
        "how long a network that is gone is waited for",
        low=0,
        high=604_800,
        metavar="T",
    )
    private: str = setting(
        "listed",
        "private addresses: only if the list names them, always, or never",
        choices=("listed", "always", "never"),
        formerly={"yes": "always", "no": "never"},
    )
    allow_networks: tuple[str, ...] = setting(
        (),
        "private networks that may be connected to",
        metavar="NETS",
    )
    deny_networks: tuple[str, ...] = setting(
        (),
        "networks that must never be connected to",
        metavar="NETS",
    )


class PageSettings(Section):
    """What is made of a page."""

    page_images: str = setting(
        "best",
        "pictures of pages that are fetched too: none, those in src, the best "
        "file of each, all files",
        choices=("none", "src", "best", "all"),
        formerly={"true": "best", "false": "none"},
        off="none",
        shapes=True,
    )
    image_width: int = setting(
        0,
        "width that the best file of a picture has at least; 0: as resize, that "
        "of the widest variant",
        low=0,
        high=10**6,
        metavar="PX",
        shapes=True,
    )
    html: str = setting(
        "",
        "your function for pages, module:function",
        metavar="M:F",
        takes=("page",),
        shapes=True,
    )
    select: tuple[str, ...] = setting(
        (),
        "a field of each page: what a CSS selector finds, such as title=h1, link=a@href or "
        "price:number=.price; may be repeated",
        metavar="NAME=SELECTOR",
        splits=False,
        shapes=True,
    )
    each: str = setting(
        "",
        "the selected fields are those of each element that fits: a list of items",
        metavar="SELECTOR",
        shapes=True,
    )
    watch: tuple[str, ...] = setting(
        (),
        "selectors of what counts as the text of a page when it is compared; may be repeated",
        metavar="SELECTOR",
        splits=False,
        shapes=True,
    )
    ignore: tuple[str, ...] = setting(
        (),
        "selectors of what counts as neither text nor links of a page; may be repeated",
        metavar="SELECTOR",
        splits=False,
        shapes=True,
    )
    require: tuple[str, ...] = setting(
        (),
        "selected fields without which a page is failed",
        metavar="NAMES",
        shapes=True,
    )
    facts: str = setting(
        "full",
        "facts of a page in its record",
        choices=("basic", "full"),
        shapes=True,
    )
    article: bool = setting(
        False,
        "the text of a page's article in its record; needs scraper[article]",
        shapes=True,
    )
    meta_refresh: bool = setting(
        False,
        "go where a page sends its reader within 30 s",
        shapes=True,
    )
    max_links: int = setting(
        10_000,
        "links of one page in its record",
        low=1,
        high=10**7,
        flag=False,
        shapes=True,
    )
    max_page_images: int = setting(
        500,
        "images of one page in its record, and fetched",
        low=1,
        high=10**7,
        flag=False,
        shapes=True,
    )

    fail_flags: tuple[str, ...] = setting(
        (),
        "flags that make failures, such as login_wall,captcha",
        choices=FLAGS,
        metavar="FLAGS",
        shapes=True,
    )


class FollowSettings(Section):
    """Which links of pages are followed: the list grows by what they lead to."""

    follow: tuple[str, ...] = setting(
        (),
        "go on to the next page: the selector of its link, such as a.next, or rel=next; may be "
        "repeated",
        metavar="SELECTOR",
        splits=False,
        shapes=True,
    )
    follow_limit: int = setting(
        100,
        "pages of one chain of next pages",
        low=1,
        high=10**7,
        shapes=True,
    )
    depth: int = setting(
        0,
        "levels of links that are followed from the listed pages; next pages count for none",
        low=0,
        high=1_000,
        shapes=True,
    )
    scope: str = setting(
        "path",
        "where links may lead: to the same page with another query; into a folder of the list; "
        "on the page's host, or its domain; to any host of the list",
        choices=("page", "path", "host", "domain", "list"),
        shapes=True,
    )
    accept: tuple[str, ...] = setting(
        (),
        "only links to URLs that fit are followed: globs such as *.html; may be repeated",
        metavar="GLOB",
        splits=False,
        shapes=True,
    )
    reject: tuple[str, ...] = setting(
        (),
        "links to URLs that fit are not followed: globs such as */print/*; may be repeated",
        metavar="GLOB",
        splits=False,
        shapes=True,
    )
    nofollow: str = setting(
        "obey",
        "what pages ask with rel=nofollow, robots meta tags and X-Robots-Tag",
        choices=("obey", "ignore"),
        shapes=True,
    )
    ignore_params: tuple[str, ...] = setting(
        (),
        "parameters without which URLs are the same, such as utm_*,fbclid",
        metavar="NAMES",
        shapes=True,
    )

    @property
    def is_on(self) -> bool:
        """Is any link followed? Recipes may ask for it, too."""
        return bool(self.follow or self.depth)


class TrapSettings(Section):
    """When links lead on without end: what is not asked any further."""

    traps: str = setting(
        "on",
        "leave out pages that links lead to without end, or again and again; off: ask them all",
        choices=("on", "off"),
    )
    max_pages_per_host: int = setting(
        10_000,
        "pages of one host that links lead to; what is listed does not count",
        low=1,
        high=10**9,
        metavar="N",
    )
    max_segments: int = setting(
        32, "segments of a path", low=1, high=10_000, flag=False
    )
    max_repeats: int = setting(
        3,
        "times that the same segments may stand in a row in a path, as in /a/b/a/b",
        low=1,
        high=10_000,
        flag=False,
    )
    same_pages: int = setting(
        10,
        "pages in a row that say nothing new, after which what their URLs differ in makes no "
        "difference",
        low=2,
        high=10**6,
        flag=False,
    )


class ImageSettings(Section):
    """What is made of a picture."""

    image: str = setting(
        "",
        "your function for pictures, module:function",
        metavar="M:F",
        takes=("picture", "facts"),
        shapes=True,
    )

    resize: str = setting(
        "512",
        "box that results are to fit: a side, or 300x200; 0: keep size",
        pattern=r"0|[1-9]\d{0,4}(x[1-9]\d{0,4})?",
        metavar="PX|WxH",
        shapes=True,
    )
    resize_mode: str = setting(
        "fit",
        "how: all of it in the box, the box filled, filled and cut, all of it on a ground, "
        "stretched, or as many pixels as the box has",
        choices=("fit", "smallest", "cover", "pad", "stretch", "max_pixels"),
        aliases={
            "keep_ratio": "smallest",
            "keep_ratio_largest": "fit",
            "center_crop": "cover",
            "border": "pad",
        },
        shapes=True,
    )
    enlarge: bool = setting(
        False, "make smaller pictures larger, too", shapes=True
    )
    grayscale: bool = setting(False, "make results gray", shapes=True)
    op: tuple[str, ...] = setting(
        (),
        "what else is done to pictures, in this order: crop=LEFT,TOP,RIGHT,BOTTOM rotate=DEGREES "
        "blur=RADIUS sharpen autocontrast, or module:function of yours; resize and gray say where "
        "these two are done, which is first; may be repeated",
        metavar="OP",
        takes=("picture",),
        splits=False,
        shapes=True,
    )
    format: str = setting(
        "keep",
        "format of results; keep: that of jpeg, png, webp",
        choices=("keep", "jpeg", "png", "webp", "avif", "gif"),
        formerly={"": "keep"},
        aliases={"": "keep", "jpg": "jpeg"},
        shapes=True,
    )
    frames: str = setting(
        "first",
        "frames of pictures that move: the first, as a still, or all",
        choices=("first", "all"),
        shapes=True,
    )
    quality: int = setting(
        85,
        "quality of jpeg, webp and avif results",
        low=1,
        high=100,
        metavar="Q",
        shapes=True,
    )
    progressive: bool = setting(
        False, "write jpeg that shows all of the picture early", shapes=True
    )
    subsampling: str = setting(
        "",
        "colours that jpeg and avif results keep: all, half or a quarter; empty: a quarter",
        choices=("", "4:4:4", "4:2:2", "4:2:0"),
        shapes=True,
    )
    lossless: bool = setting(
        False, "write webp that keeps each pixel", shapes=True
    )
    truncated: str = setting(
        "fail",
        "pictures that end too early: fail, or keep what came",
        choices=("fail", "keep"),
        shapes=True,
    )
    exif: tuple[str, ...] = setting(
        (),
        "metadata in records, such as camera,date,rights",
        choices=EXIF_NAMES,
        metavar="NAMES",
        shapes=True,
    )
    phash: bool = setting(
        False,
        "what each picture looks like, as a perceptual hash in its record; needs scraper[phash]",
        shapes=True,
    )
    matte: str = setting(
        "white",
        "colour below transparent pictures in formats without alpha",
        metavar="COLOUR",
        shapes=True,
    )
    max_pixels: int = setting(
        100_000_000,
        "largest picture that is decoded",
        low=1,
        high=10**10,
        flag=False,
        shapes=True,
    )
    min_size: str = setting(
        "",
        "least sides of a picture, one for both or 300x200: smaller ones are skipped",
        pattern=_SIZE,
        metavar="PX|WxH",
        other_names=("min_image_size",),
        shapes=True,
    )
    max_size: str = setting(
        "",
        "largest sides of a picture, as in min_size: larger ones are skipped",
        pattern=_SIZE,
        metavar="PX|WxH",
        shapes=True,
    )
    min_area: int = setting(
        0,
        "pictures with fewer pixels, width x height, are skipped",
        low=0,
        high=10**10,
        metavar="N",
        shapes=True,
    )
    max_area: int = setting(
        0,
        "pictures with more pixels are skipped; 0: none",
        low=0,
        high=10**10,
        metavar="N",
        other_names=("max_image_area",),
        shapes=True,
    )
    max_aspect_ratio: float = setting(
        0.0,
        "pictures whose long side is more than this many times the short one are skipped; 0: none",
        low=0,
        high=10**6,
        metavar="N",
        shapes=True,
    )
    min_filesize_bytes: int = setting(
        0,
        "pictures of fewer bytes are skipped",
        low=0,
        high=2**40,
        metavar="SIZE",
        other_names=("filesize_min",),
        shapes=True,
    )
    max_filesize_bytes: int = setting(
        0,
        "pictures of more bytes are skipped; 0: none",
        low=0,
        high=2**40,
        metavar="SIZE",
        other_names=("filesize_max",),
        shapes=True,
    )
    skip_blank: bool = setting(
        False,
        "skip pictures of one colour, or all transparent",
        shapes=True,
    )


class FileSettings(Section):
    """What is made of what is neither page nor picture: JSON, PDF, CSV, anything else."""

    file: str = setting(
        "",
        "your function for files, module:function",
        metavar="M:F",
        takes=("file",),
        shapes=True,
    )
    parse_json: bool = setting(
        False,
        "what bodies of JSON say, as data in their records",
        shapes=True,
    )


class WorkerSettings(Section):
    """Worker processes, and the limits around one item in them."""

    initializer: str = setting(
        "",
        "your function that each worker calls before its first item, module:function",
        metavar="M:F",
        takes=(),
    )

    process_time_seconds: float = setting(
        30.0,
        "longest time for one page or picture",
        low=0.01,
        high=86_400,
        metavar="T",
    )
    process_memory_bytes: int = setting(
        2**30,
        "memory a worker may use beyond its start; 0: no limit",
        low=0,
        high=2**44,
        metavar="SIZE",
    )


class ChangesSettings(Section):
    """What is reported of changes since earlier passes."""

    max_gone: str = setting(
        "20%",
        "if a larger share of the known URLs is missing when the list has ended (404, 410, or in "
        "no list any more), none is reported as gone, and the exit code is 3",
        pattern=r"\d{1,2}(\.\d+)?%|100%",
        metavar="N%",
    )
    notify: tuple[str, ...] = setting(
        (),
        "a command that gets a notice as JSON on its standard input when something turns: broken, "
        "recovered, changed, a field that is empty",
        metavar="COMMAND",
        command=True,
    )
    notify_after: int = setting(
        2,
        "so many runs in a row that are not well are broken",
        low=1,
        high=10_000,
        metavar="N",
    )
    notify_fields: tuple[str, ...] = setting(
        (),
        "changes that are worth a notice: fields of recipes, or words such as text,status; "
        "empty: all",
        metavar="NAMES",
    )
    notify_time_seconds: float = setting(
        30.0,
        "longest time for the command of a notice",
        low=0.01,
        high=3_600,
        flag=False,
    )


class OutputSettings(Section):
    """What is said, and where."""

    output: tuple[str, ...] = setting(
        (),
        "a table of the records at the end: .csv .tsv .json .jsonl .parquet .sqlite; '-': records "
        "to standard output as they come; may be repeated",
        short="-o",
        metavar="FILE",
        splits=False,
    )
    line: str = setting(
        "",
        "template of a line of -o -, such as '{url} page is {bytes} bytes'; empty: the record",
        metavar="TEMPLATE",
    )
    line_failed: str = setting(
        "",
        "the same of a URL without a good outcome, such as '{url}: {reason}'; empty: as --line",
        metavar="TEMPLATE",
    )
    fields: tuple[str, ...] = setting(
        (),
        "columns of these tables, such as url,title,input.id; empty: all",
        metavar="NAMES",
    )
    only: str = setting(
        "",
        "rows of these tables: done and unchanged ones, done ones, failed ones",
        choices=("", "good", "done", "failed"),
    )
    order: str = setting(
        "input",
        "order of these tables: that of the list, or that in which URLs ended",
        choices=("input", "done"),
    )
    rows: str = setting(
        "records",
        "what a row of these tables is: a record, or an item of a page",
        choices=("records", "items"),
    )
    csv_raw: bool = setting(
        False,
        "leave text in CSV as it is, formulas of spreadsheets too; no byte order mark",
    )
    quiet: bool = setting(
        False, "say nothing, or one line if the exit code is not 0", short="-q"
    )
    verbose: bool = setting(
        False, "log each URL to the terminal too", short="-v"
    )
    progress: bool = setting(
        True, "progress bar, or a line each 30 s off a terminal"
    )
    name: str = setting(
        "",
        "template of the names of files, such as {input.id}.{ext}; empty: the usual ones",
        metavar="TEMPLATE",
        shapes=True,
    )
    name_col: str = setting(
        "",
        "the column that gives files their names, as in the name {input.COLUMN}.{ext}",
        metavar="NAME",
        shapes=True,
    )
    duplicates: str = setting(
        "link",
        "equal bytes of several URLs: stored once, as hard links, or copied for each of them",
        choices=("link", "copy"),
    )
    mtime: bool = setting(False, "give files the time of their Last-Modified")
    metrics: str = setting(
        "",
        "a file that is replaced at the end of a run, with its counts as Prometheus reads them",
        metavar="FILE",
    )
    log_format: str = setting(
        "text", "format of run.log", choices=("text", "json")
    )
    log_level: str = setting(
        "info",
        "what run.log has of a URL: a line for its outcome, or for each step of its life",
        choices=("info", "debug"),
    )


class RecipeSettings(Section):
    """Fields of pages and JSON bodies, with selectors in the place of a program."""

    name: str = setting(
        "", "its name in messages and counts; empty: recipe and its number"
    )
    match: tuple[str, ...] = setting(
        (),
        "globs of the URLs that it is for, such as https://shop.example/books/*; empty: all",
        splits=False,
    )
    each: str = setting(
        "",
        "the fields are those of each element that this selector fits: items",
    )
    max_age: str = setting(
        "",
        "the max_age of the URLs that it is for, and of their pictures; empty: that of all",
        pattern=AGE,
        metavar="30m|6h|7d",
    )
    watch: tuple[str, ...] = setting(
        (),
        "selectors of what counts as the text of a page when it is compared, such as .price",
        splits=False,
    )
    ignore: tuple[str, ...] = setting(
        (),
        "selectors of what counts as neither text nor links of a page, such as .ads",
        splits=False,
    )
    follow: tuple[str, ...] = setting(
        (),
        "selectors of links to the next page, such as a.next, or rel=next",
        splits=False,
    )
    pages: tuple[str, ...] = setting(
        (),
        "selectors of links to pages that are asked, too, such as .product a",
        splits=False,
    )
    fields: Mapping[str, Any] = setting(
        MappingProxyType({}),
        "by its name, each field: a selector, or a table that says more; may only be left out "
        "beside watch, ignore, follow or pages",
    )


class VariantSettings(Section):
    """One of several results of each picture. What it does not say is as in [image]."""

    name: str = setting(
        REQUIRED,
        "what its files are called by, in small letters; default: as if there were no others",
        pattern=VARIANT_NAME,
        metavar="small letters, digits, - and _",
    )
    resize: str = as_in(ImageSettings, "resize")
    resize_mode: str = as_in(ImageSettings, "resize_mode")
    enlarge: bool = as_in(ImageSettings, "enlarge")
    grayscale: bool = as_in(ImageSettings, "grayscale")
    op: tuple[str, ...] = as_in(ImageSettings, "op")
    format: str = as_in(ImageSettings, "format")
    quality: int = as_in(ImageSettings, "quality")
    progressive: bool = as_in(ImageSettings, "progressive")
    subsampling: str = as_in(ImageSettings, "subsampling")
    lossless: bool = as_in(ImageSettings, "lossless")
    matte: str = as_in(ImageSettings, "matte")

    @staticmethod
    def parse_line(text: str, keys: KeySet) -> Mapping[str, Any]:
        """`thumb=128x128,cover,gray,webp`. Raises ValueError."""
        from scraper.config.variants import parse_variant

        return parse_variant(text, keys)

    def own_values(self) -> dict[str, Any]:
        """Its values by their names, without those that it leaves to [image]."""
        return {
            name: value
            for name, value in vars(self).items()
            if value is not None
        }


def files_of(output: OutputSettings) -> list[str]:
    """The tables that are asked for; '-' is standard output, and none."""
    return [each for each in output.output if each != "-"]


class Config(Frozen):
    """Everything that can be set. Frozen: make another with `configure` or `with_keys`."""

    run: RunSettings = RunSettings()
    input: InputSettings = InputSettings()
    fetch: FetchSettings = FetchSettings()
    hosts: HostSettings = HostSettings()
    page: PageSettings = PageSettings()
    follow: FollowSettings = FollowSettings()
    traps: TrapSettings = TrapSettings()
    image: ImageSettings = ImageSettings()
    file: FileSettings = FileSettings()
    worker: WorkerSettings = WorkerSettings()
    changes: ChangesSettings = ChangesSettings()
    output: OutputSettings = OutputSettings()
    variant: tuple[VariantSettings, ...] = ()
    recipe: tuple[RecipeSettings, ...] = ()


SCHEMA = Schema(Config, RENAMED, REMOVED)
KEYS: Mapping[str, Key] = SCHEMA.keys.by_name
