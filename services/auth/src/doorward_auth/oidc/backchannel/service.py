"""Tells clients when sessions have ended, while the process serves."""

import asyncio
from functools import partial
from typing import Final

import structlog

from doorward_auth.oidc.backchannel.deleted_users import DELETED_USERS
from doorward_auth.oidc.backchannel.ended_sessions import ENDED_SESSIONS
from doorward_auth.oidc.backchannel.metrics import LogoutMetrics, LogoutOutcome
from doorward_auth.oidc.backchannel.outbox import LogoutDelivery, Outbox
from doorward_auth.oidc.backchannel.sender import LogoutSender
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_identity.logout_deliveries import MAX_ATTEMPTS
from doorward_kit.periodic import repeat
from doorward_kit.retries import jittered
from doorward_kit.unit_of_work import Database

log = structlog.get_logger(__name__)

INTERVAL_SECONDS: Final = 1.0
BATCH_SIZE: Final = 10
LEASE_SECONDS: Final = 30
"""Longer than a batch takes, whose requests run at the same time."""

WAITS: Final = (10, 60)
"""Seconds after the first and the second failure; after the third the client is not notified."""

OUTBOXES: Final = (ENDED_SESSIONS, DELETED_USERS)


class BackchannelLogout:
    """Polls for ended sessions every second, in every auth process, in each outbox separately."""

    def __init__(
        self, database: Database, provider: OpenIdProvider, sender: LogoutSender, metrics: LogoutMetrics
    ) -> None:
        self._database = database
        self._provider = provider
        self._sender = sender
        self._metrics = metrics

    async def run(self) -> None:
        """Tell clients until the process ends; nothing to do while the provider is off."""
        if not self._provider.is_on:
            return
        try:
            # Apart, so that a failure of one delays no other.
            async with asyncio.TaskGroup() as group:
                for outbox in OUTBOXES:
                    work = partial(self._deliver_due, outbox)
                    interval = jittered(INTERVAL_SECONDS)
                    group.create_task(repeat(work, interval=interval, failed="backchannel.unavailable"))
        finally:
            await self._sender.close()

    async def _deliver_due(self, outbox: Outbox) -> None:
        while await self.deliver_batch(outbox) >= BATCH_SIZE:
            pass

    async def deliver_batch(self, outbox: Outbox) -> int:
        """Tell up to BATCH_SIZE clients; return how many.

        Raises as Database.write does, and NoSigningKeyError.
        """
        if not await self._database.read(outbox.is_any_due):
            return 0
        lease = await self._database.write(
            lambda connection: outbox.lease(connection, BATCH_SIZE, LEASE_SECONDS)
        )
        for delivery in lease.over:
            self._give_up(delivery, "interrupted")
        await asyncio.gather(*(self._deliver(outbox, delivery) for delivery in lease.deliveries))
        return len(lease.deliveries)

    async def _deliver(self, outbox: Outbox, delivery: LogoutDelivery) -> None:
        token = self._provider.signer.logout_token(
            client_id=delivery.client_id,
            user_id=delivery.user_id,
            session_id=delivery.session_id,
            algorithm=delivery.algorithm,
        )
        failure = await self._sender.send(delivery.uri, token)
        fields = _fields_of(delivery)
        if failure is None:
            self._metrics.attempted(LogoutOutcome.DELIVERED)
            await self._database.write(lambda connection: outbox.finish(connection, delivery))
            log.info("backchannel.delivered", **fields)
        elif delivery.attempts >= MAX_ATTEMPTS:
            # Counted once: a row that cannot be written is over after its lease.
            await self._database.write(lambda connection: outbox.finish(connection, delivery))
            self._give_up(delivery, failure)
        else:
            self._metrics.attempted(LogoutOutcome.FAILED)
            seconds = WAITS[delivery.attempts - 1]
            await self._database.write(lambda connection: outbox.reschedule(connection, delivery, seconds))
            log.warning("backchannel.retry_scheduled", failure=failure, attempts=delivery.attempts, **fields)

    def _give_up(self, delivery: LogoutDelivery, failure: str) -> None:
        self._metrics.attempted(LogoutOutcome.GIVEN_UP)
        log.error("backchannel.given_up", failure=failure, **_fields_of(delivery))


def _fields_of(delivery: LogoutDelivery) -> dict[str, str]:
    return {"client_id": delivery.client_id, "delivery_id": str(delivery.id)}
