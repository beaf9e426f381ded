"""The services of OpenID Connect for browsers and their applications, made together."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_auth.browser_sessions.service import BrowserSessionService
from doorward_auth.oidc.authorization.page_steps import AuthorizationPageSteps
from doorward_auth.oidc.authorization.service import AuthorizationService
from doorward_auth.oidc.backchannel.metrics import LogoutMetrics
from doorward_auth.oidc.backchannel.sender import LogoutSender
from doorward_auth.oidc.backchannel.service import BackchannelLogout
from doorward_auth.oidc.client_authentication import ClientAuthenticator
from doorward_auth.oidc.consents.service import ConsentService
from doorward_auth.oidc.end_session.service import EndSessionService
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.token.client_credentials import MachineTokens
from doorward_auth.oidc.token.code_exchange import ClientSessionLimits, CodeExchange
from doorward_auth.oidc.token.grants import ClientGrantServices
from doorward_auth.oidc.token.issuing import ClientTokenIssuer
from doorward_auth.oidc.token.refresh import ClientRefresh, RefreshTimes
from doorward_auth.oidc.token.service import ClientTokenService
from doorward_auth.oidc.userinfo.service import UserInfoService
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_identity.resources import IdentityResources


@dataclass(frozen=True, slots=True)
class OidcServices:
    """One service a field."""

    cookie: BrowserSessionCookie
    authorizations: AuthorizationService
    client_tokens: ClientTokenService
    user_infos: UserInfoService
    page_steps: AuthorizationPageSteps
    consents: ConsentService
    end_sessions: EndSessionService
    backchannel: BackchannelLogout

    @classmethod
    def create(
        cls,
        settings: AuthSettings,
        resources: IdentityResources,
        provider: OpenIdProvider,
        browser_sessions: BrowserSessionService,
        signer: Signer,
        authenticator: ClientAuthenticator,
    ) -> Self:
        """Call every constructor."""
        issuer = ClientTokenIssuer(provider, signer, own_audience=settings.audience)
        limits = ClientSessionLimits(
            idle_seconds=settings.refresh_idle_seconds,
            absolute_seconds=settings.refresh_absolute_seconds,
            max_sessions=settings.max_sessions,
            token_seconds=settings.access_token_seconds,
        )
        times = RefreshTimes(
            idle=timedelta(seconds=settings.refresh_idle_seconds),
            grace=timedelta(seconds=settings.refresh_grace_seconds),
            token_seconds=settings.access_token_seconds,
        )
        grants = ClientGrantServices(
            CodeExchange(resources, issuer, limits),
            ClientRefresh(resources, issuer, times),
            MachineTokens(provider),
        )
        return cls(
            # Without a public URL the provider is off, and no cookie is set.
            cookie=BrowserSessionCookie(is_secure=not (settings.public_url or "").startswith("http://")),
            authorizations=AuthorizationService(resources, provider, browser_sessions),
            client_tokens=ClientTokenService(provider, authenticator, grants),
            user_infos=UserInfoService(resources, provider),
            page_steps=AuthorizationPageSteps(resources),
            backchannel=BackchannelLogout(
                resources.database, provider, LogoutSender(), LogoutMetrics(resources.metrics.registry)
            ),
            end_sessions=EndSessionService(resources, provider, browser_sessions),
            consents=ConsentService(resources, token_seconds=settings.access_token_seconds),
        )
