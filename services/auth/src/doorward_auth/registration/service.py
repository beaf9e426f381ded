"""Becoming a user by registration.

A registration is not a user, and reserves nothing: there may be any number for one address, by anyone. The
mailed code proves the address and belongs to the address alone; the password that becomes the account's
is that of the caller who enters the code. So it makes no difference who else registered the address,
in which order, and which of the mails is read (docs/adr/0025-registration.md).
"""

import uuid
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
import structlog
import uuid_utils.compat as uuid7s
from pydantic import SecretStr

from doorward_auth import account_repository, known_devices
from doorward_auth.account_mail.sender import AccountMailSender
from doorward_auth.captcha.service import Captcha, CaptchaToken
from doorward_auth.captcha.settings import CaptchaAction
from doorward_auth.known_devices import DeviceToken
from doorward_auth.mail_requests.address_states import MailRequest
from doorward_auth.mail_requests.service import MailRequests
from doorward_auth.one_time_codes import registration_codes
from doorward_auth.one_time_codes.codes import InvalidCodeError, VerificationCode
from doorward_auth.one_time_codes.registration_codes import RegistrationCode
from doorward_auth.one_time_codes.wrong_codes import WrongCodes
from doorward_auth.registration import repository
from doorward_auth.registration.policy import AddressPolicy
from doorward_auth.registration.repository import PendingRegistration, RegistrationToken
from doorward_auth.registration.schemas import RegistrationRequest, VerificationRequest
from doorward_auth.request_source import RequestSource
from doorward_auth.sign_in.flow import Opened, OpenSession
from doorward_auth.sign_in.steps import Authenticated, Proof, next_step, state_of
from doorward_client.errors import DoorwardError
from doorward_identity.accounts import EmailTakenError, NewAccount, create_account
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.avatars import repository as avatars
from doorward_identity.avatars.avatar import AvatarReference
from doorward_identity.emails import canonical_address, email_key, lookup_key, spelling_key
from doorward_identity.names import default_name
from doorward_identity.passwords import charges, require_acceptable
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class PasswordRequiredError(DoorwardError):
    """422: the code is right, and nothing says which password the account is to have."""

    status = 422
    code = "password_required"
    detail = (
        "The code is right. Send `password` with it: `registration_token` is missing, has expired or is of"
        " another address."
    )


