"""Which pictures a page names, and which file of each is the right one."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.page import Page
from processors.page.facts import PageOptions, page_facts
from processors.page.images.elements import PLACES

URL = "https://example.org/shop/page.html"
SHOP = "https://example.org/shop/"


def images(
    source: str, which: str = "best", width: int = 500, **options: Any
) -> list[dict[str, Any]]:
    wanted = PageOptions(page_images=which, image_width=width, **options)
    found: list[dict[str, Any]] = page_facts(
        Page(URL, source.encode(), "utf-8"), wanted
    ).record["images"]
    return found


def names(source: str, which: str = "best", width: int = 500) -> list[str]:
    return [
        image["url"].removeprefix(SHOP)
        for image in images(source, which, width)
    ]


def places(source: str, which: str = "best") -> list[tuple[str, str]]:
    return [
        (image["url"].removeprefix(SHOP), image["where"])
        for image in images(source, which)
    ]


NINE = """<!doctype html><html><head>
    <meta property="og:image" content="/shop/card.jpg">
    <meta property="og:image:width" content="1200">
    <meta property="og:image:height" content="630">
    <meta property="og:image:alt" content=" The  shop ">
    <link rel="preload" as="image" href="hero.jpg"
      imagesrcset="hero-400.jpg 400w, hero-800.jpg 800w">
    </head><body>
    <img src="plain.jpg" alt=" A  plain one " width="300" height="200">
    <img src="s.jpg" srcset="s-400.jpg 400w, s-800.jpg 800w" width="400" height="300" alt="">
    <picture><source media="(min-width: 900px)" srcset="wide.jpg">
      <source type="image/jxl" srcset="new.jxl"><source type="image/webp" srcset="p.webp 2x">
      <img src="p.jpg" alt="P" width="400" height="100"></picture>
    <img class="lazy" src="spacer.gif" data-src="later.jpg" alt="later">
    <img src="data:image/gif;base64,R0lGOD" data-srcset="l-1.jpg 1x, l-2.jpg 2x">
    <noscript><p><img src="unscripted.jpg"></p></noscript>
    <div style="background-image: url('back.jpg')"></div>
    </body></html>"""


def test_a_page_names_pictures_in_nine_ways() -> None:
    assert images(NINE) == [
        {
            "url": SHOP + name,
            "alt": alt,
            "width": width,
            "height": height,
            "where": where,
        }
        for name, alt, width, height, where in [
            ("hero-800.jpg", None, 800, None, "preload"),
            ("plain.jpg", "A plain one", 300, 200, "img"),
            ("s-800.jpg", "", 800, 600, "srcset"),
            ("p.webp", "P", 800, 200, "picture"),
            ("later.jpg", "later", None, None, "lazy"),
            ("l-2.jpg", None, None, None, "lazy"),
            ("unscripted.jpg", None, None, None, "noscript"),
            ("back.jpg", None, None, None, "background"),
            ("card.jpg", "The shop", 1200, 630, "og:image"),
        ]
    ]


def test_all_of_them_are_all_files_that_can_be_decoded() -> None:
    assert names(NINE, "all") == [
        "hero-400.jpg",
        "hero-800.jpg",
        "plain.jpg",
        "s-400.jpg",
        "s-800.jpg",
        "s.jpg",
        "wide.jpg",
        "p.webp",
        "p.jpg",
        "later.jpg",
        "l-1.jpg",
        "l-2.jpg",
        "unscripted.jpg",
        "back.jpg",
        "card.jpg",
    ]


def test_src_is_what_img_elements_show_at_first() -> None:
    assert names(NINE, "src") == [
        "plain.jpg",
        "s.jpg",
        "p.jpg",
        "spacer.gif",
        "unscripted.jpg",
    ]
    first, *_ = images(NINE, "src")
    assert first == {
        "url": SHOP + "plain.jpg",
        "alt": "A plain one",
        "width": 300,
        "height": 200,
        "where": "img",
    }


def test_none_are_asked_for_but_the_record_has_the_best_ones() -> None:
    """Whether any is asked for is the journal's to say."""
    assert images(NINE, "none") == images(NINE)


