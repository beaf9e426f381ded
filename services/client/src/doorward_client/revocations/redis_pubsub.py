"""Revocations through Redis or Valkey at once, in addition to the polls (the extra `redis`)."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from redis import asyncio as redis
from redis.exceptions import RedisError

from doorward_client.metrics import VerificationMetrics
from doorward_client.revocations.models import RevocationEntries, RevocationMessage, dump_entries

log = structlog.get_logger(__name__)

CHANNEL: Final = "doorward:revocations"
RETRY_SECONDS: Final = 1.0
_TIMEOUT_SECONDS: Final = 1.0
_PING_SECONDS: Final = 5.0


class RedisPubSub:
    """Publishes and subscribes on one channel. Without Redis the next poll brings the entries."""

    def __init__(
        self, url: str, on_entries: Callable[[RevocationEntries], None], metrics: VerificationMetrics
    ) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            health_check_interval=_PING_SECONDS,
        )
        self._on_entries = on_entries
        self._metrics = metrics

    async def publish(self, entries: RevocationEntries) -> None:
        try:
            await self._redis.publish(CHANNEL, dump_entries(entries))
        except (RedisError, OSError) as error:
            log.warning("redis_pubsub.unavailable", error=type(error).__name__)

    async def run(self) -> None:
        """Receive messages until cancelled."""
        try:
            while True:
                try:
                    await self._receive()
                except (RedisError, OSError) as error:
                    log.warning("redis_pubsub.unavailable", error=type(error).__name__)
                self._metrics.pubsub_connected(connected=False)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._redis.aclose()

    async def _receive(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            self._metrics.pubsub_connected(connected=True)
            while True:
                message = await channel.get_message(timeout=_PING_SECONDS)
                if message is not None:
                    self._handle(message["data"])
                else:
                    # Silence may be a server that hangs; a ping fails then.
                    await self._redis.ping()

    def _handle(self, text: bytes) -> None:
        try:
            self._on_entries(RevocationMessage.parse(text).entries)
        except ValueError as error:
            log.warning("redis_pubsub.invalid_message", error=str(error))
