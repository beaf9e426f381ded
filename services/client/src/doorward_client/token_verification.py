"""What a process needs to believe tokens: keys, the list of revoked ones, and what keeps both fresh."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

from doorward_client.keys.jwks_client import JwksClient
from doorward_client.keys.key_store import KeySetWatcher
from doorward_client.permissions import ROLE_PERMISSIONS, Permissions
from doorward_client.revocations.http_source import HttpRevocationSource
from doorward_client.revocations.models import Source
from doorward_client.revocations.poller import RevocationPoller
from doorward_client.revocations.revocation_list import RevocationList, StalePolicy
from doorward_client.settings import VerifierSettings
from doorward_client.tokens import Verifier
from doorward_kit.metrics import Metrics

Background = Callable[[], Coroutine[Any, Any, None]]


class TokenVerificationService:
    """A verifier, and the work beside the requests that keeps it up to date."""

    def __init__(
        self,
        settings: VerifierSettings,
        metrics: Metrics,
        source: Source,
        role_permissions: Mapping[str, Permissions] = ROLE_PERMISSIONS,
    ) -> None:
        self.keys: Final = settings.key_ring()
        self.revocations: Final = RevocationList(
            max_age=settings.revocation_max_age_seconds, policy=settings.revocation_stale_policy
        )
        self.feed: Final = RevocationPoller(
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
        self._background: list[Background] = [self.feed.run, self._key_work(settings, metrics)]
        if settings.redis_url is not None:
            self._background.append(self._exchange_work(settings.redis_url.get_secret_value(), metrics))

    def background(self) -> Sequence[Background]:
        """Return what runs beside the requests for as long as the process serves."""
        return self._background

    def problem(self) -> str | None:
        """Say why tokens cannot be judged yet, or any longer; None when they can."""
        if not self.keys.believed:
            return "The keys of access tokens have not been read yet."
        if self.revocations.age() is None:
            return "The list of revoked tokens has not been read yet."
        if self.revocations.is_stale() and self.revocations.policy is StalePolicy.DENY:
            return "The list of revoked tokens is too old."
        return None

    def note(self) -> str | None:
        """Say what an operator should look at though tokens are judged, or None."""
        if self.revocations.is_stale():
            return f"revocations are {self.revocations.age():.0f} s old"
        return None

    def _key_work(self, settings: VerifierSettings, metrics: Metrics) -> Background:
        if settings.keys_are_published:
            return JwksClient(self.keys, f"{settings.auth_url}/jwks.json", metrics).run
        return KeySetWatcher(self.keys, settings.jwks_file, metrics).run

    def _exchange_work(self, url: str, metrics: Metrics) -> Background:
        # Imported by those who use it: the client library takes 15 MiB.
        from doorward_client.revocations.redis_pubsub import RedisPubSub  # noqa: PLC0415

        exchange = RedisPubSub(url, self.feed.hear, metrics)
        self.feed.exchange = exchange
        return exchange.run


def remote_source(settings: VerifierSettings) -> HttpRevocationSource:
    """Return the list of revoked tokens as auth serves it; raises SettingsError."""
    return HttpRevocationSource(settings.auth_client(purpose="to learn which tokens were revoked"))
