"""The steps of a sign-in, whatever it opens: a session of the API, or one of a browser at our pages."""

import hmac
from datetime import UTC, datetime
from typing import Final, Protocol, TypeVar

import sqlalchemy as sa
import uuid_utils.compat as uuid7s

from doorward_auth import account_repository
from doorward_auth.account_mail.sender import AccountMailSender
from doorward_auth.account_repository import Account, AccountChangedError
from doorward_auth.captcha.service import CaptchaToken
from doorward_auth.known_devices import DeviceToken
from doorward_auth.new_password import SamePasswordError, store_new_password
from doorward_auth.one_time_codes.codes import InvalidCodeError
from doorward_auth.password_check.errors import EmailNotVerifiedError, InvalidCredentialsError
from doorward_auth.password_check.service import PasswordAttempt, PasswordCheck
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in import repository as sign_ins
from doorward_auth.sign_in.email_proof import EmailProof
from doorward_auth.sign_in.errors import InvalidSignInTokenError, denial_error, step_error
from doorward_auth.sign_in.repository import SignIn, SignInToken
from doorward_auth.sign_in.steps import Authenticated, Denied, Proof, Step, StepRequired, next_step, state_of
from doorward_client.errors import DoorwardError
from doorward_identity.audit.repository import AuditAction
from doorward_identity.mail_types import MailNotConfiguredError
from doorward_identity.passwords import charges, require_acceptable
from doorward_identity.resources import IdentityResources

_ATTEMPTS: Final = 2
"""A login does not fail because the account was changed while the password was compared."""

Opened_co = TypeVar("Opened_co", covariant=True)
Opened = TypeVar("Opened")


class OpenSession(Protocol[Opened_co]):
    """Opens a session in the transaction of its last proof; raises AccountChangedError."""

    def __call__(
        self,
        connection: sa.Connection,
        account: Account,
        authenticated: Authenticated,
        auth_time: datetime,
        source: RequestSource,
        known_device: DeviceToken | None,
        /,
    ) -> Opened_co: ...


