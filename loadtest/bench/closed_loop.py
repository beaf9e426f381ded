"""Closed-loop load: each client sends its next request as soon as the last response has arrived."""

import itertools
import json
import select
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from bench.http_client import TIMEOUT, Connection, ResponseError, post


class Client(Protocol):
    """Gives the requests of one connection."""

    def next_request(self) -> bytes:
        """Return the request to send now."""

    def on_response(self, response: Connection) -> None:
        """Take the response, which the connection has until its next request."""


class ClosedLoop:
    """Clients with one request in flight each; `new_clients` is called at the start of each run.

    `accepts` as for Connection.
    """

    def __init__(
        self,
        port: int,
        new_clients: Callable[[], Iterable[Client]],
        *,
        accepts: tuple[bytes, ...] = (b"2",),
    ) -> None:
        self._port = port
        self._new_clients = new_clients
        self._accepts = accepts

    def run_for(self, seconds: float) -> int:
        """Send requests for some seconds, wait for the last responses, and return how many arrived."""
        end = time.monotonic() + seconds
        return self._run(lambda _: time.monotonic() < end)

    def run_times(self, count: int) -> int:
        """Send `count` requests and return the number of responses."""
        return self._run(lambda sent: sent < count)

    def _run(self, may_send: Callable[[int], bool]) -> int:
        poll = select.epoll()
        busy: dict[int, tuple[Connection, Client]] = {}
        sent = received = 0

        def connect(client: Client) -> None:
            connection = Connection(self._port, accepts=self._accepts)
            poll.register(connection.fileno(), select.EPOLLIN)
            busy[connection.fileno()] = connection, client
            connection.send(client.next_request())

        for client in self._new_clients():
            if may_send(sent):
                connect(client)
                sent += 1
        while busy:
            ready = poll.poll(TIMEOUT)
            if not ready:
                raise ResponseError(f"no response within {TIMEOUT} s")
            for number, _ in ready:
                connection, client = busy[number]
                if not connection.receive():
                    continue
                received += 1
                client.on_response(connection)
                more = may_send(sent)
                sent += more
                if more and not connection.closes:
                    connection.send(client.next_request())
                    continue
                del busy[number]
                poll.unregister(number)
                connection.close()
                if more:
                    connect(client)
        poll.close()
        return received


def cycling(port: int, requests: Sequence[bytes], connections: int) -> ClosedLoop:
    """Send the same requests again and again, over several connections."""

    def new_clients() -> list[Client]:
        supply = itertools.cycle(requests)
        return [_CyclingClient(supply) for _ in range(connections)]

    return ClosedLoop(port, new_clients)


class _CyclingClient:
    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests

    def next_request(self) -> bytes:
        return next(self._requests)

    def on_response(self, response: Connection) -> None:
        """Ignore it."""


class RefreshClient:
    """Refreshes with the token that the last refresh returned.

    `build` makes the request of a token; `field` is the token's name in bodies of responses.
    """

    def __init__(self, build: Callable[[str], bytes], field: str, token: str) -> None:
        self._build = build
        self._field = field
        self._token = token

    def next_request(self) -> bytes:
        return self._build(self._token)

    def on_response(self, response: Connection) -> None:
        """Keep the new token; raises ResponseError when there is none."""
        token = json.loads(response.body).get(self._field)
        if not token or token == self._token:
            raise ResponseError(f"the token was not rotated: {response.body[:600]!r}")
        self._token = token


def json_refresh(path: str, field: str, token: str) -> bytes:
    """Build a refresh whose body is JSON with the token alone."""
    return post(path, json.dumps({field: token}).encode("ascii"))
