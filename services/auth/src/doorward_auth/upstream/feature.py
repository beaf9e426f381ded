"""The services of upstreams, and their tasks in the background."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from doorward_auth.captcha.service import Captcha
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.registration.policy import AddressPolicy
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in.opening import SessionOpener
from doorward_auth.signing import Signer
from doorward_auth.upstream.accounts import UpstreamAccounts
from doorward_auth.upstream.links.service import UpstreamLinkService
from doorward_auth.upstream.logins.attempts import LoginAttempts
from doorward_auth.upstream.logins.password_login import PasswordLogins
from doorward_auth.upstream.logins.registration import UpstreamRegistrations
from doorward_auth.upstream.logins.session_opener import UpstreamSessionOpener
from doorward_auth.upstream.notices import GrantNotices
from doorward_auth.upstream.pictures.follower import PictureFollower
from doorward_auth.upstream.providers import create_providers
from doorward_auth.upstream.redirects.abandoned import AbandonedLogins
from doorward_auth.upstream.redirects.codes import LoginCodes
from doorward_auth.upstream.redirects.sealing import AuthorizationSealing
from doorward_auth.upstream.redirects.service import RedirectLogins
from doorward_auth.upstream.requests import UpstreamRequests
from doorward_auth.upstream.roles import UpstreamRoles
from doorward_auth.upstream.session_refresh import SessionRefresh
from doorward_auth.upstream.stored_grants import StoredGrants
from doorward_auth.upstream.token_revocation import UpstreamTokenRevocation
from doorward_auth.upstream_adapters.settings.provider import OAuthClientSettings
from doorward_auth.upstream_adapters.settings.upstreams import AnyProviderSettings
from doorward_client.settings import SettingsError
from doorward_client.token_verification import BackgroundTask
from doorward_identity.resources import IdentityResources
from doorward_kit.cleanup import CleanupTask
from doorward_kit.shutdown import run_on_shutdown


@dataclass(frozen=True, slots=True)
class UpstreamServices:
    """One service a field."""

    logins: PasswordLogins
    registrations: UpstreamRegistrations
    redirects: RedirectLogins
    abandoned: AbandonedLogins
    links: UpstreamLinkService
    stored: StoredGrants
    revocation_cleanup: CleanupTask
    notices: GrantNotices
    refreshes: SessionRefresh
    pictures: PictureFollower

    @classmethod
    def create(  # noqa: PLR0913, PLR0917 - what the services work with
        cls,
        settings: AuthSettings,
        resources: IdentityResources,
        opener: SessionOpener,
        signer: Signer,
        policy: AddressPolicy,
        limiter: AuthRateLimiter,
        captcha: Captcha,
        publisher: EventPublisher,
    ) -> Self:
        """Call every constructor; raises SettingsError."""
        notices = GrantNotices(resources.database, publisher)
        if settings.public_url is None and any(map(_redirects, settings.providers.values())):
            raise SettingsError(
                "DOORWARD_PUBLIC_URL is not set: an oidc or oauth2 upstream sends users back to it"
            )
        stored = StoredGrants.create(settings, resources, create_providers(settings.providers), notices)
        providers = stored.providers
        requests = UpstreamRequests(providers, stored.metrics)
        accounts, attempts = UpstreamAccounts(policy), LoginAttempts(limiter)
        revocation = UpstreamTokenRevocation(resources.database, requests, stored.outbox)
        roles = UpstreamRoles(settings.providers, token_seconds=settings.access_token_seconds)
        pictures = PictureFollower.create(settings, resources)
        sessions = UpstreamSessionOpener(
            resources, accounts, roles, stored.service, revocation, opener, signer, pictures
        )
        logins = PasswordLogins(resources, providers, revocation, attempts, sessions)
        sealing = AuthorizationSealing(stored.vault)
        codes = LoginCodes(resources.database, sealing, revocation)
        redirects = RedirectLogins(
            resources,
            providers,
            requests,
            stored.metrics,
            sealing,
            codes,
            sessions,
            revocation,
            limiter,
            settings.public_url,
        )
        return cls(
            logins=logins,
            registrations=UpstreamRegistrations(
                resources, providers, revocation, accounts, logins, sessions, limiter, captcha
            ),
            redirects=redirects,
            abandoned=AbandonedLogins(resources.database, sealing, revocation),
            links=UpstreamLinkService(
                resources,
                providers,
                logins,
                codes,
                stored.service,
                revocation,
                pictures,
                token_seconds=settings.access_token_seconds,
            ),
            stored=stored,
            # Not in the other cleanup, which knows no upstream.
            revocation_cleanup=CleanupTask(
                resources.database, {}, {"upstream_revocations": stored.revocations.give_up}
            ),
            notices=notices,
            refreshes=SessionRefresh(
                resources, providers, stored.service, token_seconds=settings.access_token_seconds
            ),
            pictures=pictures,
        )

    def background(self) -> Sequence[BackgroundTask]:
        """Return the tasks to run while the process serves.

        Without an upstream, only the one that gives up tokens of upstreams that are configured no more.
        """
        closes = [provider.adapter.close for provider in self.stored.providers.all()]
        if not closes:
            return [self.revocation_cleanup.run]
        return [
            self.revocation_cleanup.run,
            *self.stored.background(),
            self.notices.run,
            self.abandoned.run,
            *self.pictures.background(),
            lambda: run_on_shutdown(*closes),
        ]


def _redirects(settings: AnyProviderSettings) -> bool:
    return isinstance(settings, OAuthClientSettings)
