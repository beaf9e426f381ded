"""Clients that refresh again and again, each with the token that its last refresh returned."""

import json
import select
import time
from collections.abc import Callable, Iterable
from typing import Final

from bench.client import Connection, LoadError, post

_TIMEOUT: Final = 30.0


class Chain:
    """One client's tokens. `request` is its next refresh, ready to send.

    `name` is the refresh token's in the body of a request and of an answer.
    """

    def __init__(self, path: str, name: str, token: str) -> None:
        self._path = path
        self._name = name
        self._token = token
        self.request = self._refresh()

    def advance(self, answer: bytes) -> None:
        """Go on from an answer; raises LoadError when it does not bring another token."""
        token = json.loads(answer).get(self._name)
        if not token or token == self._token:
            raise LoadError(f"not rotated: {answer[:600]!r}")
        self._token = token
        self.request = self._refresh()

    def _refresh(self) -> bytes:
        return post(self._path, json.dumps({self._name: self._token}).encode("ascii"))


class ChainFlood:
    """All chains at once, each with one request in flight: as fast as they are answered."""

    def __init__(self, port: int, chains: Iterable[Chain]) -> None:
        self._port = port
        self._chains = tuple(chains)

    def for_seconds(self, seconds: float) -> int:
        """Refresh for so long, wait for what is in flight, and return how many were answered."""
        end = time.monotonic() + seconds
        return self._run(lambda _: time.monotonic() < end)

    def times(self, count: int) -> int:
        """Refresh so many times, or as many more as there are chains."""
        return self._run(lambda answered: answered < count)

    def _run(self, goes_on: Callable[[int], bool]) -> int:
        poll = select.epoll()
        busy: dict[int, tuple[Connection, Chain]] = {}

        def send(connection: Connection, chain: Chain) -> None:
            busy[connection.fileno()] = connection, chain
            connection.send(chain.request)

        def connect(chain: Chain) -> None:
            connection = Connection(self._port)
            poll.register(connection.fileno(), select.EPOLLIN)
            send(connection, chain)

        for chain in self._chains:
            connect(chain)
        answered = 0
        while busy:
            ready = poll.poll(_TIMEOUT)
            if not ready:
                raise LoadError(f"no answer within {_TIMEOUT} s")
            for number, _ in ready:
                connection, chain = busy[number]
                if not connection.receive():
                    continue
                del busy[number]
                answered += 1
                chain.advance(connection.body)
                more = goes_on(answered)
                if more and not connection.closes:
                    send(connection, chain)
                    continue
                poll.unregister(number)
                connection.close()
                if more:
                    connect(chain)
        poll.close()
        return answered
