"""The services that auth is composed of."""

from dataclasses import dataclass
from typing import Self

from doorward_auth.account_lookup.service import AccountLookup
from doorward_auth.account_mail.dead_letters import AccountDeadLetterService
from doorward_auth.account_mail.sender import AccountMailSender
from doorward_auth.browser_sessions.cookie import BrowserSessionCookie
from doorward_auth.browser_sessions.service import (
    BrowserSessionLimits,
    BrowserSessionService,
    SessionLifetime,
)
from doorward_auth.captcha.service import Captcha
from doorward_auth.client_snapshot.service import ClientSnapshot
from doorward_auth.discovery.service import DiscoveryService
from doorward_auth.email_change.service import EmailChangeService
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.events.service import EventService
from doorward_auth.introspection.service import TokenInspector
from doorward_auth.mail_requests.service import MailRequests
from doorward_auth.oidc.authorization.page_steps import AuthorizationPageSteps
from doorward_auth.oidc.authorization.service import AuthorizationService
from doorward_auth.oidc.backchannel.service import BackchannelLogout
from doorward_auth.oidc.client_authentication import ClientAuthenticator
from doorward_auth.oidc.clients.service import ClientService
from doorward_auth.oidc.consents.service import ConsentService
from doorward_auth.oidc.end_session.service import EndSessionService
from doorward_auth.oidc.feature import OidcServices
from doorward_auth.oidc.provider import OpenIdProvider
from doorward_auth.oidc.token.service import ClientTokenService
from doorward_auth.oidc.userinfo.service import UserInfoService
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.one_time_codes.wrong_codes import WrongCodes
from doorward_auth.pages.account.service import AccountPages
from doorward_auth.pages.composition import PageServices
from doorward_auth.pages.consent.service import ConsentPages
from doorward_auth.pages.frame.site import PageSite
from doorward_auth.pages.passwords.service import PasswordPages
from doorward_auth.pages.registration.service import RegistrationPages
from doorward_auth.pages.sign_in.service import SignInPages
from doorward_auth.pages.upstream.password_service import UpstreamPasswordPages
from doorward_auth.pages.upstream.service import UpstreamPages
from doorward_auth.password_check.service import PasswordCheck
from doorward_auth.passwords.change import PasswordService
from doorward_auth.passwords.reset import ResetService
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.refresh_cookies.cookies import RefreshCookies
from doorward_auth.registration.invitations import InvitationService
from doorward_auth.registration.policy import AddressPolicy
from doorward_auth.registration.service import RegistrationService
from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_auth.service_clients.rejections import ClientRejections
from doorward_auth.service_clients.service import ServiceClients
from doorward_auth.sessions.service import SessionService
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in.email_proof import EmailProof
from doorward_auth.sign_in.flow import SignInFlow
from doorward_auth.sign_in.opening import SessionOpener
from doorward_auth.sign_in.service import SignInService
from doorward_auth.signing import Signer
from doorward_auth.tokens.refresh_service import RefreshService
from doorward_auth.upstream.feature import UpstreamServices
from doorward_auth.upstream.links.service import UpstreamLinkService
from doorward_auth.upstream.logins.password_login import PasswordLogins
from doorward_auth.upstream.logins.registration import UpstreamRegistrations
from doorward_auth.upstream.redirects.service import RedirectLogins
from doorward_identity.audit.service import AuditLog
from doorward_identity.resources import IdentityResources


