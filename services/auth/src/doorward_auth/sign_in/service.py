"""The rules of signing in."""

import hmac
from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository, outcomes
from doorward_auth.account_mail.sender import MailSender
from doorward_auth.account_repository import Account
from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.known_devices import DeviceToken
from doorward_auth.new_password import SamePasswordError, store_new_password
from doorward_auth.one_time_codes.codes import InvalidCodeError
from doorward_auth.password_check.errors import EmailNotVerifiedError, InvalidCredentialsError
from doorward_auth.password_check.service import PasswordAttempt, PasswordCheck
from doorward_auth.sessions import extensions
from doorward_auth.sessions import repository as sessions
from doorward_auth.sessions.repository import Origin
from doorward_auth.sign_in import repository as sign_ins
from doorward_auth.sign_in.email_proof import EmailProof
from doorward_auth.sign_in.errors import InvalidSignInTokenError, refusal_error, step_error
from doorward_auth.sign_in.opening import AccountChangedError, SessionOpener, grant_of
from doorward_auth.sign_in.repository import SignIn, SignInToken
from doorward_auth.sign_in.steps import Done, Needs, Proof, Refused, Step, next_step, state_of
from doorward_auth.signing import Signer
from doorward_auth.tokens.refresh_tokens import RefreshToken
from doorward_auth.tokens.token_pair import SessionGrant, TokenPair, issue_pair
from doorward_client.bearer_auth import InvalidAccessTokenError
from doorward_client.errors import DoorwardError
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.current_account import require_unchanged_account
from doorward_identity.mail_types import MailNotConfiguredError
from doorward_identity.passwords import charges, require_acceptable
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 2
"""A login does not fail because the account was changed while the password was compared."""