class SignInFlow:
    """Takes proofs, asks for the next step, and opens what its caller wants opened."""

    def __init__(
        self,
        resources: IdentityResources,
        passwords: PasswordCheck,
        email_proof: EmailProof,
        mail: AccountMailSender,
        *,
        token_seconds: int,
    ) -> None:
        self._database = resources.database
        self._hashing = resources.hashing
        self._revocations = resources.revocation_poller
        self._passwords = passwords
        self._email_proof = email_proof
        self._mail = mail
        self._token_seconds = token_seconds

    async def check_password(
        self,
        email: str,
        password: str,
        device_token: str | None,
        captcha: CaptchaToken,
        source: RequestSource,
        open_session: OpenSession[Opened],
    ) -> Opened:
        """Begin with the password.

        Raises OverloadedError, TooManyAttemptsError, and as Captcha.require does for unknown devices;
        InvalidCredentialsError; and only after the right password AccountDisabledError,
        PasswordChangeRequiredError, and EmailNotVerifiedError, with which a code is mailed.
        """
        for _ in range(_ATTEMPTS):
            attempt = await self._passwords.compare(email, password, device_token, captcha, renew_hash=True)

            def work(connection: sa.Connection, attempt: PasswordAttempt = attempt) -> Opened | DoorwardError:
                account = attempt.conclude(connection)
                if isinstance(account, DoorwardError):
                    return account
                proofs = frozenset({Proof.PASSWORD})
                return self._proceed(connection, account, proofs, now(), attempt.device, source, open_session)

            try:
                return await self._database.write_outcome(work)
            except AccountChangedError:
                continue
            except EmailNotVerifiedError:
                self._mail.wake()
                raise
        raise InvalidCredentialsError

    async def verify_email(
        self, token_text: str, pin: str, source: RequestSource, open_session: OpenSession[Opened]
    ) -> Opened:
        """Prove the account's address with its code, as the step after the password, and go on.

        Raises InvalidSignInTokenError, TooManyAttemptsError, InvalidCodeError; then as `check_password` does.
        """
        token = SignInToken.parse(token_text)
        if token is None:
            raise InvalidSignInTokenError

        def work(connection: sa.Connection) -> Opened | DoorwardError:
            sign_in, owner = _lock(connection, token, source)
            if not self._email_proof.verify(connection, owner, pin):
                sign_ins.count_wrong_answer(connection, sign_in.id)
                return InvalidCodeError()
            return self._finish(connection, sign_in, source, open_session)

        return await self._database.write_outcome(work)

    async def set_password(
        self, token_text: str, new_password: str, source: RequestSource, open_session: OpenSession[Opened]
    ) -> Opened:
        """Replace a temporary password, as the step after it, and open the session.

        Raises OverloadedError, InvalidSignInTokenError, UnacceptablePasswordError, SamePasswordError.
        """
        token = SignInToken.parse(token_text)
        if token is None:
            raise InvalidSignInTokenError
        account = await self._database.read(lambda connection: _account_of(connection, token, source))
        require_acceptable(new_password, email=account.email, name=account.name, pointer="/new_password")
        charge = charges.by_owner(account.id)
        is_unchanged = await self._hashing.verify(account.password_hash, new_password, charge)
        password_hash = "" if is_unchanged else await self._hashing.hash(new_password, charge)

        def work(connection: sa.Connection) -> Opened | DoorwardError:
            sign_in, owner = _lock(connection, token, source)
            if is_unchanged:
                sign_ins.count_wrong_answer(connection, sign_in.id)
                return SamePasswordError()
            store_new_password(
                connection,
                owner,
                password_hash,
                AuditAction.PASSWORD_CHANGED,
                token_seconds=self._token_seconds,
            )
            return self._finish(connection, sign_in, source, open_session)

        opened = await self._database.write_outcome(work)
        self._revocations.wake()
        self._mail.wake()
        return opened

    def _proceed(  # noqa: PLR0913, PLR0917 - what a step knows
        self,
        connection: sa.Connection,
        account: Account,
        proofs: frozenset[Proof],
        proven_at: datetime,
        known_device: DeviceToken | None,
        source: RequestSource,
        open_session: OpenSession[Opened],
    ) -> Opened | DoorwardError:
        """Open the session, or store the sign-in and return the error that asks for the next step."""
        decision = next_step(state_of(account), proofs)
        match decision:
            case Authenticated():
                return open_session(connection, account, decision, proven_at, source, known_device)
            case Denied():
                return denial_error(decision)
            case StepRequired(step=Step.EMAIL_CODE) if not self._mail.has_transport:
                return MailNotConfiguredError()
            case StepRequired():
                token = SignInToken.issue(uuid7s.uuid7())
                sign_ins.insert(connection, token, account, proofs, proven_at, source.browser)
                if decision.step is Step.EMAIL_CODE:
                    self._email_proof.mail_code(connection, account)
                return step_error(decision, str(token), expires_in=sign_ins.LIFETIME_SECONDS)

    def _finish(
        self,
        connection: sa.Connection,
        sign_in: SignIn,
        source: RequestSource,
        open_session: OpenSession[Opened],
    ) -> Opened | DoorwardError:
        """Go on after a further step of a locked sign-in; its token is used up."""
        sign_ins.delete(connection, sign_in.id)
        account = account_repository.find_by_id(connection, sign_in.user_id)
        assert account is not None  # the caller holds its lock
        proofs, proven_at = sign_in.proofs, sign_in.proven_at
        return self._proceed(connection, account, proofs, proven_at, None, source, open_session)


def now() -> datetime:
    """Return the time of a proof in whole seconds, as the claim `auth_time` says it."""
    return datetime.now(UTC).replace(microsecond=0)


def _account_of(connection: sa.Connection, token: SignInToken, source: RequestSource) -> Account:
    """Read the account that a sign-in token is of; raises InvalidSignInTokenError."""
    sign_in = sign_ins.find(connection, token.id)
    account = None if sign_in is None else account_repository.find_by_id(connection, sign_in.user_id)
    return _matching(token, source, sign_in, account)[1]


def _lock(connection: sa.Connection, token: SignInToken, source: RequestSource) -> tuple[SignIn, Account]:
    """Lock a sign-in, then its account; raises InvalidSignInTokenError."""
    sign_in = sign_ins.lock(connection, token.id)
    account = None if sign_in is None else account_repository.lock_by_id(connection, sign_in.user_id)
    return _matching(token, source, sign_in, account)


def _matching(
    token: SignInToken, source: RequestSource, sign_in: SignIn | None, account: Account | None
) -> tuple[SignIn, Account]:
    if sign_in is None or account is None:
        raise InvalidSignInTokenError
    if not hmac.compare_digest(sign_in.secret_hash, token.hash_for(source.browser)):
        raise InvalidSignInTokenError
    if (sign_in.token_version, sign_in.auth_version) != (account.token_version, account.auth_version):
        raise InvalidSignInTokenError
    return sign_in, account