@pytest.mark.parametrize("which", ["none", "src", "best", "all"])
def test_basic_images_are_the_urls_of_the_full_ones(which: str) -> None:
    basic = images(NINE, which, facts="basic")
    full = images(NINE, "src" if which == "none" else which)
    assert basic == [image["url"] for image in full]


@pytest.mark.parametrize("which", ["src", "best", "all"])
@pytest.mark.parametrize("facts", ["basic", "full"])
def test_what_is_asked_for_is_what_the_record_has(
    which: str, facts: str
) -> None:
    options = PageOptions(facts=facts, page_images=which)
    told = page_facts(Page(URL, NINE.encode()), options)
    assert told.images == [
        image if facts == "basic" else image["url"]
        for image in told.record["images"]
    ]


@pytest.mark.parametrize("facts", ["basic", "full"])
@pytest.mark.parametrize("source", ["<img src>", "<img src=' '>"])
def test_an_empty_src_is_not_the_page_itself(source: str, facts: str) -> None:
    assert images(source, "src", facts=facts) == []


# <picture>

PICTURE = """<picture>{}<img src="img.jpg"></picture>"""


@pytest.mark.parametrize(
    ("sources", "chosen"),
    [
        ("", "img.jpg"),
        ("<source srcset=a.jpg>", "a.jpg"),
        ("<source srcset=a.jpg><source srcset=b.jpg>", "a.jpg"),
        ("<source src=a.jpg>", "img.jpg"),
        ("<source srcset=' , '><source srcset=b.jpg>", "b.jpg"),
        ("<source srcset='a 1x 2x'><source srcset=b.jpg>", "b.jpg"),
        ("<source type=image/jxl srcset=a>", "img.jpg"),
        ("<source type=image/svg+xml srcset=a>", "img.jpg"),
        ("<source type=image/avif srcset=a.avif>", "a.avif"),
        ("<source type='IMAGE/WebP; q=1' srcset=a>", "a"),
        ("<source type='' srcset=a>", "a"),
        ("<source media=print srcset=a>", "img.jpg"),
        ("<source media='' srcset=a>", "a"),
        ("<source media='(min-width: 501px)' srcset=a>", "img.jpg"),
        ("<source media='(min-width: 500px)' srcset=a>", "a"),
        ("<source media='(prefers-color-scheme: dark)' srcset=a>", "img.jpg"),
        ("<source srcset='a 100w, b 700w, c 600w'>", "c"),
        ("<source srcset='data:image/png;base64,AAAA'>", "img.jpg"),
        ("<source data-srcset='a.jpg 1x'>", "a.jpg"),
        ("<!-- x --> <source srcset=a> <script></script>", "a"),
    ],
)
def test_the_first_source_that_is_meant_has_the_picture(
    sources: str, chosen: str
) -> None:
    assert names(PICTURE.format(sources)) == [chosen]


def test_without_a_width_the_screen_is_endless() -> None:
    source = PICTURE.format(
        "<source media='(max-width: 9999px)' srcset=a>"
        "<source media='(min-width: 9999px)' srcset=b>"
    )
    assert names(source, width=0) == ["b"]


def test_sources_belong_to_the_img_that_stands_beside_them() -> None:
    assert places(
        """<picture><source srcset=a></picture><img src=b>
        <picture><source srcset=c><span><img src=d></span></picture>
        <picture><img src=e><source srcset=f></picture>
        <video><source srcset=g></video><img src=h>"""
    ) == [("b", "img"), ("d", "img"), ("e", "img"), ("h", "img")]


def test_a_source_may_have_a_size_of_its_own() -> None:
    source = """<picture><source srcset="a 2x" width=100 height=50>
        <img src=b width=300 height=300></picture>"""
    (image,) = images(source)
    assert (image["width"], image["height"]) == (200, 100)


