"""What the auth service is put together from: one object a feature, each made once."""

from dataclasses import dataclass
from typing import Self

from doorward_auth.account_lookup.service import AccountInformation
from doorward_auth.account_mail.dead_letters import DeadLetterService
from doorward_auth.account_mail.sender import MailSender
from doorward_auth.captcha.service import Captcha
from doorward_auth.email_change.service import EmailChangeService
from doorward_auth.introspection.service import TokenInspector
from doorward_auth.passwords.authentication import PasswordAuthenticator
from doorward_auth.passwords.change import PasswordService
from doorward_auth.passwords.reset import ResetService
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_auth.registration.service import RegistrationService
from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_auth.service_clients.registry import ClientRegistry
from doorward_auth.sessions.service import SessionService
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.tokens.login_service import LoginService
from doorward_auth.tokens.refresh_service import RefreshService
from doorward_identity.audit.service import AuditLog
from doorward_identity.resources import IdentityResources


@dataclass(frozen=True, slots=True)
class AuthContainer:
    """Every feature's rules; endpoints get the one they name (see dependencies)."""

    logins: LoginService
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
    accounts: AccountInformation
    audit: AuditLog

    @classmethod
    def build(
        cls,
        runtime: IdentityResources,
        throttle: RateLimiter,
        captcha: Captcha,
        mail: MailSender,
        settings: AuthSettings,
    ) -> Self:
        """Put them together; raises SettingsError."""
        signer = Signer(
            runtime.verification.keys,
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=settings.access_token_seconds,
        )
        proofs = PasswordAuthenticator(runtime, throttle, captcha)
        return cls(
            logins=LoginService(runtime, proofs, throttle, signer, settings),
            refreshes=RefreshService(runtime, signer, settings),
            sessions=SessionService(runtime, token_seconds=settings.access_token_seconds),
            passwords=PasswordService(runtime, proofs, mail, settings),
            resets=ResetService(runtime, throttle, captcha, mail, settings),
            registrations=RegistrationService(runtime, throttle, captcha, mail, settings),
            email_changes=EmailChangeService(runtime, proofs, throttle, mail),
            dead_letters=DeadLetterService(runtime, mail, settings),
            inspector=TokenInspector(runtime, settings),
            revocation_feed=RevocationFeed(
                runtime.verification.revocations, issuer=settings.issuer, audience=settings.audience
            ),
            clients=settings.client_registry(),
            accounts=AccountInformation(runtime.database),
            audit=AuditLog(runtime, settings),
        )