class SignInService:
    """Opens sessions, and renews the authentication of open ones."""

    def __init__(
        self,
        resources: IdentityResources,
        passwords: PasswordCheck,
        signer: Signer,
        opener: SessionOpener,
        email_proof: EmailProof,
        mail: MailSender,
    ) -> None:
        self._database = resources.database
        self._email_proof = email_proof
        self._hashing = resources.hashing
        self._revocations = resources.revocation_poller
        self._passwords = passwords
        self._signer = signer
        self._opener = opener
        self._mail = mail

    async def log_in(
        self, email: str, password: str, device_token: str | None, captcha: CaptchaToken, origin: Origin
    ) -> TokenPair:
        """Check a password and open a session.

        Raises OverloadedError, TooManyAttemptsError, and as Captcha.require does for unknown devices;
        InvalidCredentialsError; and only after the right password AccountDisabledError,
        PasswordChangeRequiredError, and EmailNotVerifiedError, with which a code is mailed.
        """
        for _ in range(_ATTEMPTS):
            attempt = await self._passwords.compare(email, password, device_token, captcha, renew_hash=True)

            def work(
                connection: sa.Connection, attempt: PasswordAttempt = attempt
            ) -> SessionGrant | DoorwardError:
                account = attempt.conclude(connection)
                if isinstance(account, DoorwardError):
                    return account
                return self._proceed(
                    connection, account, frozenset({Proof.PASSWORD}), _now(), attempt.device, origin
                )

            try:
                return self._issue(await outcomes.write(self._database, work))
            except AccountChangedError:
                continue
            except EmailNotVerifiedError:
                self._mail.wake()
                raise
        raise InvalidCredentialsError

    async def verify_email(self, token_text: str, pin: str, origin: Origin) -> TokenPair:
        """Prove the account's address with its code, as the step after the password, and go on.

        Raises InvalidSignInTokenError, TooManyAttemptsError, InvalidCodeError; then as `log_in` does.
        """
        token = SignInToken.parse(token_text)
        if token is None:
            raise InvalidSignInTokenError

        def work(connection: sa.Connection) -> SessionGrant | DoorwardError:
            sign_in, owner = _lock(connection, token)
            if not self._email_proof.verify(connection, owner, pin):
                sign_ins.count_wrong_answer(connection, sign_in.id)
                return InvalidCodeError()
            return self._finish(connection, sign_in, origin)

        return self._issue(await outcomes.write(self._database, work))

    async def set_password(self, token_text: str, new_password: str, origin: Origin) -> TokenPair:
        """Replace a temporary password, as the step after it, and open the session.

        Raises OverloadedError, InvalidSignInTokenError, UnacceptablePasswordError, SamePasswordError.
        """
        token = SignInToken.parse(token_text)
        if token is None:
            raise InvalidSignInTokenError
        account = await self._database.read(lambda connection: _account_of(connection, token))
        require_acceptable(new_password, email=account.email, name=account.name, pointer="/new_password")
        charge = charges.by_owner(account.id)
        is_unchanged = await self._hashing.verify(account.password_hash, new_password, charge)
        password_hash = "" if is_unchanged else await self._hashing.hash(new_password, charge)

        def work(connection: sa.Connection) -> SessionGrant | DoorwardError:
            sign_in, owner = _lock(connection, token)
            if is_unchanged:
                sign_ins.count_wrong_answer(connection, sign_in.id)
                return SamePasswordError()
            store_new_password(
                connection,
                owner,
                password_hash,
                AuditAction.PASSWORD_CHANGED,
                token_seconds=self._signer.lifetime,
            )
            return self._finish(connection, sign_in, origin)

        grant = await outcomes.write(self._database, work)
        self._revocations.wake()
        self._mail.wake()
        return self._issue(grant)

    async def step_up(self, caller: Claims, password: str) -> TokenPair:
        """Prove the password again: the caller's session gets a new auth_time, and new tokens.

        Raises OverloadedError, TooManyAttemptsError, InvalidCredentialsError, InvalidAccessTokenError.
        """
        attempt = await self._passwords.compare_own(caller, password)
        token = RefreshToken.issue(caller.session_id)

        def work(connection: sa.Connection) -> SessionGrant | DoorwardError:
            account = attempt.conclude(connection)
            if isinstance(account, DoorwardError):
                return account
            require_unchanged_account(connection, caller)
            decision = next_step(state_of(account), frozenset({Proof.PASSWORD}))
            if not isinstance(decision, Done):
                return InvalidAccessTokenError()
            auth_time = _now()
            renewed = sessions.renew_authentication(
                connection,
                token.session_id,
                token.hash(),
                auth_time=auth_time,
                acr=decision.acr,
                amr=decision.amr,
                idle_seconds=self._opener.idle_seconds,
            )
            if renewed is None:
                return InvalidAccessTokenError()
            details = {"session_id": token.session_id}
            record(
                connection,
                AuditAction.STEP_UP_SUCCEEDED,
                actor=account.id,
                target=account.id,
                details=details,
            )
            return grant_of(
                token,
                account,
                decision,
                auth_time,
                seconds=renewed.seconds,
                extensions=extensions.load(renewed.extensions),
            )

        grant = await outcomes.write(self._database, work)
        log.info("step_up.succeeded", user_id=str(grant.user_id), session_id=str(token.session_id))
        return issue_pair(self._signer, grant)

    def _proceed(
        self,
        connection: sa.Connection,
        account: Account,
        proofs: frozenset[Proof],
        proven_at: datetime,
        known_device: DeviceToken | None,
        origin: Origin,
    ) -> SessionGrant | DoorwardError:
        """Open the session, or store the sign-in and return the refusal that asks for the next step."""
        decision = next_step(state_of(account), proofs)
        match decision:
            case Done():
                return self._opener.open(connection, account, decision, proven_at, origin, known_device)
            case Refused():
                return refusal_error(decision)
            case Needs(step=Step.EMAIL_CODE) if not self._mail.has_transport:
                return MailNotConfiguredError()
            case Needs():
                token = SignInToken.issue(uuid7s.uuid7())
                sign_ins.insert(connection, token, account, proofs, proven_at)
                if decision.step is Step.EMAIL_CODE:
                    self._email_proof.mail_code(connection, account)
                return step_error(decision, str(token), expires_in=sign_ins.LIFETIME_SECONDS)

    def _finish(
        self, connection: sa.Connection, sign_in: SignIn, origin: Origin
    ) -> SessionGrant | DoorwardError:
        """Go on after a further step of a locked sign-in; its token is used up."""
        sign_ins.delete(connection, sign_in.id)
        account = account_repository.find_by_id(connection, sign_in.user_id)
        assert account is not None  # the caller holds its lock
        return self._proceed(connection, account, sign_in.proofs, sign_in.proven_at, None, origin)

    def _issue(self, grant: SessionGrant) -> TokenPair:
        log.info("login.succeeded", user_id=str(grant.user_id), session_id=str(grant.token.session_id))
        return issue_pair(self._signer, grant)


def _account_of(connection: sa.Connection, token: SignInToken) -> Account:
    """Read the account that a sign-in token is of; raises InvalidSignInTokenError."""
    sign_in = sign_ins.find(connection, token.id)
    account = None if sign_in is None else account_repository.find_by_id(connection, sign_in.user_id)
    return _matching(token, sign_in, account)[1]


def _lock(connection: sa.Connection, token: SignInToken) -> tuple[SignIn, Account]:
    """Lock a sign-in, then its account; raises InvalidSignInTokenError."""
    sign_in = sign_ins.lock(connection, token.id)
    account = None if sign_in is None else account_repository.lock_by_id(connection, sign_in.user_id)
    return _matching(token, sign_in, account)


def _matching(token: SignInToken, sign_in: SignIn | None, account: Account | None) -> tuple[SignIn, Account]:
    if sign_in is None or account is None or not hmac.compare_digest(sign_in.secret_hash, token.hash()):
        raise InvalidSignInTokenError
    if (sign_in.token_version, sign_in.auth_version) != (account.token_version, account.auth_version):
        raise InvalidSignInTokenError
    return sign_in, account


def _now() -> datetime:
    """Return the time of a proof in whole seconds, as the claim `auth_time` says it."""
    return datetime.now(UTC).replace(microsecond=0)
