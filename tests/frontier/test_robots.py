"""robots.txt: what RFC 9309 says, what real files contain, and what a hostile one may cost."""

from __future__ import annotations

import random
import subprocess
import sys
import time

import pytest

from scraper.frontier.robots import (
    MAX_DELAY_SECONDS,
    MAX_TEXT_BYTES,
    access_for_status,
    parse,
    token_of,
)

AGENT = "scraper/0.1 (+mailto:me@example.com)"
SITE = "http://foo.bar"


def allowed(text: str, path: str, agent: str = AGENT) -> bool:
    return parse(text, agent).allows(f"{SITE}{path}")


# -- agents and groups ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agent", "token"),
    [
        (AGENT, "scraper"),
        ("Scraper", "scraper"),
        ("Foo-Bot_2/1.0", "foo-bot_2"),
        ("Mozilla/5.0 (compatible; FooBot/1.0; +http://foo.bar/)", "foobot"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "mozilla"),
        ("(nameless)", ""),
        ("", ""),
    ],
)
def test_the_product_token_is_the_agents_first_word(
    agent: str, token: str
) -> None:
    assert token_of(agent) == token


@pytest.mark.parametrize(
    ("line", "speaks_to_us"),
    [
        ("scraper", True),
        ("SCRAPER", True),
        ("scraper/2.0", True),
        ("scraper*", True),
        ("scraper and friends", True),
        ("*", True),
        ("* # all", True),
        ("scrape", False),
        ("scraper-images", False),
        ("myscraper", False),
        ("*scraper", False),
        ("mailto", False),
        ("", False),
    ],
)
def test_groups_are_matched_on_the_whole_token(
    line: str, speaks_to_us: bool
) -> None:
    assert allowed(f"User-agent: {line}\nDisallow: /", "/x") is not speaks_to_us


def test_groups_of_the_same_agent_are_merged() -> None:
    text = (
        "User-agent: scraper\nDisallow: /a\n\nUser-agent: b\nDisallow: /c\n\n"
        + ("User-agent: ScRaPeR\nDisallow: /b\n")
    )
    rules = parse(text, AGENT)
    assert [str(line) for line in rules.lines] == [
        "Disallow: /a",
        "Disallow: /b",
    ]
    assert rules.allows(f"{SITE}/c")


def test_a_group_by_name_replaces_the_one_for_all_agents() -> None:
    text = "User-agent: *\nDisallow: /\nUser-agent: scraper\nDisallow: /private"
    assert allowed(text, "/x")
    assert not allowed(text, "/private")
    assert not allowed(text, "/x", "another")


def test_a_named_group_without_rules_permits_everything() -> None:
    assert allowed("User-agent: scraper\n\nUser-agent: *\nDisallow:\n", "/x")
    assert allowed(
        "User-agent: *\nDisallow: /\n\nUser-agent: scraper\nDisallow:", "/x"
    )


def test_one_group_may_have_several_agents() -> None:
    text = "User-agent: a\n\nUser-agent: scraper\n# rules\nDisallow: /x"
    assert not allowed(text, "/x")
    assert not allowed(text, "/x", "a")


def test_rules_before_any_agent_mean_no_agent() -> None:
    assert parse("Disallow: /\nUser-agent: a\nDisallow: /", AGENT).is_empty


@pytest.mark.parametrize(
    "other", ["Sitemap: http://foo.bar/s.xml", "Crawl-delay: 5", "Foo: 1"]
)
def test_other_records_do_not_end_a_list_of_agents(other: str) -> None:
    assert not allowed(
        f"User-agent: scraper\n{other}\nUser-agent: b\nDisallow: /", "/x"
    )


def test_a_crawl_delay_holds_only_for_the_agents_before_it() -> None:
    text = "User-agent: slow\nCrawl-delay: 9\n\nUser-agent: *\nDisallow: /admin"
    assert parse(text, "slow").crawl_delay == 9
    assert parse(text, AGENT).crawl_delay is None


