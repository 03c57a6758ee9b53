"""The language of templates: keys only, and one clear sentence for everything else."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scraper.config.templates import parse_template
from scraper.errors import UsageError

KEYS = ("host", "stem", "ext", "sha256", "seq")
VALUES = {"host": "example.com", "stem": "a{b}", "sha256": "0123456789", "seq": "7",
          "ext": "jpg", "input.id": "12", "input.a b": "x", "input.a.b": "y"}  # fmt: skip


def rendered(text: str) -> str:
    return parse_template(text, KEYS, "--name").render(VALUES.__getitem__)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{host}", "example.com"),
        ("{host}/{stem}-{sha256:.8}.{ext}", "example.com/a{b}-01234567.jpg"),
        ("{seq:06}", "000007"),
        ("{seq:01}{seq:.1}", "77"),
        ("{input.id:05}", "00012"),
        ("{input.a b}{input.a.b}", "xy"),
        ("{{{host}}}", "{example.com}"),
        ("no key", "no key"),
        ("", ""),
    ],
)
def test_keys_stand_for_values(text: str, said: str) -> None:
    assert rendered(text) == said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{hots}", "{hots} is no key; did you mean host?"),
        ("{ID}", "; keys: host, stem, ext, sha256, seq, input.COLUMN"),
        ("{}", "{} is no key"),
        ("{0}", "{0} is no key"),
        ("{input.}", "{input.} is no key"),
        ("{input}", "{input} is no key"),
        ("{host.upper}", "{host.upper} is no key; did you mean host?"),
        ("{host[0]}", "{host[0]} is no key; did you mean host?"),
        ("{host!r}", "conversions such as !r are not understood, write {host}"),
        ("{host.__class__}", "did you mean host?"),
        ("{host", "a { alone; {{ stands for one"),
        ("host}", "a } alone; }} stands for one"),
        ("{ho{st}}", "a { alone"),
        ("{sha256:8}", "{sha256:8}: a format is .8"),
        ("{sha256:}", "a format is"),
        ("{sha256:.0}", "a format is"),
        ("{seq:0}", "a format is"),
        ("{seq:065}", "a format is"),
        ("{seq:>6}", "a format is"),
        ("{seq:06d}", "a format is"),
        ("{seq:.\u0663}", "a format is"),
    ],
)
def test_what_is_no_template_is_one_sentence(text: str, why: str) -> None:
    with pytest.raises(UsageError) as raised:
        rendered(text)
    message = str(raised.value)
    assert message.startswith(f"--name {text!r}: ")
    assert why in message


@given(st.text() | st.text(alphabet="{}:.0189inputhos[]!"))
@example("{input.{host}}")
def test_nothing_else_is_raised(text: str) -> None:
    try:
        template = parse_template(text, KEYS, "--name")
    except UsageError:
        return
    assert template.render(lambda key: "") is not None


def test_columns_are_said_once() -> None:
    template = parse_template("{input.b}{input.a}{input.b:.1}", (), "--name")
    assert template.columns == ("b", "a")
