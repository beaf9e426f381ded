"""Proving to know a password, without it being found by guessing: the way of logins and of changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from doorward_auth.captcha.answer import CaptchaToken
from doorward_auth.captcha.service import Captcha
from doorward_auth.known_devices import repository as devices
from doorward_auth.known_devices.device_tokens import DeviceToken
from doorward_auth.rate_limiting.limits import (
    LOGIN_BY_DEVICE,
    LOGIN_BY_SOURCE,
    LOGIN_UNKNOWN_DEVICES,
    Subject,
)
from doorward_auth.rate_limiting.service import RateLimiter
from doorward_auth.tokens import repository
from doorward_auth.tokens.errors import EmailNotVerifiedError, InvalidCredentialsError
from doorward_auth.tokens.repository import AccountRow
from doorward_client.request_context import current_address
from doorward_client.tokens import Claims
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import InvalidEmailError, email_key
from doorward_identity.resources import IdentityResources

log = structlog.get_logger(__name__)

_NOBODY: Final = ""
"""The key of an address that is none: no account can have it, and all of it takes as long."""


@dataclass(frozen=True, slots=True)
class AuthenticatedAccount:
    """Somebody who knows the account's password, and the device they were recognised by, if so.

    `subjects` are whose turn an answer takes: it has to be claimed before anything is said.
    """

    account: AccountRow
    device: DeviceToken | None
    subjects: Sequence[Subject]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is there to compare with."""

    account: AccountRow | None
    registered_hash: str | None


class PasswordAuthenticator:
    """Compares passwords. Every way through takes one hash, whoever is or is not known.

    A second one where somebody has registered the address lately, with an account behind it or not.
    """

    def __init__(self, runtime: IdentityResources, throttle: RateLimiter, captcha: Captcha) -> None:
        self._database = runtime.database
        self._hashing = runtime.hashing
        self._throttle = throttle
        self._captcha = captcha

    async def prove(
        self, email: str, password: str, device_token: str | None, captcha: CaptchaToken
    ) -> AuthenticatedAccount:
        """Compare a password, and claim the answer; raises as `compare` does."""
        proven = await self.compare(email, password, device_token, captcha)
        await self._throttle.claim(proven.subjects, counts=False)
        return proven

    async def compare(
        self, email: str, password: str, device_token: str | None, captcha: CaptchaToken
    ) -> AuthenticatedAccount:
        """Compare a password; a right one's answer is the caller's to claim, with what it writes.

        Raises OverloadedError; TooManyAttemptsError; for unknown devices what Captcha.require does;
        InvalidCredentialsError; EmailNotVerifiedError, only after the right password of somebody who has
        registered.
        """
        self._hashing.require_room()
        key = email_key_or_unknown(email)
        device = await self._recognise(key, device_token)
        by_account = Subject.of(LOGIN_UNKNOWN_DEVICES, key)
        by_source = Subject.of_source(LOGIN_BY_SOURCE, current_address())
        subjects = [by_account, by_source]
        if device is not None:
            subjects = [Subject.of(LOGIN_BY_DEVICE, device.id)]
        known = await self._throttle.read(subjects, lambda connection: _look_up(connection, key))
        if device is None:
            await self._captcha.require_after_failures(by_account, by_source, captcha)
        return AuthenticatedAccount(await self._compare(known, password, subjects), device, subjects)

    async def prove_own(self, caller: Claims, password: str) -> AuthenticatedAccount:
        """Compare the password of somebody who is signed in; raises as `prove` does.

        The session counts as a device: what others try does not stand in its way.
        """
        self._hashing.require_room()
        subjects = [Subject.of(LOGIN_BY_DEVICE, caller.session_id)]
        account = await self._throttle.read(
            subjects, lambda connection: repository.find_account_by_id(connection, caller.user_id)
        )
        proven = AuthenticatedAccount(
            await self._compare(_Known(account, None), password, subjects), None, subjects
        )
        await self._throttle.claim(subjects, counts=False)
        return proven

    async def _recognise(self, key: str, device_token: str | None) -> DeviceToken | None:
        """Return the device if the account with this address knows it."""
        device = None if device_token is None else DeviceToken.parse(device_token)
        if device is None:
            return None

        def is_known(connection: sa.Connection) -> bool:
            owner = devices.find_owner(connection, device.id, device.hash())
            account = repository.find_account(connection, key)
            return account is not None and account.id == owner

        return device if await self._database.read(is_known) else None

    async def _compare(self, known: _Known, password: str, subjects: Sequence[Subject]) -> AccountRow:
        account = known.account
        is_owner = await self._hashing.verify(account.password_hash if account else None, password)
        # Whether or not there is an account: whoever has just registered its address knows this password,
        # and must learn no more from the answer than that, nor from its time.
        is_registered = not is_owner and await self._is_registered(known, password)
        if account is not None and is_owner:
            return account
        # Here and not before: right and wrong guesses stand in one line for the few answers there are.
        if is_registered:
            await self._throttle.claim(subjects, counts=False)
            raise EmailNotVerifiedError
        target = account.id if account else None
        await self._throttle.write(
            subjects,
            lambda connection: record(connection, AuditAction.LOGIN_FAILED, actor=None, target=target),
            counts=True,
        )
        log.info("login.failed", reason="wrong_password" if account else "unknown_account")
        raise InvalidCredentialsError

    async def _is_registered(self, known: _Known, password: str) -> bool:
        if known.registered_hash is None:
            return False
        return await self._hashing.verify(known.registered_hash, password)


def _look_up(connection: sa.Connection, key: str) -> _Known:
    return _Known(repository.find_account(connection, key), repository.find_registration(connection, key))


def email_key_or_unknown(email: str) -> str:
    """Return the canonical address; for what is none, a key that no account can have."""
    try:
        return email_key(email)
    except InvalidEmailError:
        return _NOBODY
