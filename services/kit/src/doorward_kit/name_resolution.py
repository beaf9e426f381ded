"""Addresses that were known a moment ago, while the name servers are unavailable.

Every library here opens connections by name, and none keeps an address: without DNS for a minute, a process
could reach nothing that is not already connected. So a process asks for each connection, as before, and uses
the last answer where there is no new one.
"""

import asyncio
import contextlib
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any, Final
from urllib.parse import urlsplit

import structlog

log = structlog.get_logger(__name__)

PATIENCE_SECONDS: Final = 0.5
"""Longest wait for a new answer where there is an old one. A question to no server takes a minute to fail."""

REPEAT_SECONDS: Final = 1.0
"""Age of an unanswered question from which it is asked again. The system repeats it after five seconds."""

MAX_NAMES: Final = 256
MAX_UNANSWERED: Final = 64

_NO_ANSWER: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_SYSTEM})
"""Not EAI_NONAME: a name that does not exist any more is an answer."""

_PORTS: Final = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}

Addresses = list[tuple[Any, ...]]
Lookup = Callable[..., Addresses]


class RememberedAddresses:
    """`socket.getaddrinfo` with the last answer for each question."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._known: dict[tuple[Any, ...], Addresses] = {}
        self._asked_last: dict[tuple[Any, ...], tuple[Future[Addresses], float]] = {}
        self._unanswered = 0
        self._lock = threading.Lock()
        self._away: set[str] = set()

    def getaddrinfo(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name of the standard library
        proto: int = 0,
        flags: int = 0,
    ) -> Addresses:
        """Look up; raises socket.gaierror without any answer, and for names that do not exist."""
        question = _question(host, port, family, type, proto, flags)
        if not is_name(host):
            return self._lookup(*question)
        lookup = self._shared_lookup(question)
        wait([lookup], self._wait_limit(question))
        return self._answer(question, lookup)

    async def find(
        self,
        host: Any,
        port: Any,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name of the standard library
        proto: int = 0,
        flags: int = 0,
    ) -> Addresses:
        """Look up a name without a thread that waits; raises as `getaddrinfo`."""
        question = _question(host, port, family, type, proto, flags)
        lookup = self._shared_lookup(question)
        answered = asyncio.wrap_future(lookup)
        answered.add_done_callback(_retrieve)
        # Unlike asyncio.wait_for it cancels nothing: others wait for the same look-up.
        await asyncio.wait([answered], timeout=self._wait_limit(question))
        return self._answer(question, lookup)

    def _wait_limit(self, question: tuple[Any, ...]) -> float | None:
        return PATIENCE_SECONDS if question in self._known else None

    def _answer(self, question: tuple[Any, ...], lookup: Future[Addresses]) -> Addresses:
        """Return what a look-up found, or the last answer if it has found nothing yet."""
        host, known = question[0], self._known.get(question)
        try:
            found = lookup.result(0)
        except (TimeoutError, socket.gaierror) as error:
            if known is None or (isinstance(error, socket.gaierror) and error.errno not in _NO_ANSWER):
                raise
            if host not in self._away:
                self._away.add(host)
                log.warning("dns.unavailable", host=host)
            return known
        if host in self._away:
            self._away.discard(host)
            log.info("dns.recovered", host=host)
        return found

    def prefetch(self, urls: Iterable[str]) -> None:
        """Look up the hosts of URLs in the background, for a process that has not connected to them yet."""
        for url in urls:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme)
            if is_name(parts.hostname) and port is not None:
                self._shared_lookup((parts.hostname, port, 0, socket.SOCK_STREAM, 0, 0))

    def _shared_lookup(self, question: tuple[Any, ...]) -> Future[Addresses]:
        """Return the look-up that is under way, or begin one in a thread of its own."""
        now = time.monotonic()
        with self._lock:
            running, asked_at = self._asked_last.get(question, (None, now))
            is_fresh = now - asked_at < REPEAT_SECONDS or self._unanswered >= MAX_UNANSWERED
            if running is not None and is_fresh:
                return running
            future: Future[Addresses] = Future()
            self._asked_last[question] = future, now
            self._unanswered += 1
        threading.Thread(target=self._ask, args=(question, future), daemon=True).start()
        return future

    def _ask(self, question: tuple[Any, ...], future: Future[Addresses]) -> None:
        try:
            found = self._lookup(*question)
        except Exception as error:  # noqa: BLE001 - it is the caller's
            self._end(question, future)
            future.set_exception(error)
        else:
            if question in self._known or len(self._known) < MAX_NAMES:
                self._known[question] = found
            self._end(question, future)
            future.set_result(found)

    def _end(self, question: tuple[Any, ...], future: Future[Addresses]) -> None:
        with self._lock:
            self._unanswered -= 1
            if self._asked_last.get(question, (None, 0.0))[0] is future:
                del self._asked_last[question]


def _question(host: Any, *rest: Any) -> tuple[Any, ...]:
    if isinstance(host, bytes):  # of anyio, for HTTP clients
        host = host.decode("ascii")
    return (host, *rest)


def _retrieve(answered: asyncio.Future[Addresses]) -> None:
    """Mark the error of a look-up as retrieved, because its callers may have gone."""
    if not answered.cancelled():
        answered.exception()


def is_name(host: Any) -> bool:
    """Tell whether a host of `getaddrinfo` has to be looked up."""
    if isinstance(host, bytes):
        host = host.decode("ascii")
    if not isinstance(host, str) or not host:
        return False
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return False
    return True


def remember_addresses() -> RememberedAddresses:
    """Use remembered addresses in this process.

    Replaces `socket.getaddrinfo`, through which PyMySQL and every other library with threads look up names;
    none of them takes another function. An event loop in C does not call it: see `event_loop`.
    """
    current = socket.getaddrinfo
    owner = getattr(current, "__self__", None)
    if isinstance(owner, RememberedAddresses):
        return owner
    remembered = RememberedAddresses(current)
    socket.getaddrinfo = remembered.getaddrinfo
    return remembered