class RegistrationService:
    """Takes registrations, and turns them into users who can log in."""

    def __init__(
        self,
        resources: IdentityResources,
        policy: AddressPolicy,
        mail_requests: MailRequests,
        captcha: Captcha,
        mail: AccountMailSender,
        wrong_codes: WrongCodes,
    ) -> None:
        self._database = resources.database
        self._wrong_codes = wrong_codes
        self._hashing = resources.hashing
        self._avatars = resources.avatars
        self._keys = resources.verification.keys
        self._policy = policy
        self._mail_requests = mail_requests
        self._captcha = captcha
        self._mail = mail

    async def register(
        self, request: RegistrationRequest, image: bytes | None, locale: str, captcha: CaptchaToken
    ) -> RegistrationToken:
        """Store a registration and mail the code of its address, or tell its user what to do instead.

        Raises RegistrationClosedError, DomainNotAllowedError, MailNotConfiguredError,
        UnacceptablePasswordError, TooManyAttemptsError, an error of IMAGE_ERRORS, OverloadedError,
        StorageUnavailableError, and as Captcha.require does.
        """
        key = email_key(request.email)
        self._policy.require_open(key)
        self._mail.require_transport()
        password = request.password.get_secret_value()
        name = request.name or default_name(request.email)
        require_acceptable(password, email=request.email, name=name)
        await self._database.read(self._mail_requests.check)
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        password_hash = await self._hashing.hash(password, charges.by_source())
        # Also if there is an account, as all that follows: the answer must be the same, and take as long.
        avatar = None if image is None else await self._add_avatar(image)
        pending = PendingRegistration(request.email, key, name, password_hash, avatar)
        token = RegistrationToken.issue(uuid7s.uuid7())

        def work(connection: sa.Connection) -> None:
            account = self._mail_requests.enqueue(
                connection, MailRequest.REGISTRATION, request.email, key, locale
            )
            repository.insert(connection, token, pending)
            target = None if account is None else account.id
            record(connection, AuditAction.REGISTERED, actor=None, target=target)

        await self._database.write(work)
        self._mail.wake()
        return token

    async def _add_avatar(self, image: bytes) -> AvatarReference | None:
        """Store a picture, unless strangers have filled the room for it: then the user may set it later."""
        return await self._avatars.add_waiting(await self._avatars.render(image, charges.by_source()))

    async def resend(self, email: str, locale: str, captcha: CaptchaToken) -> None:
        """Mail the code of an address again.

        Raises RegistrationClosedError, DomainNotAllowedError, MailNotConfiguredError, TooManyAttemptsError,
        and as Captcha.require does.
        """
        email, key = canonical_address(email), lookup_key(email)
        self._policy.require_open(key)
        self._mail.require_transport()
        await self._captcha.require(CaptchaAction.REGISTER, captcha)
        await self._database.write(
            lambda connection: self._mail_requests.enqueue(
                connection, MailRequest.REGISTRATION, email, key, locale
            )
        )
        self._mail.wake()

    async def verify(self, request: VerificationRequest) -> DeviceToken:
        """Turn a proven address into a user, with the password of the caller who proved it.

        Return a token for the caller's device.

        Raises InvalidCodeError, which is recorded; then RegistrationClosedError, DomainNotAllowedError,
        PasswordRequiredError, UnacceptablePasswordError, OverloadedError.
        """

        def finish(
            connection: sa.Connection, user_id: uuid.UUID, _pending: PendingRegistration
        ) -> DeviceToken:
            device = DeviceToken.issue(uuid7s.uuid7())
            known_devices.remember(connection, user_id, device)
            return device

        return await self._verify(request, finish)

    async def verify_and_sign_in(
        self, request: VerificationRequest, source: RequestSource, open_session: OpenSession[Opened]
    ) -> Opened:
        """Turn a proven address into a user, and open a session for the caller who has registered.

        The caller has shown the token of the registration, so that the password is theirs: they gave it when
        they registered, which is the session's time of proof. Raises as `verify` does.
        """

        def finish(connection: sa.Connection, user_id: uuid.UUID, pending: PendingRegistration) -> Opened:
            account = account_repository.find_by_id(connection, user_id)
            assert account is not None  # just created
            decision = next_step(state_of(account), frozenset({Proof.PASSWORD}))
            assert isinstance(decision, Authenticated)  # it is active, and its address is proven
            assert pending.registered_at is not None  # it was stored
            proven_at = pending.registered_at.replace(microsecond=0)
            return open_session(connection, account, decision, proven_at, source, None)

        return await self._verify(request, finish)

    async def _verify(
        self,
        request: VerificationRequest,
        finish: Callable[[sa.Connection, uuid.UUID, PendingRegistration], Result],
    ) -> Result:
        code = VerificationCode.parse(request.code.get_secret_value())
        try:
            return await self._create_account(code, request, finish)
        except InvalidCodeError:
            await self._wrong_codes.record(AuditAction.EMAIL_VERIFICATION_FAILED, None)
            raise

    async def _create_account(
        self,
        code: VerificationCode | None,
        request: VerificationRequest,
        finish: Callable[[sa.Connection, uuid.UUID, PendingRegistration], Result],
    ) -> Result:
        if code is None:
            raise InvalidCodeError
        # The code comes before the hash: a wrong one costs none.
        proof = await self._database.read(lambda connection: self._proof(connection, code))
        self._policy.require_open(proof.email_key)
        if request.password is not None:
            pending = await self._with_password(proof, request.password, request.name)
        else:
            pending = await self._find_registration(code, proof, request.registration_token)
        # Otherwise the code proves another mailbox than that of the registration.
        is_same_spelling = spelling_key(pending.email) == spelling_key(proof.email)
        user_id = uuid7s.uuid7()

        def work(connection: sa.Connection) -> Result:
            self._proof(connection, code, is_locked=True)
            registration_codes.delete(connection, proof.email_key)
            avatar = pending.avatar
            if avatar is not None and not avatars.keep(connection, avatar.id):
                avatar = None  # it has ended in this moment
            repository.delete_of_address(connection, proof.email_key)
            account = NewAccount(
                id=user_id,
                email=pending.email if is_same_spelling else proof.email,
                name=pending.name,
                is_verified=True,
                password_hash=pending.password_hash,
                avatar=avatar,
            )
            try:
                create_account(connection, account)
            except EmailTakenError as error:
                raise InvalidCodeError from error
            details = None if avatar is None else {"picture": True}
            record(connection, AuditAction.EMAIL_VERIFIED, actor=user_id, target=user_id, details=details)
            return finish(connection, user_id, pending)

        result = await self._database.write(work)
        log.info("account.verified", user_id=str(user_id))
        return result

    def _proof(
        self, connection: sa.Connection, code: VerificationCode, *, is_locked: bool = False
    ) -> RegistrationCode:
        find = registration_codes.lock if is_locked else registration_codes.find
        stored = find(connection, code.id)
        if stored is None or not code.is_of(self._keys.secrets, stored.seed):
            raise InvalidCodeError
        return stored

    async def _with_password(
        self, proof: RegistrationCode, password: SecretStr, name: str | None
    ) -> PendingRegistration:
        name = name or default_name(proof.email)
        text = password.get_secret_value()
        require_acceptable(text, email=proof.email, name=name)
        password_hash = await self._hashing.hash(text, charges.by_mailbox(proof.email_key))
        return PendingRegistration(proof.email, proof.email_key, name, password_hash)

    async def _find_registration(
        self, code: VerificationCode, proof: RegistrationCode, token: SecretStr | None
    ) -> PendingRegistration:
        parsed = None if token is None else RegistrationToken.parse(token.get_secret_value())
        if parsed is None:
            raise PasswordRequiredError

        def find(connection: sa.Connection) -> PendingRegistration | None:
            pending = repository.find(connection, parsed)
            if pending is None:
                self._proof(connection, code)  # used since: the registrations were deleted with it
            return pending

        pending = await self._database.read(find)
        if pending is None or pending.email_key != proof.email_key:
            raise PasswordRequiredError
        return pending
