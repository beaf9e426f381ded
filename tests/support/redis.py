"""Redis, or Valkey if that is installed, on a free port and without persistence."""

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import redis as client
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from support.ports import free_port
from support.processes import Process
from support.requirements import Program, find, need

REDIS: Final = Program("redis-server", "redis-server")
VALKEY: Final = Program("valkey-server", "valkey-server")


class Redis(Process):
    """A private server on 127.0.0.1 with a random password; restart() keeps port and password."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.password = secrets.token_urlsafe(24)
        self.address = f"redis://127.0.0.1:{self.port}/0"
        self.url = f"redis://:{self.password}@127.0.0.1:{self.port}/0"
        configuration = folder / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            "\n".join(
                (
                    "bind 127.0.0.1",
                    f"port {self.port}",
                    f"requirepass {self.password}",
                    f"dir {folder}",
                    'save ""',
                    "appendonly no",
                    "daemonize no",
                )
            ),
            encoding="utf-8",
        )
        super().__init__(
            "redis",
            [find(VALKEY) or need(REDIS), configuration],
            log=folder / "redis.log",
            ready=self._answers,
        )

    def publish(self, channel: str, message: bytes) -> int:
        """Publish a message; return the number of subscribers that received it."""
        with self._connection() as connection:
            return int(connection.publish(channel, message))

    def listeners(self, channel: str) -> int:
        """Count the connections that are subscribed to a channel."""
        with self._connection() as connection:
            [(_, count)] = connection.pubsub_numsub(channel)
        return int(count)

    @contextlib.contextmanager
    def _connection(self) -> "Iterator[client.Redis]":
        # A short timeout, because tests poll by themselves.
        connection = client.Redis.from_url(
            self.url, socket_connect_timeout=1, socket_timeout=2, retry=Retry(NoBackoff(), 0)
        )
        with contextlib.closing(connection):
            yield connection

    def _answers(self) -> bool:
        try:
            with self._connection() as connection:
                return bool(connection.ping())
        except RedisError:
            return False
