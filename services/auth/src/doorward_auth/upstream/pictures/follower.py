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
class _Followed:
    """A provider whose settings have `picture_hosts`."""

    client: PictureClient
    queue: PictureQueue


class PictureFollower:
    """Updates the pictures of users who log in at a provider with `picture_hosts`, and of no others."""

    def __init__(self, followed: Mapping[str, _Followed], metrics: PictureMetrics) -> None:
        self._followed = followed
        self._metrics = metrics

    @classmethod
    def create(cls, settings: AuthSettings, resources: IdentityResources) -> Self:
        """Raise SettingsError if no client can be made."""
        names = [name for name, provider in settings.providers.items() if provider.picture_hosts]
        metrics = PictureMetrics(resources.metrics.registry, names)
        followed = {}
        for name in names:
            client = PictureClient(name, settings.providers[name], max_bytes=settings.max_upload_bytes)
            updates = PictureUpdates(resources, name, client)
            followed[name] = _Followed(client, PictureQueue(name, updates.update, metrics))
        return cls(followed, metrics)

    def follow(self, provider: str, user_id: uuid.UUID, user: UpstreamUser) -> None:
        """Queue the picture of a login that was committed. It neither waits nor fails."""
        followed = self._followed.get(provider)
        if followed is None or user.picture_url is None:
            return
        url = followed.client.hosts.parse(user.picture_url)
        if url is None:
            self._metrics.concluded(provider, PictureOutcome.NOT_ALLOWED)
            log.info("upstream.picture_host_rejected", provider=provider, host=host_of(user.picture_url))
            return
        followed.queue.add(user_id, url)

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves."""
        closes = [one.client.close for one in self._followed.values()]
        if not closes:
            return []
        return [*(one.queue.run for one in self._followed.values()), lambda: run_on_shutdown(*closes)]
