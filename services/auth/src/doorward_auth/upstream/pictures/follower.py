"""Pictures at upstreams follow logins: what a login calls, and what runs in the background for it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import structlog

from doorward_auth.settings import AuthSettings
from doorward_auth.upstream.pictures.metrics import PictureMetrics, PictureOutcome
from doorward_auth.upstream.pictures.queue import PictureQueue
from doorward_auth.upstream.pictures.service import PictureUpdates
from doorward_auth.upstream_adapters.base import UpstreamUser
from doorward_auth.upstream_adapters.picture_hosts import host_of
from doorward_auth.upstream_adapters.pictures import PictureClient
from doorward_client.token_verification import BackgroundTask
from doorward_identity.resources import IdentityResources
from doorward_kit.shutdown import run_on_shutdown

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _ProviderPictures:
    """The client and the queue of a provider whose settings have `picture_hosts`."""

    client: PictureClient
    queue: PictureQueue


class PictureFollower:
    """Updates the pictures of users who log in at a provider with `picture_hosts`, and of no others."""

    def __init__(self, providers: Mapping[str, _ProviderPictures], metrics: PictureMetrics) -> None:
        self._providers = providers
        self._metrics = metrics

    @classmethod
    def create(cls, settings: AuthSettings, resources: IdentityResources) -> Self:
        """Raise SettingsError if no client can be made."""
        names = [name for name, provider in settings.providers.items() if provider.picture_hosts]
        metrics = PictureMetrics(resources.metrics.registry, names)
        providers = {}
        for name in names:
            client = PictureClient(name, settings.providers[name], max_bytes=settings.max_upload_bytes)
            updates = PictureUpdates(resources, name, client)
            providers[name] = _ProviderPictures(client, PictureQueue(name, updates.update, metrics))
        return cls(providers, metrics)

    def follow(self, provider: str, user_id: uuid.UUID, user: UpstreamUser) -> None:
        """Queue the picture of a login that was committed. It neither waits nor fails."""
        pictures = self._providers.get(provider)
        if pictures is None or user.picture_url is None:
            return
        url = pictures.client.hosts.parse(user.picture_url)
        if url is None:
            self._metrics.concluded(provider, PictureOutcome.NOT_ALLOWED)
            log.info("upstream.picture_host_rejected", provider=provider, host=host_of(user.picture_url))
            return
        pictures.queue.add(user_id, url)

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        closes = [pictures.client.close for pictures in self._providers.values()]
        if not closes:
            return []
        return [
            *(pictures.queue.run for pictures in self._providers.values()),
            lambda: run_on_shutdown(*closes),
        ]
