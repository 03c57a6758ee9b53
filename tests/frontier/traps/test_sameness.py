"""What is learned of URLs that differ in one part: traps end, and no page of its own is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from scraper.frontier.traps.memory import MAX_POOLS, Pools, Seen
from scraper.frontier.traps.sameness import FIRST_PROBE, Came, Sameness

TRIALS = 10
HOST, OTHER = 1, 2


def sketch(*things: object) -> int:
    bits = 0
    for each in things:
        bits |= 1 << crc32(repr(each).encode()) % 8_192
    return bits


def url(path: str) -> str:
    return f"http://a.example{path}"


class Site:
    """Pages that come as they are asked; what a path says is a function of it."""

    def __init__(self, says: Callable[[str], Iterable[object]]) -> None:
        self.sameness = Sameness(TRIALS)
        self.says = says
        self.asked: list[str] = []

    def ask(self, *paths: str) -> None:
        for path in paths:
            if self.sameness.find(HOST, url(path)) is None:
                self.asked.append(path)
                things = tuple(self.says(path))
                came = Came(HOST, url(path), sketch(*things), str(things))
                self.sameness.learn(came)

    def leaves_out(self, path: str) -> bool:
        return self.sameness.find(HOST, url(path)) is not None


def test_session_ids_make_no_difference() -> None:
    site = Site(lambda path: [path.partition("?")[0], "menu"])
    for session in range(50):
        site.ask(*(f"/page-{page}?sid={session}" for page in "abc"))
    assert len(site.asked) == 3 + TRIALS + 2  # the 64th and the 128th
    site.ask("/page-d?sid=99")  # a page of its own is asked
    assert site.asked[-1] == "/page-d?sid=99"


def test_session_ids_in_the_path_make_no_difference() -> None:
    site = Site(lambda path: [path.rpartition("/")[2]])
    for session in range(10, 60):
        site.ask(*(f"/(S(0a1b2c{session}))/page-{page}" for page in "abc"))
    assert len(site.asked) <= 3 + TRIALS + 2
    assert not site.leaves_out("/(S(0a1b2c99))/page-d")


def test_a_calendar_without_events_ends() -> None:
    site = Site(lambda path: ["no events", path.rpartition("/")[2]])
    site.ask(
        *(
            f"/cal/{year}/{m}"
            for year in range(2000, 2100)
            for m in range(1, 13)
        )
    )
    assert len(site.asked) < 12 + 2 * TRIALS
    found = site.sameness.find(HOST, url("/cal/2150/7"))
    assert found is not None
    assert found.is_date


def test_facets_end() -> None:
    products = {f"product {n}" for n in range(30)}
    site = Site(lambda path: sorted(products)[: 30 - len(path) // 10])
    site.ask("/shop")
    names = ("colour", "size", "brand", "price")
    for chosen in range(1, 3 ** len(names)):
        digits = [chosen // 3**n % 3 for n in range(len(names))]
        query = "&".join(
            f"{n}={d}" for n, d in zip(names, digits, strict=True) if d
        )
        site.ask(f"/shop?{query}")
    assert len(site.asked) < 1 + len(names) * TRIALS


def test_parameters_that_choose_from_what_was_seen_end() -> None:
    """No two of these pages show the same, but all of it stood on pages of this path before."""
    site = Site(
        lambda path: (
            range(200)
            if "=" not in path
            else [crc32(path.encode()) % 200, crc32(path[::-1].encode()) % 200]
        )
    )
    site.ask("/list", *(f"/list?x={n}&y={n}" for n in range(400)))
    assert len(site.asked) < 200


def test_a_folder_in_itself_ends() -> None:
    site = Site(lambda path: [path.rpartition("/")[2]])
    for depth in range(12):
        site.ask(*(f"/docs{'/docs' * depth}/{page}" for page in "abcdefgh"))
    assert len(site.asked) < 8 + 2 * TRIALS


def test_the_same_bodies_in_another_folder_end() -> None:
    site = Site(lambda path: [path.rpartition("/")[2]])
    names = ["".join((a, b)) for a in "abcdefgh" for b in "stuvwxyz"]
    site.ask(*(f"/docs/{name}" for name in names))
    site.ask(*(f"/mirror/{name}" for name in names))
    assert len(site.asked) == len(names) + TRIALS
    assert not site.leaves_out("/docs/new")


def test_another_order_of_the_parameters_makes_no_difference() -> None:
    site = Site(lambda path: [*sorted(path.partition("?")[2].split("&"))])
    pairs = [(f"a={n}", f"b={n}") for n in range(40)]
    for a, b in pairs:
        site.ask(f"/x?{a}&{b}", f"/x?{b}&{a}")
    assert len(site.asked) == len(pairs) + TRIALS


@given(st.permutations([f"/item/{n}" for n in range(40)]))
def test_pages_that_say_something_of_their_own_are_asked(
    paths: list[str],
) -> None:
    site = Site(lambda path: [path, "menu", "footer"])
    site.ask(*paths)
    assert site.asked == paths


def test_pages_with_sessions_are_all_found_in_any_order() -> None:
    """That duplicates come in a row says nothing of what they are duplicates of."""
    site = Site(lambda path: [path.partition("&")[0]])
    for page in range(40):
        site.ask(*(f"/x.php?id={page}&sid={s}" for s in range(page, page + 8)))
    ids = {path.partition("&")[0] for path in site.asked}
    assert len(ids) == 40


def test_pages_of_a_list_are_asked_though_some_are_known() -> None:
    """Nine in a row that say nothing new are not enough."""
    site = Site(lambda path: [int(path.rpartition("=")[2] or 1) // TRIALS])
    paths = [f"/list?page={n}" for n in range(100)]
    site.ask(*paths)
    assert site.asked == paths


def test_what_says_nothing_at_all_is_not_judged() -> None:
    site = Site(lambda path: [])
    paths = [f"/app/{n}" for n in range(50)]
    for path in paths:
        assert not site.leaves_out(path)
        site.sameness.learn(Came(HOST, url(path), sketch(path), None))


def test_hosts_are_apart() -> None:
    site = Site(lambda path: ["always"])
    site.ask(*(f"/x?n={n}" for n in range(50)))
    assert site.leaves_out("/x?n=99")
    assert site.sameness.find(OTHER, url("/x?n=99")) is None


def test_what_says_something_new_takes_it_back() -> None:
    """Some of what is left out is asked all the same, ever more rarely."""
    site = Site(
        lambda path: ["news" if int(path.rpartition("=")[2]) > 500 else ""]
    )
    site.ask(*(f"/x?n={n}" for n in range(500)))
    assert (
        len(site.asked) == 1 + TRIALS + 3
    )  # of 489, those with the number 64, 128, 256
    before = len(site.asked)
    site.ask(*(f"/x?n={n}" for n in range(501, 600)))
    later = site.asked[before:]
    assert len(later) > TRIALS
    assert later[0] == f"/x?n={500 + (2 * 256 - 489)}"
    assert FIRST_PROBE == 64


def test_memory_is_bounded() -> None:
    pools, seen = Pools(), Seen()
    for number in range(MAX_POOLS + 10):
        pools.add(number, 1)
    assert pools.says_news(0, 1) is None
    assert pools.says_news(MAX_POOLS, 1) is False
    for number in range(1_000):
        seen.add(hash(str(number)))
    assert all(hash(str(number)) in seen for number in range(1_000))
    others = range(10**6, 10**6 + 1_000)
    assert sum(hash(str(number)) in seen for number in others) < 5


def test_a_pool_that_knows_too_much_says_nothing() -> None:
    pools = Pools()
    pools.add(7, (1 << 5_000) - 1)
    assert pools.says_news(7, 1) is True
