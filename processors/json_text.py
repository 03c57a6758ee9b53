"""Bytes of JSON to its text, and to what that says."""

import json
import re
from typing import Any, Final

import orjson

_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def decode_json(body: bytes) -> str:
    """The text of a body of JSON: UTF-8, or what its first bytes show. Raises ValueError.

    What HTTP says of its charset means nothing (RFC 8259, section 11).
    """
    return body.decode(json.detect_encoding(body))


def parse_json(text: str) -> Any:
    """What JSON says; raises ValueError if it is none.

    A half of a character is `?`: programs that cut texts write it, `\\ud83d`.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if _SURROGATE.search(text) is None:
            raise
    try:
        whole = json.dumps(json.loads(text), ensure_ascii=False)
    except RecursionError:
        raise ValueError("it nests too deeply") from None
    return orjson.loads(whole.encode(errors="replace"))