def test_the_simple_example_of_rfc_9309_section_5_1() -> None:
    text = """User-Agent: *
Disallow: *.gif$
Disallow: /example/
Allow: /publications/

User-Agent: foobot
Disallow:/
Allow:/example/page.html
Allow:/example/allowed.gif

User-Agent: barbot
User-Agent: bazbot
Disallow: /example/page.html

User-Agent: quxbot
"""
    assert not allowed(text, "/a.gif")
    assert allowed(text, "/a.gif?x")
    assert not allowed(text, "/example/x")
    assert allowed(text, "/publications/x")
    assert allowed(text, "/example/page.html", "foobot")
    assert allowed(text, "/example/allowed.gif", "foobot")
    assert not allowed(text, "/example/other", "foobot")
    for agent in ("barbot", "bazbot"):
        assert not allowed(text, "/example/page.html", agent)
        assert allowed(text, "/a.gif", agent)
    assert allowed(text, "/example/page.html", "quxbot")


def test_the_longest_match_example_of_rfc_9309_section_5_2() -> None:
    text = "User-Agent: foobot\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\n"
    assert allowed(text, "/example/page/x", "foobot")
    assert not allowed(text, "/example/page/disallowed.gif", "foobot")


# -- paths ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "matching", "other"),
    [
        (
            "/fish",
            "/fish /fish.html /fish/salmon /fishheads?id=1",
            "/Fish.asp /catfish /?id=fish",
        ),
        ("/fish*", "/fish /fish.html /fish/salmon", "/Fish.asp /catfish"),
        (
            "/fish/",
            "/fish/ /fish/?id=1 /fish/salmon.htm",
            "/fish /fish.html /animals/fish/",
        ),
        ("/*.php", "/index.php /a/b.php?x=1 /a.php/", "/ /windows.PHP"),
        (
            "/*.php$",
            "/filename.php /folder/filename.php",
            "/filename.php?x /filename.php/ /a.php5",
        ),
        ("/fish*.php", "/fish.php /fishheads/catfish.php?x", "/Fish.PHP"),
        ("/", "/ /x", ""),
        ("/$", "/", "/x /?x"),
        ("*", "/ /x", ""),
        ("fish", "", "/fish /"),
        ("/a$b", "/a$b /a$bc", "/a"),
        ("/foo/bar?baz=quz", "/foo/bar?baz=quz", "/foo/bar /foo/bar?baz=qux"),
        (
            "/foo/bar?baz=http%3A%2F%2Fx",
            "/foo/bar?baz=http%3A%2F%2Fx",
            "/foo/bar?baz=http://x",
        ),
        ("/foo/bar/ツ", "/foo/bar/%E3%83%84 /foo/bar/%e3%83%84", "/foo/bar/"),
        ("/foo/bar/%E3%83%84", "/foo/bar/%E3%83%84", "/foo/bar/"),
        ("/foo/bar/%62%61%7A", "/foo/bar/baz /foo/bar/%62%61%7A", "/foo/bar/b"),
        ("/a%3cd.html", "/a%3Cd.html /a%3cd.html", "/a"),
        ("/a%2fb", "/a%2Fb /a%2fb", "/a/b"),
        ("/x y", "/x%20y", "/x"),
        ("/x # comment", "/x /xy", "/"),
        ("/x#y", "/x /xz", "/"),
        ("", "", "/ /x"),
    ],
)
def test_a_path_is_matched_as_rfc_9309_says(
    rule: str, matching: str, other: str
) -> None:
    text = f"User-agent: *\nDisallow: {rule}"
    assert [path for path in matching.split() if allowed(text, path)] == []
    assert [path for path in other.split() if not allowed(text, path)] == []


@pytest.mark.parametrize(
    ("allow", "disallow", "path", "verdict"),
    [
        ("/p", "/", "/page", True),
        ("/folder", "/folder", "/folder/page", True),
        ("/page", "/*.htm", "/page.htm", False),
        ("/page", "/*.ph", "/page.php5", True),
        ("/$", "/", "/", True),
        ("/$", "/", "/page.htm", False),
        ("/x/index.html", "/x", "/x/", True),
    ],
)
def test_the_longest_rule_wins_and_allow_among_equals(
    allow: str, disallow: str, path: str, verdict: bool
) -> None:
    lines = [f"Allow: {allow}", f"Disallow: {disallow}"]
    for order in (lines, lines[::-1]):
        assert allowed("\n".join(["User-agent: *", *order]), path) is verdict