@dataclass(frozen=True, slots=True)
class AuthServices:
    """One service a field. Endpoints get theirs by class (doorward_kit.dependencies)."""

    sign_ins: SignInService
    refreshes: RefreshService
    refresh_cookies: RefreshCookies
    client_snapshot: ClientSnapshot
    sessions: SessionService
    browser_sessions: BrowserSessionService
    passwords: PasswordService
    resets: ResetService
    registrations: RegistrationService
    invitations: InvitationService
    email_changes: EmailChangeService
    dead_letters: AccountDeadLetterService
    inspector: TokenInspector
    revocation_feed: RevocationFeed
    service_clients: ServiceClients
    registered_clients: ClientAuthenticator
    client_registrations: ClientService
    provider: OpenIdProvider
    session_cookie: BrowserSessionCookie
    authorizations: AuthorizationService
    client_tokens: ClientTokenService
    user_infos: UserInfoService
    authorization_page_steps: AuthorizationPageSteps
    consents: ConsentService
    end_sessions: EndSessionService
    backchannel: BackchannelLogout
    accounts: AccountLookup
    audit: AuditLog
    discovery: DiscoveryService
    mail: AccountMailSender
    captcha: Captcha
    events: EventService
    event_publisher: EventPublisher
    upstream: UpstreamServices
    upstream_logins: PasswordLogins
    upstream_registrations: UpstreamRegistrations
    upstream_redirects: RedirectLogins
    upstream_links: UpstreamLinkService
    site: PageSite
    sign_in_pages: SignInPages
    registration_pages: RegistrationPages
    password_pages: PasswordPages
    account_pages: AccountPages
    consent_pages: ConsentPages
    upstream_pages: UpstreamPages
    upstream_password_pages: UpstreamPasswordPages

    @classmethod
    def create(cls, settings: AuthSettings, resources: IdentityResources) -> Self:
        """Call every constructor; raises SettingsError."""
        verification = resources.verification
        client_snapshot = ClientSnapshot(resources.database)
        signer = Signer(
            verification.keys,
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=settings.access_token_seconds,
        )
        limiter = AuthRateLimiter(resources.metrics)
        captcha = Captcha(settings, resources, limiter)
        guesses = CodeGuesses(limiter, verification.keys)
        email_proof = EmailProof(limiter, guesses)
        mail = AccountMailSender(resources, guesses, settings)
        mail_requests = MailRequests(limiter)
        policy = AddressPolicy(settings)
        passwords = PasswordCheck(resources, limiter, captcha)
        flow = SignInFlow(
            resources, passwords, email_proof, mail, token_seconds=settings.access_token_seconds
        )
        events = EventService(resources, settings)
        publisher = EventPublisher(
            resources.database, events.streams, transaction_seconds=2 * settings.database_timeout_seconds
        )
        opener = SessionOpener(settings)
        upstream = UpstreamServices.create(
            settings, resources, opener, signer, policy, limiter, captcha, publisher
        )
        events.add_source(upstream.notices)
        sessions = SessionService(resources, token_seconds=settings.access_token_seconds)
        browser_sessions = BrowserSessionService(resources, _browser_session_limits(settings))
        resets = ResetService(resources, guesses, mail_requests, captcha, mail, settings)
        wrong_codes = WrongCodes(resources.database, limiter)
        registrations = RegistrationService(resources, policy, mail_requests, captcha, mail, wrong_codes)
        invitations = InvitationService(resources, wrong_codes, token_seconds=settings.access_token_seconds)
        provider = OpenIdProvider(settings, on_key_failure=resources.metrics.verification.key_set_failed)
        rejections = ClientRejections(resources.database, limiter)
        registered_clients = ClientAuthenticator(resources.database, rejections)
        oidc = OidcServices.create(
            settings, resources, provider, browser_sessions, signer, registered_clients
        )
        pages = PageServices.create(
            settings,
            lambda: verification.keys.secrets,
            flow=flow,
            browser_sessions=browser_sessions,
            sessions=sessions,
            registrations=registrations,
            invitations=invitations,
            resets=resets,
            captcha=captcha,
            mail=mail,
            consents=oidc.consents,
            authorization_steps=oidc.page_steps,
            redirects=upstream.redirects,
            password_logins=upstream.logins,
        )
        return cls(
            sign_ins=SignInService(resources, flow, passwords, signer, opener),
            refreshes=RefreshService(resources, signer, upstream.refreshes, settings),
            refresh_cookies=RefreshCookies(settings.allowed_origins, settings.public_url),
            client_snapshot=client_snapshot,
            sessions=sessions,
            browser_sessions=browser_sessions,
            passwords=PasswordService(resources, passwords, mail, settings),
            resets=resets,
            registrations=registrations,
            invitations=invitations,
            email_changes=EmailChangeService(
                resources,
                passwords,
                policy,
                limiter,
                guesses,
                mail,
                token_seconds=settings.access_token_seconds,
            ),
            dead_letters=AccountDeadLetterService(resources, mail, settings),
            inspector=TokenInspector(resources, settings, provider, limiter),
            revocation_feed=RevocationFeed(
                verification.revocations,
                issuer=settings.issuer,
                audience=settings.audience,
                resources=client_snapshot.resources,
            ),
            service_clients=ServiceClients(settings.client_registry(), rejections),
            registered_clients=registered_clients,
            client_registrations=ClientService(resources, settings),
            provider=provider,
            session_cookie=oidc.cookie,
            authorizations=oidc.authorizations,
            client_tokens=oidc.client_tokens,
            user_infos=oidc.user_infos,
            authorization_page_steps=oidc.page_steps,
            consents=oidc.consents,
            end_sessions=oidc.end_sessions,
            backchannel=oidc.backchannel,
            accounts=AccountLookup(resources.database),
            audit=AuditLog(resources, settings),
            discovery=DiscoveryService(verification.keys, provider),
            mail=mail,
            captcha=captcha,
            events=events,
            event_publisher=publisher,
            upstream=upstream,
            upstream_logins=upstream.logins,
            upstream_registrations=upstream.registrations,
            upstream_redirects=upstream.redirects,
            upstream_links=upstream.links,
            site=pages.site,
            sign_in_pages=pages.sign_in,
            registration_pages=pages.registration,
            password_pages=pages.passwords,
            account_pages=pages.account,
            consent_pages=pages.consent,
            upstream_pages=pages.upstream,
            upstream_password_pages=pages.upstream_password,
        )


def _browser_session_limits(settings: AuthSettings) -> BrowserSessionLimits:
    return BrowserSessionLimits(
        usual=SessionLifetime(settings.sso_idle_seconds, settings.sso_absolute_seconds),
        remembered=SessionLifetime(settings.refresh_idle_seconds, settings.refresh_absolute_seconds),
        max_sessions=settings.max_sessions,
        token_seconds=settings.access_token_seconds,
    )
