"""What an answer, and a page itself, ask of robots, and whether that is obeyed."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from msgspec import Struct

from scraper.config import Config
from scraper.frontier import directives
from scraper.frontier.robots import token_of
from scraper.http.headers import agent_of
from scraper.messages import Processed
from scraper.model import Failure, Fetched


class Obedience(Struct, frozen=True):
    """The directives that are obeyed, and by whom."""

    agent_token: str = "scraper"  # whom directives may mean by name
    obeyed: Sequence[str] = ()

    def judge(
        self,
        fetched: Fetched,
        processed: Processed | None,
    ) -> tuple[tuple[str, ...], tuple[str, ...], Failure | None]:
        """What the answer says, what is in force of it and of what its page says, and why nothing
        of it may be kept, if that is so."""
        tags = directives.from_headers(fetched.headers, self.agent_token)
        words = self._in_force(tags, fetched, processed)
        return (
            tags,
            words,
            directives.refusal_of(words, self.obeyed, fetched.kind),
        )

    def _in_force(
        self,
        tags: tuple[str, ...],
        fetched: Fetched,
        processed: Processed | None,
    ) -> tuple[str, ...]:
        if not self.obeyed:
            return ()
        if fetched.kind != "page" or processed is None:
            return tags
        return (*tags, *orjson.loads(processed.facts).get("robots_meta", ()))

    def forbids_images(self, words: tuple[str, ...]) -> bool:
        """Do the words that are in force forbid to fetch the images of a page?"""
        return directives.forbids_images(words, self.obeyed)


def obedience_of(config: Config) -> Obedience:
    """The obedience that a configuration asks for."""
    return Obedience(token_of(agent_of(config.fetch)), config.hosts.obey)