# Lazy ones


@pytest.mark.parametrize(
    ("attributes", "chosen"),
    [
        ("src=real.jpg data-src=b.jpg", "b.jpg"),
        ("src=data:image/gif;base64,R0lGOD data-original=b.jpg", "b.jpg"),
        ("data-lazy-src=b.jpg", "b.jpg"),
        ("data-lazy=b.jpg", "b.jpg"),
        ("data-lazyload=b.jpg", "b.jpg"),
        ("src=a.jpg data-lazy=true", "a.jpg"),
        ("src=a.jpg data-src", "a.jpg"),
        ("src=a.jpg data-src=b_{width}x.jpg", "a.jpg"),
        ("src=a.jpg data-src=data:image/png;base64,AAAA/", "a.jpg"),
        ("src=blank.gif data-src=b_{width}x.jpg", "blank.gif"),
        ("srcset='/shop/pixel/c.jpg 2x' data-src=b.jpg", "pixel/c.jpg"),
        ("src=a.jpg data-srcset='b.jpg 400w, c.jpg 600w'", "c.jpg"),
        ("src=a.jpg data-lazy-srcset='b.jpg 1x, c.jpg 2x'", "c.jpg"),
        ("src=a.jpg data-src=b.jpg data-srcset='c.jpg 2x'", "c.jpg"),
        ("src=a.jpg srcset='c.jpg 600w' data-src=b.jpg", "c.jpg"),
        ("src=a.jpg srcset='blank.gif 600w' data-src=b.jpg", "b.jpg"),
        (
            "src=a.jpg srcset='data:image/gif;base64,R0 600w' data-src=b.jpg",
            "b.jpg",
        ),
    ],
)
def test_what_a_script_would_fill_in_is_the_picture(
    attributes: str, chosen: str
) -> None:
    assert names(f"<img {attributes}>") == [chosen]


@pytest.mark.parametrize(
    "spacer",
    [
        "spacer.gif",
        "/i/blank.gif?x=1",
        "PIXEL.png",
        "1x1.png",
        "a/transparent-1.png",
    ],
)
def test_a_spacer_is_one_only_if_another_is_offered(spacer: str) -> None:
    assert len(names(f"<img src={spacer}>", "all")) == 1
    lazy = f"<img src={spacer} data-src=b.jpg>"
    assert names(lazy, "all") == ["b.jpg"]
    assert len(names(lazy, "src")) == 1


# What is no picture


@pytest.mark.parametrize("which", ["best", "all"])
@pytest.mark.parametrize(
    "source",
    [
        "<img>",
        "<img src>",
        "<img src='#top'>",
        "<img src=' '>",
        "<link rel=preload as=image href=' '>",
        "<img src=data:image/gif;base64,R0lGOD>",
        "<img src=' DATA:image/gif;base64,R0lGOD'>",
        "<img src=blob:https://example.org/1>",
        "<img src='{{ picture }}'>",
        "<img src='${picture}.jpg'>",
        "<img src=a.gif width=1 height=1>",
        "<img src=a.gif width=0>",
        "<img src=a.gif height='1px' data-src=b.gif>",
        "<noscript><img src=a.gif width=1></noscript>",
        "<link rel=preload as=script href=a.js>",
        "<link rel=icon as=image href=a.png>",
        "<link rel=preload as=image href=a.jpg type=image/jxl>",
        "<link rel=preload as=image>",
        "<div style='background: url(data:image/png;base64,AAAA)'>",
        "<div style='background: linear-gradient(red, blue)'>",
        "<div style='list-style: url(a.png)'>",
        "<meta property=og:image content=''>",
        "<meta property=og:image content='{{image}}'>",
        "<meta property=og:image:width content=3>",
        "<template><img src=a.jpg></template>",
        "<img src=javascript:x()>",
        "<img src=http://[/>",
    ],
)
def test_what_is_no_picture_is_left_out(source: str, which: str) -> None:
    assert images(source, which) == []


