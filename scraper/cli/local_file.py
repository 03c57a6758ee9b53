"""`python -m scraper explain FILE`: what a run would find in a page that lies here already."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from urllib.parse import quote

import orjson

from scraper.cli.explanation import Explanation
from scraper.cli.one_request import Requests, open_requests
from scraper.cli.shown_body import Body, show_facts, show_fields
from scraper.config import Config
from scraper.errors import UsageError, state_of
from scraper.media_types import HEAD_BYTES, is_json, sniff
from scraper.model import Task
from scraper.redaction import redacted
from scraper.sources.text import parse_line
from scraper.urls import Url, parts_of

# Reserved for names that lead nowhere: RFC 2606.
NOWHERE = "http://file.invalid/"


def explain_file(
    path: Path, config: Config, url: str = "", find: str = ""
) -> Explanation:
    """Explain a page, or JSON, as if it had come from `url`; without one it has an address that
    leads nowhere. Raises UsageError."""
    explanation = Explanation()
    address = _address_of(path, url)
    body = _read_body(path, address, config.fetch.max_body_bytes)
    with open_requests(config, explanation) as requests:
        explanation.add("file", path=str(path), url=redacted(address.href))
        explanation.add(
            "content",
            kind=body.kind,
            type=body.type,
            bytes=len(body.content),
        )
        _show_processed(requests, Task(1, address, address), body, explanation)
        show_fields(explanation, config, body, find)
    return explanation


def _show_processed(
    requests: Requests, task: Task, body: Body, explanation: Explanation
) -> None:
    """Its facts, and what it would fail of: what recipes find is shown by itself."""
    processed = requests.process(requests.keep(task, body))
    if processed is None:
        return
    facts = orjson.loads(processed.facts)
    if facts:
        show_facts(explanation, body.kind, facts, processed.seconds)
    if processed.failure is not None:
        explanation.add(
            "outcome",
            state=state_of(processed.failure),
            kind=processed.failure.label,
            message=redacted(processed.failure.message),
        )


def _address_of(path: Path, url: str) -> Url:
    if not url:
        return parts_of(NOWHERE + quote(path.name))
    line = parse_line(url, source=0, number=1)
    if line is None or line.refusal is not None:
        raise UsageError(f"--url {url!r} is no URL of a page")
    return line.url


def _read_body(path: Path, address: Url, most: int) -> Body:
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise UsageError(f"{path} is larger than --max-body {most:,}")
    named, _ = mimetypes.guess_type(path.name)
    kind, type, charset = sniff(content[:HEAD_BYTES], named)
    if kind != "page" and not is_json(type):
        raise UsageError(
            f"{path} is {type}: explain takes pages (HTML) and JSON, or a URL"
        )
    return Body(address.href, kind, type, charset, content)