def test_robots_txt_itself_is_always_allowed() -> None:
    text = "User-agent: *\nDisallow: /\nDisallow: /robots.txt"
    assert allowed(text, "/robots.txt")
    assert not allowed(text, "/x/robots.txt")
    assert parse(text, AGENT).rule_for(f"{SITE}/robots.txt") is None


# -- spelling ---------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff", "\ufffd\ufffd"])
def test_line_ends_and_byte_order_marks_do_not_matter(
    end: str, mark: str
) -> None:
    text = mark + end.join(["User-agent: *", "Disallow: /a", "Disallow: /b"])
    assert not allowed(text, "/a")
    assert not allowed(text, "/b")
    assert allowed(text, "/c")


def test_utf_16_is_read_through_its_nul_bytes() -> None:
    raw = "User-agent: *\nDisallow: /a\n".encode("utf-16")
    assert not allowed(raw.decode("utf-8", "replace"), "/a")
    assert not allowed("User-agent: *\nDisallow: /\0a\n", "/a")


@pytest.mark.parametrize("break_", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
def test_only_cr_and_lf_end_a_line(break_: str) -> None:
    text = f"User-agent: *\nDisallow: /a{break_}Disallow: /b\nCrawl-delay: 1{break_}Disallow: /c"
    assert allowed(text, "/b")
    assert allowed(text, "/c")


@pytest.mark.parametrize(
    "text",
    [
        "USER-AGENT: *\nDISALLOW: /",
        "user agent: *\ndisallow : /",
        "useragent *\ndisallow /",
        "  User-agent :\t* \n\t Dissallow:/ ",
        "User-agent: *\nDisalow: /",
    ],
)
def test_common_misspellings_are_understood(text: str) -> None:
    assert not allowed(text, "/x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0\0\0",
        "<!doctype html><html><body>User-agent: *<br>Disallow: /</body></html>",
        "<pre>\nDisallow: /\n</pre>",
        "User-agent: *",
        "User-agent: *\nDisallow",
        ":\n: /\n::::\n%%%",
        "\ud800",
    ],
)
def test_text_that_says_nothing_permits_everything(text: str) -> None:
    rules = parse(text, AGENT)
    assert rules.is_empty
    assert rules.allows(f"{SITE}/x")
    assert rules.rule_for(f"{SITE}/x") is None
    assert rules.crawl_delay is None


# -- limits -----------------------------------------------------------------------------------


def test_a_line_that_was_cut_at_the_limit_says_nothing() -> None:
    head = "User-agent: *\nDisallow: /a\n"
    cut = "Disallow: /private"
    filler = "#" * (MAX_TEXT_BYTES - len(head) - len(cut) - 1) + "\n"
    text = head + filler + cut
    assert len(text) == MAX_TEXT_BYTES
    assert parse(text, AGENT).lines[-1].value == "/a"
    assert parse(text[:100] + text[101:], AGENT).lines[-1].value == "/private"


