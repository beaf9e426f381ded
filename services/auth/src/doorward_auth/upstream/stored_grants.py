"""The parts of a process that work with stored tokens: grants, refreshes, revocations, the vault's keys."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from doorward_auth.upstream.grants.attempt import RefreshAttempts
from doorward_auth.upstream.grants.database import GrantDatabase
from doorward_auth.upstream.grants.endings import GrantEndings
from doorward_auth.upstream.grants.events import GrantListener, NoListener
from doorward_auth.upstream.grants.metrics import UpstreamMetrics
from doorward_auth.upstream.grants.provider import Provider, Providers
from doorward_auth.upstream.grants.sealing import GrantSealing
from doorward_auth.upstream.grants.service import GrantService
from doorward_auth.upstream.refresher import GrantRefresher
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream.revocation_delivery.delivery import RevocationDelivery
from doorward_auth.upstream.revocation_delivery.worker import RevocationWorker
from doorward_auth.upstream.revocations.outbox import RevocationOutbox
from doorward_auth.upstream.revocations.sealing import RevocationSealing
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.settings import VaultSettings, open_key_store
from doorward_auth.vault.vault import Vault
from doorward_client.token_verification import BackgroundTask
from doorward_identity.resources import IdentityResources

STORE_SECONDS: Final = 3.0
"""Time to store the result of a request, when the process stops."""


@dataclass(frozen=True, slots=True)
class StoredGrants:
    """The parts that others use. `keys` are reloaded while `background` runs."""

    service: GrantService
    refresher: GrantRefresher
    outbox: RevocationOutbox
    revocations: RevocationWorker
    providers: Providers
    metrics: UpstreamMetrics
    keys: VaultKeyStore
    vault: Vault

    @classmethod
    def create(
        cls,
        settings: VaultSettings,
        resources: IdentityResources,
        providers: Iterable[Provider],
        listener: GrantListener | None = None,
    ) -> Self:
        """Call every constructor, once a process; raises SettingsError for an upstream without vault keys."""
        known, listener = Providers.of(providers), listener or NoListener()
        metrics = UpstreamMetrics(resources.metrics.registry, known.names())
        keys = open_key_store(settings, has_upstreams=bool(known.all()), on_failure=metrics.vault_keys_failed)
        vault = Vault(keys)
        database, sealing = GrantDatabase(resources.database), GrantSealing(vault)
        revocation_sealing = RevocationSealing(vault)
        outbox = RevocationOutbox(revocation_sealing)
        endings = GrantEndings(database, outbox, listener)
        attempts = RefreshAttempts(database, sealing, endings, metrics, listener)
        requests = UpstreamRequests(known, metrics)
        delivery = RevocationDelivery(
            GrantDatabase(resources.database), revocation_sealing, requests, metrics
        )
        return cls(
            service=GrantService(database, sealing, attempts, known),
            refresher=GrantRefresher(database, attempts, known, metrics, shutdown=resources.shutdown),
            outbox=outbox,
            revocations=RevocationWorker(database, outbox, delivery, known, metrics, resources.shutdown),
            providers=known,
            metrics=metrics,
            keys=keys,
            vault=vault,
        )

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        return [self.keys.run, self.refresher.run, self.revocations.run, self._drain]

    async def _drain(self) -> None:
        """When the process stops, wait for the requests of callers that were sent."""
        try:
            await asyncio.Event().wait()
        finally:
            deadlines = [provider.policy.deadline_seconds for provider in self.providers.all()]
            await self.service.drain(max(deadlines, default=0.0) + STORE_SECONDS)
