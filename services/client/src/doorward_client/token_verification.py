"""Everything that a process needs to verify tokens: the verifier, and what keeps its data up to date."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from doorward_client.keys.jwks_client import JwksClient
from doorward_client.keys.key_store import KeySetWatcher
from doorward_client.metrics import VerificationMetrics
from doorward_client.permissions import ROLE_PERMISSIONS, Permissions
from doorward_client.revocations.http_source import HttpRevocationSource
from doorward_client.revocations.models import RevocationSource
from doorward_client.revocations.poller import RevocationPoller
from doorward_client.revocations.revocation_list import RevocationList, StalePolicy
from doorward_client.settings import SettingsError
from doorward_client.tokens import Verifier
from doorward_client.verifier_settings import VerifierSettings

BackgroundTask = Callable[[], Coroutine[Any, Any, None]]


class TokenVerificationService:
    """A verifier and the background tasks that keep its keys and revocations up to date."""

    def __init__(
        self,
        settings: VerifierSettings,
        metrics: VerificationMetrics,
        source: RevocationSource,
        role_permissions: Mapping[str, Permissions] = ROLE_PERMISSIONS,
    ) -> None:
        self.keys: Final = settings.key_store()
        self.revocations: Final = RevocationList(
            max_age=settings.revocation_max_age_seconds, policy=settings.revocation_stale_policy
        )
        self.poller: Final = RevocationPoller(
            self.revocations, source, metrics, interval=settings.revocation_poll_seconds
        )
        self.verifier: Final = Verifier(
            self.keys,
            issuer=settings.issuer,
            audience=settings.audience,
            leeway=settings.token_leeway_seconds,
            revocations=self.revocations,
            role_permissions=role_permissions,
        )
        self._source: Final = source
        self._background: list[BackgroundTask] = [self.poller.run, self._key_task(settings, metrics)]
        if settings.redis_url is not None:
            self._background.append(self._pubsub_task(settings.redis_url.get_secret_value(), metrics))

    def background(self) -> Sequence[BackgroundTask]:
        """Return the coroutines to run for as long as the process serves."""
        return self._background

    @property
    def is_loaded(self) -> bool:
        """Whether there are keys and a revocation list: before that, every token is answered with 503."""
        return bool(self.keys.verification_keys) and self.revocations.age() is not None

    def problem(self) -> str | None:
        """Return why this process cannot verify tokens, for a readiness probe, or None."""
        if not self.keys.verification_keys:
            return "The keys of access tokens are not loaded yet."
        if self.revocations.age() is None:
            return "The revocation list is not loaded yet."
        if self.revocations.is_stale() and self.revocations.policy is StalePolicy.DENY:
            return "The revocation list is stale."
        return self._source.problem()

    def warning(self) -> str | None:
        """Return what an operator should look at although tokens are verified, or None."""
        if self.revocations.is_stale():
            return f"the revocation list is {self.revocations.age():.0f} s old"
        return self._source.warning()

    def _key_task(self, settings: VerifierSettings, metrics: VerificationMetrics) -> BackgroundTask:
        if settings.keys_are_published:
            return JwksClient(self.keys, f"{settings.auth_url}/jwks.json", metrics).run
        return KeySetWatcher(self.keys, settings.jwks_file, metrics).run

    def _pubsub_task(self, url: str, metrics: VerificationMetrics) -> BackgroundTask:
        # Imported only when configured: redis is an extra, and takes 15 MiB.
        try:
            from doorward_client.revocations.redis_pubsub import RedisPubSub  # noqa: PLC0415
        except ImportError as error:
            raise SettingsError(
                f"DOORWARD_REDIS_URL needs the extra doorward-client[redis] ({error})"
            ) from error
        pubsub = RedisPubSub(url, self.poller.apply_remote, metrics)
        self.poller.publisher = pubsub
        return pubsub.run


def remote_source(settings: VerifierSettings) -> HttpRevocationSource:
    """Return auth's revocation list over HTTP as a source; raises SettingsError."""
    return HttpRevocationSource(
        settings.auth_credentials(purpose="to load the revocation list"),
        issuer=settings.issuer,
        audience=settings.audience,
    )
