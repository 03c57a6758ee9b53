"""One body that is neither page nor picture, as its readers see it: JSON, PDF, CSV, what else."""

from typing import Any

import orjson

from processors import Unusable
from processors.json_text import decode_json, parse_json
from processors.page.body import Body


class File(Body):
    """A fetched file: `url` (where the body came from, absolute), `body` and `type`, the media type
    that its first bytes and the server make it, such as `application/pdf`."""

    def __init__(
        self,
        url: str,
        body: bytes,
        type: str = "application/octet-stream",
        charset: str | None = None,
    ) -> None:
        """`charset` is the one of HTTP's Content-Type, as it came, if it came."""
        super().__init__(url, body, charset)
        self.type = type

    def __repr__(self) -> str:
        return f"File({self.url!r}, {len(self.body)} bytes, {self.type!r})"

    def json(self) -> Any:
        """What the body says as JSON; raises ValueError if it is none."""
        return parse_json(decode_json(self.body))


def read_json(file: File) -> Any:
    """What it says as JSON, no deeper than a record can hold. Raises Unusable `json_broken`."""
    try:
        said = file.json()
        orjson.dumps({"data": said})
    except ValueError as error:
        message = f"the body is no JSON: {error}"
        raise Unusable("json_broken", message) from error
    except orjson.JSONEncodeError as error:
        message = f"the JSON cannot stand in a record: {error}"
        raise Unusable("json_broken", message) from error
    return said
