"""What is told of URLs, headers and messages holds no secret, and hides nothing else."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper.redaction import (
    redacted,
    redacted_arguments,
    redacted_header,
    redacted_line,
    redacted_message,
)

HUSH = "hush"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4"
NAMES = ["token", "access_token", "id_token", "refresh_token", "X-Amz-Security-Token", "jwt", "JWT",
         "code", "CODE", "auth_code", "sig", "signature", "X-Goog-Signature", "X-Amz-Credential",
         "key", "api_key", "api-key", "apikey", "access_key", "subscription-key", "password",
         "user[password]", "passwd", "pwd", "secret", "client_secret", "sid", "PHPSESSID",
         "jsessionid", "sessionid", "auth", "authorization", "bearer", "client_assertion",
         "SAMLResponse", "hmac", "otp", "%74oken", "%4a%57%54", "c%6Fde", "%63ode"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/b?{0}",
        "https://a.example/b?x=1&{0}&y=2",
        "https://a.example/b#{0}",
        "https://a.example/b#x=1&{0}",
        "https://a.example/#/callback?{0}&y=2",
        "https://a.example/b;{0}?y=2",
        "https://a.example/b?x=1;{0};y=2",
        "https://a.example/login?next=https%3A%2F%2Fb.example%2F%3Fx%3D1%26{0}%26y%3D2",
    ],
)
def test_a_token_is_hidden_wherever_it_stands(name: str, url: str) -> None:
    told = redacted(url.format(f"{name}={HUSH}"))
    assert HUSH not in told
    assert f"{name}=***" in told
    assert redacted(told) == told


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://a.example/b;jsessionid={0}?x=1", "https://a.example/b;jsessionid=***?x=1"),
        ("https://a.example/b;sid={0}?sid={0}&x=1", "https://a.example/b;sid=***?sid=***&x=1"),
        ("https://a.example/b;v=2;sid={0}?x=1", "https://a.example/b;v=2;sid=***?x=1"),
        ("see https://b.example/?a https://a.example/b;sid={0}?x=1",
         "see https://b.example/?a https://a.example/b;sid=***?x=1"),
        ("https://a.example/b?x=1;sid={0}?{0}", "https://a.example/b?x=1;sid=***"),
        ("https://a.example/b?token={0}?{0}", "https://a.example/b?token=***"),
    ],
)  # fmt: skip
def test_a_parameter_of_the_path_ends_where_the_query_begins(
    url: str, shown: str
) -> None:
    assert redacted(url.format(HUSH)) == shown


def test_what_is_quoted_ends_with_its_quote() -> None:
    told = redacted(
        f"redirect to 'https://a.example/?token={HUSH}': only http is asked"
    )
    assert (
        told == "redirect to 'https://a.example/?token=***': only http is asked"
    )


def test_a_token_inside_another_url_is_hidden() -> None:
    url = f"https://a.example/?next=https%3A%2F%2Fb.example%2F%3Fcode%3D{HUSH}%26page%3D2"
    assert redacted(url) == url.replace(HUSH, "***")


@pytest.mark.parametrize(
    "url", [f"https://a.example/{JWT}/b", f"https://a.example/?t={JWT}"]
)
def test_a_jwt_is_hidden_under_any_name(url: str) -> None:
    assert redacted(url) == url.replace(JWT, "***")


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/?page=2&q=a%20b#top",
        "https://a.example/?country_code=de&zipcode=1&encode=utf-8&keyword=x&author=me",
        "https://a.example/?q=code&x=token",
        "https://a.example/code=1/token",
        "https://a.example/@me?to=b@c.example",
        "https://a.example/100%25?x=%3D",
        "https://a.example:8080/@me",
        "mailto:me@example.com",
        "MAILTO:me@example.com?subject=a",
        "xmpp:me@example.com",
        "the server answered 404 Not Found",
    ],
)
def test_what_is_no_secret_is_told(text: str) -> None:
    assert redacted(text) == text
    assert redacted_message(text) == text


@pytest.mark.parametrize(
    "line",
    ["mailto:me@example.com", "Mailto:me@example.com", "see mailto:a@b.c"],
)
def test_an_address_is_not_shown_as_a_password(line: str) -> None:
    assert redacted_line(line) == line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"https://me:{HUSH}@a.example/", "https://***@a.example/"),
        (f"https://{HUSH}@a.example/", "https://***@a.example/"),
        (f"http:me:{HUSH}@a.example/", "http:***@a.example/"),
        (f"http:\\\\me:{HUSH}@a.example/", "http:\\\\***@a.example/"),
        (f"HTTP:/me:{HUSH}@a.example/", "HTTP:/***@a.example/"),
        (f"//me:{HUSH}@a.example/", "//***@a.example/"),
        (f"me:{HUSH}@a.example/", "***@a.example/"),
        (f"me:{HUSH}@{HUSH}@a.example/", "***@a.example/"),
        (
            f"no: x=https://me:{HUSH}@a.example/ y",
            "no: x=https://***@a.example/ y",
        ),
        (f"to //me:{HUSH}@a.example/", "to //***@a.example/"),
        (f"ftp://me:{HUSH}@a.example/", "ftp://***@a.example/"),
    ],
)
def test_a_password_is_hidden(text: str, told: str) -> None:
    assert redacted(text) == told


@pytest.mark.parametrize(
    ("header", "told"),
    [
        (f"Authorization: Bearer {HUSH}", "Authorization: ***"),
        (f"proxy-authorization:{HUSH}", "proxy-authorization: ***"),
        (f"Cookie: sid={HUSH}", "Cookie: ***"),
        (f"X-Api-Key: {HUSH}", "X-Api-Key: ***"),
        (
            f"Ocp-Apim-Subscription-Key: {HUSH}",
            "Ocp-Apim-Subscription-Key: ***",
        ),
        (f"X-Auth-Token: {HUSH}", "X-Auth-Token: ***"),
        (f"Authorization Bearer {HUSH}", "***"),
        (
            f"Referer: https://a.example/?code={HUSH}",
            "Referer: https://a.example/?code=***",
        ),
        ("From: me@example.com", "From: me@example.com"),
        ("Accept: text/html", "Accept: text/html"),
    ],
)
def test_a_secret_header_is_told_by_its_name(header: str, told: str) -> None:
    assert redacted_header(header) == told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"unrecognized arguments: --head Cookie: a={HUSH}; b={HUSH}",
         "unrecognized arguments: --head Cookie: ***"),
        (f"no such file: me:{HUSH}@a.example/x", "no such file: ***@a.example/x"),
        (f"no such file: https://a.example/?code={HUSH}", "no such file: https://a.example/?code=***"),
        ("urls@2024.txt is a folder", "urls@2024.txt is a folder"),
        ("argument -H/--header: expected one argument",
         "argument -H/--header: expected one argument"),
    ],
)  # fmt: skip
def test_a_message_that_quotes_a_secret_hides_it(words: str, told: str) -> None:
    assert redacted_arguments(f"error: {words}") == f"error: {told}"
    assert redacted_arguments(redacted_arguments(words)) == redacted_arguments(
        words
    )


@given(
    st.text(max_size=50)
    | st.text("htps:/.?#[]@%&;=\\ tokencode3DF26", max_size=60)
)
def test_what_is_hidden_stays_hidden(text: str) -> None:
    for hide in (redacted, redacted_message, redacted_arguments):
        assert hide(hide(text)) == hide(text)


def test_what_was_hidden_before_costs_a_message_no_point() -> None:
    shown = redacted("http://a.example/?token=geheim")
    message = f"two lists ({shown}), or of {shown}: choose."
    assert redacted_message(message) == message


def test_an_endless_url_is_told_in_no_time() -> None:
    began = time.process_time()
    for piece in (
        "?token",
        ";",
        "?a=",
        "http:",
        "eyJ",
        "-eyJa",
        "%3Fa",
        "a@",
        "//",
        "token%3D",
        "=",
    ):
        redacted(
            "https://a.example/" + piece * (100_000 // len(piece)) + "@=%eyJ"
        )
    assert time.process_time() - began < 20, (
        "it is linear: quadratic would take minutes"
    )
