"""What the auth service is put together from: one object a feature, each made once."""

from dataclasses import dataclass
from typing import Self

from doorward_auth.accounts.service import AccountInformation
from doorward_auth.captcha.service import Captcha
from doorward_auth.clients.registry import ClientRegistry
from doorward_auth.email_change.service import EmailChangeService
from doorward_auth.mails.room import MailRoom
from doorward_auth.mails.service import DeadLetterService
from doorward_auth.oauth.service import TokenInspector
from doorward_auth.passwords.change import PasswordService
from doorward_auth.passwords.proof import PasswordProofs
from doorward_auth.passwords.reset import ResetService
from doorward_auth.registration.service import RegistrationService
from doorward_auth.revocations.log import RevocationLog
from doorward_auth.sessions.service import SessionService
from doorward_auth.settings import AuthSettings
from doorward_auth.signing import Signer
from doorward_auth.throttling.service import Throttle
from doorward_auth.tokens.logins import LoginService
from doorward_auth.tokens.refreshes import RefreshService
from doorward_identity.audit_log import AuditLog
from doorward_identity.runtime import IdentityRuntime


@dataclass(frozen=True, slots=True)
class AuthServices:
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
    revocation_log: RevocationLog
    clients: ClientRegistry
    accounts: AccountInformation
    audit: AuditLog

    @classmethod
    def build(
        cls,
        runtime: IdentityRuntime,
        throttle: Throttle,
        captcha: Captcha,
        mail: MailRoom,
        settings: AuthSettings,
    ) -> Self:
        """Put them together; raises SettingsError."""
        signer = Signer(
            runtime.verification.keys,
            issuer=settings.issuer,
            audience=settings.audience,
            lifetime=settings.access_token_seconds,
        )
        proofs = PasswordProofs(runtime, throttle, captcha)
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
            revocation_log=RevocationLog(runtime.verification.revocations),
            clients=settings.client_registry(),
            accounts=AccountInformation(runtime.database),
            audit=AuditLog(runtime, settings),
        )
