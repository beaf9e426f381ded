"""The services that auth is composed of."""

from dataclasses import dataclass
from typing import Self

from doorward_auth.account_lookup.service import AccountLookup
from doorward_auth.account_mail.dead_letters import DeadLetterService
from doorward_auth.account_mail.sender import MailSender
from doorward_auth.captcha.service import Captcha
from doorward_auth.discovery.service import DiscoveryService
from doorward_auth.email_change.service import EmailChangeService
from doorward_auth.events.publisher import EventPublisher
from doorward_auth.events.service import EventService
from doorward_auth.introspection.service import TokenInspector
from doorward_auth.mail_requests.service import MailRequests
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.one_time_codes.wrong_codes import WrongCodes
from doorward_auth.password_check.service import PasswordCheck
from doorward_auth.passwords.change import PasswordService
from doorward_auth.passwords.reset import ResetService
from doorward_auth.rate_limiting.limiter import RateLimiter
from doorward_auth.registration.policy import AddressPolicy
from doorward_auth.registration.service import RegistrationService
from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_auth.service_clients.registry import ClientRegistry
from doorward_auth.sessions.service import SessionService
from doorward_auth.settings import AuthSettings
from doorward_auth.sign_in.email_proof import EmailProof
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
    sessions: SessionService
    passwords: PasswordService
    resets: ResetService
    registrations: RegistrationService
    email_changes: EmailChangeService
    dead_letters: DeadLetterService
    inspector: TokenInspector
    revocation_feed: RevocationFeed
    clients: ClientRegistry
    accounts: AccountLookup
    audit: AuditLog
    discovery: DiscoveryService
    mail: MailSender
    captcha: Captcha
    events: EventService
    event_publisher: EventPublisher
    upstream: UpstreamServices
    upstream_logins: PasswordLogins
    upstream_registrations: UpstreamRegistrations
    upstream_redirects: RedirectLogins
    upstream_links: UpstreamLinkService

    @classmethod
    def create(cls, settings: AuthSettings, resources: IdentityResources) -> Self:
        """Call every constructor; raises SettingsError."""
        verification = resources.verification
        signer = Signer(
            verification.keys,
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=settings.access_token_seconds,
        )
        limiter = RateLimiter(resources.metrics)
        captcha = Captcha(settings, resources, limiter)
        guesses = CodeGuesses(limiter, verification.keys)
        email_proof = EmailProof(limiter, guesses)
        mail = MailSender(resources, guesses, settings)
        mail_requests = MailRequests(limiter)
        policy = AddressPolicy(settings)
        passwords = PasswordCheck(resources, limiter, captcha)
        events = EventService(resources, settings)
        publisher = EventPublisher(
            resources.database, events.streams, transaction_seconds=2 * settings.database_timeout_seconds
        )
        opener = SessionOpener(settings)
        upstream = UpstreamServices.create(
            settings, resources, opener, signer, policy, limiter, captcha, publisher
        )
        events.add_source(upstream.notices)
        return cls(
            sign_ins=SignInService(resources, passwords, signer, opener, email_proof, mail),
            refreshes=RefreshService(resources, signer, upstream.refreshes, settings),
            sessions=SessionService(resources, token_seconds=settings.access_token_seconds),
            passwords=PasswordService(resources, passwords, mail, settings),
            resets=ResetService(resources, guesses, mail_requests, captcha, mail, settings),
            registrations=RegistrationService(
                resources,
                policy,
                mail_requests,
                captcha,
                mail,
                WrongCodes(resources.database, limiter),
                token_seconds=settings.access_token_seconds,
            ),
            email_changes=EmailChangeService(
                resources,
                passwords,
                policy,
                limiter,
                guesses,
                mail,
                token_seconds=settings.access_token_seconds,
            ),
            dead_letters=DeadLetterService(resources, mail, settings),
            inspector=TokenInspector(resources, settings),
            revocation_feed=RevocationFeed(
                verification.revocations, issuer=settings.issuer, audience=settings.audience
            ),
            clients=settings.client_registry(),
            accounts=AccountLookup(resources.database),
            audit=AuditLog(resources, settings),
            discovery=DiscoveryService(verification.keys, issuer=settings.issuer),
            mail=mail,
            captcha=captcha,
            events=events,
            event_publisher=publisher,
            upstream=upstream,
            upstream_logins=upstream.logins,
            upstream_registrations=upstream.registrations,
            upstream_redirects=upstream.redirects,
            upstream_links=upstream.links,
        )
