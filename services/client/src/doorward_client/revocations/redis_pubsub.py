"""News of revocations by Redis or Valkey: at once, where it is configured; the polls go on beside it."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog
from redis import asyncio as redis
from redis.exceptions import RedisError

from doorward_client.revocations import json_codec
from doorward_client.revocations.models import Changes
from doorward_kit.metrics import Metrics

log = structlog.get_logger(__name__)

CHANNEL: Final = "doorward:revocations"
RETRY_SECONDS: Final = 1.0
_TIMEOUT_SECONDS: Final = 1.0
_PING_SECONDS: Final = 5.0


class RedisPubSub:
    """Publishes on one channel and listens to it. Its loss costs only time: the next poll brings it all."""

    def __init__(self, url: str, hear: Callable[[Changes], None], metrics: Metrics) -> None:
        self._redis = redis.Redis.from_url(
            url,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            socket_timeout=_TIMEOUT_SECONDS,
            health_check_interval=_PING_SECONDS,
        )
        self._hear = hear
        self._connected = metrics.exchange_connected

    async def publish(self, changes: Changes) -> None:
        """Tell the other processes."""
        try:
            await self._redis.publish(CHANNEL, json_codec.dump(changes))
        except (RedisError, OSError) as error:
            log.warning("redis_pubsub.unavailable", error=type(error).__name__)

    async def run(self) -> None:
        """Listen, for as long as the process serves."""
        try:
            while True:
                try:
                    await self._listen()
                except (RedisError, OSError) as error:
                    log.warning("redis_pubsub.unavailable", error=type(error).__name__)
                self._connected.set(0)
                await asyncio.sleep(RETRY_SECONDS)
        finally:
            await self._redis.aclose()

    async def _listen(self) -> None:
        async with self._redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(CHANNEL)
            self._connected.set(1)
            while True:
                message = await channel.get_message(timeout=_PING_SECONDS)
                if message is not None:
                    self._believe(message["data"])
                else:
                    # Silence may be a server that hangs: this one has to be answered.
                    await self._redis.ping()

    def _believe(self, text: bytes) -> None:
        try:
            self._hear(json_codec.load(text))
        except ValueError as error:
            log.warning("redis_pubsub.invalid_message", error=str(error))