def test_500_kibibytes_are_looked_at_and_not_more() -> None:
    head = "User-agent: *\n"
    filler = "#\n" * ((MAX_TEXT_BYTES - 100) // 2)
    assert not allowed(head + filler + "Disallow: /a\n", "/a")
    assert allowed(head + filler * 2 + "Disallow: /a\n", "/a")


@pytest.mark.parametrize(
    "text",
    [
        "User-agent: *\n" + "Disallow: /*a*b*c$\n" * 27_000,
        "".join(f"User-agent: a{n}\n" for n in range(15_000)) + "Disallow: /x\n" * 20_000,
        "".join(f"User-agent: *\nUser-agent: a{n}\nDisallow: /{n}\n" for n in range(11_000)),
        "User-agent: *\nDisallow: /" + "*a" * 250_000,
        "User-agent" + " " * 500_000 + "x",
        "disallow " * 56_000,
        "\n" * 511_000,
        random.Random(1).randbytes(500_000).decode("latin-1"),
        random.Random(2).randbytes(500_000).decode("utf-8", "replace"),
    ],
    ids=["wildcards", "agents x rules", "groups", "one line", "spaces", "words", "empty lines",
         "latin-1", "garbage"],
)  # fmt: skip
def test_a_hostile_file_costs_no_more_than_its_size(text: str) -> None:
    began = time.perf_counter()
    rules = parse(text, AGENT)
    rules.allows(f"{SITE}/" + "a" * 2000)
    assert time.perf_counter() - began < 5


# -- delay ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "delay"),
    [
        ("Crawl-delay: 5", 5.0),
        ("crawl-delay: 0.5", 0.5),
        ("Crawl-delay: 0", 0.0),
        ("Crawl-delay: 1e9", MAX_DELAY_SECONDS),
        ("Crawl-delay: -1", None),
        ("Crawl-delay: nan", None),
        ("Crawl-delay: soon", None),
        ("Request-rate: 1/10s", 10.0),
        ("Request-rate: 30/1m", 2.0),
        ("Request-rate: 1/5 0600-0845", 5.0),
        ("Request-rate: 0/0", None),
        ("Request-rate: 1/9999d", MAX_DELAY_SECONDS),
        ("Crawl-delay: 3\nRequest-rate: 1/10s", 10.0),
        ("Crawl-delay: 30\nRequest-rate: 1/10s", 30.0),
        ("Disallow: /x", None),
    ],
)
def test_the_delay_that_a_site_asks_for(
    lines: str, delay: float | None
) -> None:
    assert parse(f"User-agent: *\n{lines}", AGENT).crawl_delay == delay


def test_an_infinite_delay_is_bounded_or_ignored() -> None:
    delay = parse("User-agent: *\nCrawl-delay: inf", AGENT).crawl_delay
    assert delay in (None, MAX_DELAY_SECONDS)


# -- explanations -----------------------------------------------------------------------------


def test_the_line_that_decides_can_be_named() -> None:
    text = """# ours
User-agent: *
Disallow: /shop
Allow: /shop/open
Disallow: /*.pdf$
Crawl-delay: 2
"""
    rules = parse(text, AGENT)
    named = {
        path: rules.rule_for(SITE + path)
        for path in ("/shop/x", "/shop/open/1", "/a.pdf")
    }
    assert {
        path: line and (line.number, str(line)) for path, line in named.items()
    } == {
        "/shop/x": (3, "Disallow: /shop"),
        "/shop/open/1": (4, "Allow: /shop/open"),
        "/a.pdf": (5, "Disallow: /*.pdf$"),
    }
    assert rules.rule_for(f"{SITE}/about") is None


@pytest.mark.parametrize("seed", range(20))
def test_the_line_that_is_named_agrees_with_the_verdict(seed: int) -> None:
    rng = random.Random(seed)
    paths = [
        "/" + "".join(rng.choices("ab/*$%?é", k=rng.randrange(5)))
        for _ in range(12)
    ]
    lines = [f"{rng.choice(('Allow', 'Disallow'))}: {path}" for path in paths]
    rules = parse("\n".join(["User-agent: *", *lines]), AGENT)
    for path in paths:
        url = SITE + path.replace("*", "b")
        line = rules.rule_for(url)
        assert rules.allows(url) is (line is None or line.directive == "allow")


# -- statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("meaning", "statuses"),
    [
        ("rules", [200, 203, 206, 299]),
        ("allowed", [301, 302, 308, 400, 401, 403, 404, 410, 418, 451, 499]),
        ("unreachable", [429, 500, 502, 503, 504, 599, 100, 0, 999]),
    ],
)
def test_what_a_status_says_of_the_origin(
    meaning: str, statuses: list[int]
) -> None:
    assert {access_for_status(status) for status in statuses} == {meaning}


def test_protego_is_imported_only_for_rules() -> None:
    code = (
        "import sys; from scraper.frontier import robots;"
        "robots.parse('User-agent: a\\nDisallow: /', 'b'); assert 'protego' not in sys.modules;"
        "robots.parse('User-agent: b\\nDisallow: /', 'b'); assert 'protego' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
