"""URLs, headers and messages without passwords and tokens, fit to be shown and logged."""

from __future__ import annotations

import re
from urllib.parse import unquote

from scraper.text import pattern

HIDDEN = "***"

# -- names that hold secrets ----------------------------------------------------------------------

_WORDS = (
    r"token|secret|passw|passphrase|signature|credential|session|sess_?id|jwt|bearer|assertion"
    r"|(?:api|access|private|subscription|auth)[_-]?key|auth[_-]?code|saml(?:request|response)"
)
_WHOLE_NAMES = r"auth|authorization|key|sig|hmac|pwd|pass|sid|code|otp"
_PARAMETER_NAME = pattern(f".*(?:{_WORDS}).*|{_WHOLE_NAMES}", re.IGNORECASE)
_HEADER_NAME = pattern(
    r"auth|cookie|token|secret|passw|credential|api-?key|session|jwt|signature|-key$|^key$",
    re.IGNORECASE,
)


def is_secret(header: str) -> bool:
    """Does a request header of this name hold what only its own origin may see?"""
    return _HEADER_NAME.search(header) is not None


# -- URLs -----------------------------------------------------------------------------------------

# What a user may write: `http:me@h`, `http:\\me@h`, an @ in the password, no scheme; and the @ of
# an address, which hides nothing.
_ADDRESS = r"(?:mailto|sips?|xmpp|acct|im|tel|sms|news|cid|mid):"
_AUTHORITY = pattern(
    rf"(^(?!{_ADDRESS})(?:https?:)?[/\\]*|(?<=[\s\"'(<=])//|(?<=:)[/\\]+|\bhttps?:[/\\]*)"
    r"([^/\\?#\s]+)",
    re.IGNORECASE,
)
# Names are bounded: an endless one, with a word in it again and again, must not take endless time.
_TOKENS = pattern(
    rf"([?&;#](?:[^=&#;?\s]{{0,99}}(?:{_WORDS})[^=&#;?\s]{{0,99}}|{_WHOLE_NAMES})=)([^&#;\s\"'<>]+)",
    re.IGNORECASE,
)
# What was hidden before, with what a sentence says behind it.
_HIDDEN_BEFORE = pattern(r"\*\*\*[),.:]*")
_END_OF_URL = pattern(r"[\s\"'<>]")
# In a URL inside a URL, or with a name that is percent-encoded in part.
_ENCODED_NAME = pattern(
    r"(?:[?&;#]|%(?:3F|26|3B|23))([^=&;#?\s]{1,100}?)(?:=|%3D)", re.IGNORECASE
)
_ENCODED_VALUE = pattern(r"(?:(?!%(?:26|3B|23))[^&#;\s])*", re.IGNORECASE)
_JWT = pattern(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")


def redacted(text: str) -> str:
    """A URL, or a message with URLs in it, without passwords and tokens.

    >>> redacted("https://me:pw@example.com/a?api_key=123&page=2#access_token=4")
    'https://***@example.com/a?api_key=***&page=2#access_token=***'
    """
    if "@" in text:
        text = _AUTHORITY.sub(_without_credentials, text)
    if "=" in text:
        text = _TOKENS.sub(_without_token, text)
    if "%" in text:
        text = _without_encoded_tokens(text)
    return _JWT.sub(HIDDEN, text) if "eyJ" in text else text


def _without_token(found: re.Match[str]) -> str:
    """A parameter of the path (`;jsessionid=1`) ends where the query begins."""
    name, value = found[1], found[2]
    if _HIDDEN_BEFORE.fullmatch(value):
        return found[0]
    path, mark, query = value.partition("?")
    if (
        mark
        and path
        and name.startswith(";")
        and not _is_in_query(found.string, found.start())
    ):
        return f"{name}{HIDDEN}{_TOKENS.sub(_without_token, mark + query)}"
    return name + HIDDEN


def _is_in_query(text: str, position: int) -> bool:
    """Does the query of a URL in `text` begin before this position?"""
    mark = text.rfind("?", 0, position)
    return mark >= 0 and _END_OF_URL.search(text, mark, position) is None


def _without_credentials(found: re.Match[str]) -> str:
    _, at, host = found[2].rpartition("@")
    return f"{found[1]}{HIDDEN}@{host}" if at else found[0]


def _without_encoded_tokens(text: str) -> str:
    shown, at = "", 0
    for found in _ENCODED_NAME.finditer(text):
        if found.start() >= at and _PARAMETER_NAME.fullmatch(unquote(found[1])):
            value = _ENCODED_VALUE.match(text, found.end())
            if value and value[0]:
                shown += text[at : found.end()] + HIDDEN
                at = value.end()
    return shown + text[at:]


def redacted_line(text: str) -> str:
    """The same for a line that is no URL: who knows where its password ends?

    >>> redacted_line("http://me:se/cret@"), redacted_line("mailto:me@example.com")
    ('http://***@', 'mailto:me@example.com')
    """
    before, at, behind = text.rpartition("@")
    if not at or ":" not in re.sub(
        rf"\b{_ADDRESS}", "", before, flags=re.IGNORECASE
    ):
        return redacted(text)
    scheme, mark, _ = before.partition("://")
    return (
        f"{scheme}{mark}{HIDDEN}@{redacted(behind)}"
        if mark
        else f"{HIDDEN}@{redacted(behind)}"
    )


# -- headers and messages -------------------------------------------------------------------------

_HEADER_INSIDE = pattern(
    r"(?<![\w/?&=-])([A-Za-z][\w-]*)\s*:\s*(?![/\s]|\*\*\*)"
)
_NAME_AND_PASSWORD = pattern(
    rf"(?<![^\s\"'(=])(?!{_ADDRESS})[^\s:/@\\'\"]+:(?!//)[^\s@\\]+@",
    re.IGNORECASE,
)


def redacted_header(line: str) -> str:
    """A header as the user wrote it, with its value if that is no secret.

    >>> redacted_header("Authorization: Bearer 123"), redacted_header("Accept: text/html")
    ('Authorization: ***', 'Accept: text/html')
    """
    name, colon, value = line.partition(":")
    if not colon:
        return HIDDEN  # no header at all, so who knows what of it is secret?
    return f"{name}: {redacted_value(name, value.strip())}"


def redacted_value(header: str, value: str) -> str:
    """The value of a header, if that is no secret."""
    if is_secret(header):
        return HIDDEN
    return redacted(f"{header}: {value}")[len(header) + 2 :]


def redacted_message(text: str) -> str:
    """A message to the user, which may quote a URL without its scheme.

    >>> redacted_message("no such file: me:pw@example.com/a")
    'no such file: ***@example.com/a'
    """
    return redacted(_NAME_AND_PASSWORD.sub(f"{HIDDEN}@", text))


def redacted_arguments(text: str) -> str:
    """Words of the command line, of which everything behind a secret header's name is one.

    >>> redacted_arguments("unrecognized arguments: --head Cookie: sid=1")
    'unrecognized arguments: --head Cookie: ***'
    """
    for found in _HEADER_INSIDE.finditer(text):
        if is_secret(found[1]):
            return (
                redacted_message(text[: found.start(1)])
                + f"{found[1]}: {HIDDEN}"
            )
    return redacted_message(text)
