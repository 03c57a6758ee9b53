"""Whether our own network is there, found out on a thread of its own.

Where connections were made to before, one is tried again, without a request; where there never was
one, a name of the list is looked up. Through a proxy it is the proxy that is connected to: the
names of the list are its business. Whatever comes back counts, a refusal too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from scraper.guard.guard import Guard
from scraper.messages import Message, NetworkProbed

CONNECT_SECONDS = 3.0  # for each place that is tried
MAX_NAMES = 2  # that are looked up


class NetworkProbe:
    """Probes the network when it is asked to, and posts what came of it."""

    def __init__(
        self,
        guard: Guard,
        post: Callable[[Message], None],
        proxies: Sequence[tuple[str, int]] = (),
    ) -> None:
        self._guard = guard
        self._post = post
        self._proxies = proxies

    @property
    def by_proxy(self) -> bool:
        """Do requests go through a proxy?"""
        return bool(self._proxies)

    def start(self, hosts: Sequence[str]) -> None:
        """Probe now; `hosts` are of the list."""
        threading.Thread(
            target=self._run, args=(hosts,), name="probe", daemon=True
        ).start()

    def _run(self, hosts: Sequence[str]) -> None:
        self._post(NetworkProbed(self.is_there(hosts)))

    def is_there(self, hosts: Sequence[str]) -> bool:
        """Does anything come back from anywhere?"""
        if self._proxies:
            return any(self._reaches(*proxy) for proxy in self._proxies)
        places = [each for each in self._guard.places if each.trust != "proxy"]
        if places:
            return any(
                self._guard.answers(each, CONNECT_SECONDS)
                for each in reversed(places)
            )
        return any(map(self._guard.resolver_answers, hosts[:MAX_NAMES]))

    def _reaches(self, host: str, port: int) -> bool:
        try:
            self._guard.connect(host, port, CONNECT_SECONDS, "proxy").close()
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
        return True