def test_a_preload_for_another_screen_is_left_out() -> None:
    link = "<link rel='x PRELOAD' as=Image href={} media='(min-width: {}px)'>"
    source = link.format("a", 500) + link.format("b", 501)
    assert places(source) == [("a", "preload")]


# What is said of them


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ("src=a width=300 height=200", (300, 200)),
        ("src=a width=' 300px' height=200.7", (300, 200)),
        ("src=a width=100% height=auto", (None, None)),
        ("src=a width=99999999999", (None, None)),
        ("srcset='a 600w' width=300 height=200", (600, 400)),
        ("srcset='a 600w' height=200", (600, None)),
        ("srcset='a 600w' width=300", (600, None)),
        ("srcset='a 2x' width=300 height=200", (600, 400)),
        ("srcset='a 2x'", (None, None)),
        ("srcset='a 0x' width=300 height=200", (None, None)),
        ("srcset='a 1e300x' width=300 height=200", (None, None)),
    ],
)
def test_a_size_is_that_of_the_file(
    attributes: str, size: tuple[int | None, int | None]
) -> None:
    (image,) = images(f"<img {attributes}>")
    assert (image["width"], image["height"]) == size


def test_the_first_mention_with_an_alt_counts() -> None:
    source = """<link rel=preload as=image href=a.jpg><img src=a.jpg alt>
        <img src=a.jpg alt="A" width=9><img src=a.jpg alt="B">"""
    assert images(source) == [
        {
            "url": SHOP + "a.jpg",
            "alt": "A",
            "width": 9,
            "height": None,
            "where": "img",
        }
    ]
    source = "<img src=a.jpg><img src=/shop/a.jpg alt='A'>"
    (image,) = images(source)
    assert image["alt"] == "A"


def test_a_noscript_far_above_or_before_does_not_count() -> None:
    source = "<body><noscript><img src=a></noscript><img src=b><noscript>{}<img src=c>"
    assert places(source.format("<i>" * 4)) == [
        ("a", "noscript"),
        ("b", "img"),
        ("c", "noscript"),
    ]
    assert places(source.format("<i>" * 10))[2] == ("c", "img")


def test_each_og_image_has_what_follows_it() -> None:
    source = "".join(
        f"<meta property={name} content='{content}'>"
        for name, content in [
            ("og:image:width", "7"),
            ("og:image", "a.jpg"),
            ("og:image:width", "100"),
            ("OG:Image", "b.jpg"),
            ("og:image:alt", "B"),
            ("og:image:url", "c.jpg"),
            ("og:image:height", "50"),
        ]
    )
    assert [
        (image["url"].removeprefix(SHOP), *list(image.values())[1:])
        for image in images(source)
    ] == [
        ("a.jpg", None, 100, None, "og:image"),
        ("b.jpg", "B", None, 50, "og:image"),
    ]
    source = "<meta property=og:image:url content=c.jpg>"
    assert names(source) == ["c.jpg"]


@pytest.mark.parametrize("tag", ["a href=x", "img src=x.jpg", "title", "b"])
def test_any_element_may_have_a_background(tag: str) -> None:
    source = f"<body><{tag} style='BACKGROUND: URL(back.jpg)'>"
    assert ("back.jpg", "background") in places(source)
    told = page_facts(Page(URL, source.encode())).record
    assert len(told["links"]) == ("href" in tag)


def test_a_background_may_be_an_image_set_without_url() -> None:
    style = "background: image-set('a.png' 1x, 'b.png' 2x)"
    assert places(f'<p style="{style}">') == [("b.png", "background")]


def test_sizes_count_where_widths_and_densities_are_mixed() -> None:
    source = "<img srcset='a 100w, b 1x, c 2x' sizes='(width: 500px) 300px'>"
    assert names(source) == ["c"]


# What a page may cost


