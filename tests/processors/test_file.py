"""A file as a user's function sees it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import Unusable
from processors.file import File, read_json

URL = "https://example.org/prices.csv"

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner),
    max_leaves=8,
)


def test_a_file_says_where_it_is_from_and_what_it_is() -> None:
    file = File(URL, b"%PDF-1.7", "application/pdf")
    assert (file.url, file.body, file.type) == (
        URL,
        b"%PDF-1.7",
        "application/pdf",
    )
    assert repr(file) == f"File('{URL}', 8 bytes, 'application/pdf')"


@pytest.mark.parametrize(
    ("body", "declared", "text", "charset"),
    [
        ("a;é".encode(), None, "a;é", "utf-8"),
        ("a;é".encode("latin-1"), "iso-8859-1", "a;é", "windows-1252"),
        ("\ufeffa;é".encode("utf-16-le"), None, "a;é", "utf-16le"),
    ],
)
def test_its_text_is_read_by_what_http_and_its_bytes_say(
    body: bytes, declared: str | None, text: str, charset: str
) -> None:
    file = File(URL, body, "text/csv", declared)
    assert (file.text, file.charset) == (text, charset)


@given(values, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_json_is_read_in_every_encoding_that_it_may_have(
    value: object, encoding: str
) -> None:
    body = json.dumps(value).encode(encoding)
    assert File(URL, body, charset="windows-1252").json() == value


@pytest.mark.parametrize(
    "body", [b"", b"{", b"nope", b'{"a": NaN}', b"\xff\xfe\x00", b"[1]]"]
)
def test_what_is_no_json_says_so(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        File(URL, body).json()
    with pytest.raises(Unusable, match=r"the body is no JSON: .") as caught:
        read_json(File(URL, body))
    assert caught.value.kind == "json_broken"


def test_json_that_no_record_can_hold_is_refused() -> None:
    deep = b"[" * 300 + b"]" * 300
    assert File(URL, deep).json()
    with pytest.raises(Unusable, match="cannot stand in a record") as caught:
        read_json(File(URL, deep))
    assert caught.value.kind == "json_broken"
    with pytest.raises(Unusable, match="is no JSON"):
        read_json(File(URL, b"[" * 100_000 + b"]" * 100_000))