def test_images_are_cut_where_the_bound_is() -> None:
    source = "".join(
        f"<img srcset='{number}.png 1x, {number}-2.png 2x'>"
        for number in range(30)
    )
    options = PageOptions(page_images="all", max_page_images=20)
    told = page_facts(Page(URL, source.encode()), options).record
    assert len(told["images"]) == 20
    assert told["cut"] == ["images"]


@pytest.mark.parametrize(
    "element",
    [
        "<img src=a>",
        "<img srcset='a 1x,b 2x,c 3x'>",
        "<img data-src=a.jpg>",
        "<picture><source srcset=a><img src=b></picture>",
        "<picture><source srcset=a>",
        "<noscript><img src=a>",
        "<p style='background:url(a)'>",
        "<p style='background:url(a),url(a),url(a),url(a),url(a),url(a)'>",
        "<link rel=preload as=image imagesrcset='a 1x, b 2x'>",
        "<meta property=og:image content=a>",
    ],
)
def test_many_elements_take_bounded_time(element: str) -> None:
    """10,000 of them; what walks all before each of them takes minutes."""
    page = Page(URL, (element * 10_000).encode())
    assert page.tree
    began = time.process_time()
    page_facts(page, PageOptions(page_images="all"))
    assert time.process_time() - began < 15


@pytest.mark.parametrize(
    "template",
    [
        "<img srcset='{}'>",
        "<p style='background:{}'>",
        "<img srcset='a 1w, b' sizes='{}'>",
        "<picture><source srcset=a media='{}'><img>",
        "<img data-src=a.jpg src='x{}'>",
    ],
)
def test_a_long_attribute_is_not_read_for_ever(template: str) -> None:
    piece = "pixel{a" if "data-src" in template else "a 1x,(url(b) "
    source = template.format(piece * 200_000 + "/")
    page = Page(URL, source.encode())
    assert page.tree
    began = time.process_time()
    page_facts(page)
    assert time.process_time() - began < 20


def test_too_much_to_read_is_cut() -> None:
    source = "<img src=a.jpg>" + f"<p style='(;{'x' * 60_000}'>" * 20
    told = page_facts(Page(URL, (source + "<img src=b>").encode())).record
    assert told["cut"] == []
    source = source.replace("style='(;", "style='background:url(a);")
    told = page_facts(Page(URL, (source + "<img src=b>").encode())).record
    assert ([image["url"] for image in told["images"]], told["cut"]) == (
        [SHOP + "a.jpg", SHOP + "a"],
        ["images"],
    )


TAGS = ["img", "source", "picture", "noscript", "p", "a", "link", "meta"]
NAMES = ["src", "srcset", "data-src", "data-srcset", "style", "media", "type",
         "sizes", "width", "height", "alt", "rel", "as", "href", "imagesrcset",
         "property", "content"]  # fmt: skip
VALUES = ["a.jpg", "b.jpg 1x, c.jpg 2x", "d 100w, e 600w", "preload", "image",
          "og:image", "background:url(f)", "(width)", "1", "300", ""]  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.sampled_from(TAGS),
            st.dictionaries(
                st.sampled_from(NAMES),
                st.one_of(st.sampled_from(VALUES), st.text(max_size=20)),
            ),
        )
    ),
    st.sampled_from(["none", "src", "best", "all"]),
    st.sampled_from([0, 1, 500]),
)
def test_any_page_names_pictures_or_none(
    elements: list[tuple[str, dict[str, str]]], which: str, width: int
) -> None:
    source = ""
    for tag, attributes in elements:
        said = "".join(
            ' {}="{}"'.format(name, value.replace('"', "&quot;"))
            for name, value in attributes.items()
        )
        source += f"<{tag}{said}>"
    found = images(source.encode(errors="replace").decode(), which, width)
    assert len({image["url"] for image in found}) == len(found)
    for image in found:
        assert image["url"].startswith(("http://", "https://"))
        assert image["where"] in PLACES
        for side in (image["width"], image["height"]):
            assert side is None or 0 <= side < 10**9
