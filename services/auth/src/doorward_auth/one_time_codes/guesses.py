"""Codes that a caller enters: a wrong PIN is counted, and soon codes are too long to be guessed.

So nothing has to be rejected: past its guesses an account's mails carry long codes, and no stranger keeps the
owner of a mailbox from entering the code in it.
"""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from doorward_auth.one_time_codes import repository
from doorward_auth.one_time_codes.codes import LONG_CODES, CodeForm, Purpose, is_pin
from doorward_auth.one_time_codes.repository import StoredCode
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import CODES_BY_SOURCE, PIN_GUESSES
from doorward_client.keys.key_store import KeyStore
from doorward_client.request_context import current_address
from doorward_identity.emails import email_key, mailbox_key
from doorward_kit.rate_limiting.limits import LimitKey


def by_account_and_mailbox(user_id: uuid.UUID, *emails: str) -> Sequence[str]:
    """Return what guesses at the PIN of a new address are counted by.

    Otherwise each tag (`ada+1@`) that another account claims would allow five more guesses.
    """
    return [str(user_id), *sorted({mailbox_key(email_key(email)) for email in emails})]


class CodeGuesses:
    """Compares codes of accounts with what callers enter."""

    def __init__(self, limiter: AuthRateLimiter, keys: KeyStore) -> None:
        self._limiter = limiter
        self._keys = keys

    def check(
        self,
        connection: sa.Connection,
        user_id: uuid.UUID,
        purpose: Purpose,
        text: str,
        *,
        counted_by: Sequence[str],
    ) -> StoredCode | None:
        """Return the live code that a text is, None for a wrong text; count a wrong guess at a PIN.

        Guesses are limited for each of `counted_by`, such as the address that the code is mailed to. The
        caller holds the lock of the account and commits, whatever is returned. Guesses at once are answered
        in turn then, and no more of them than of as many in a row. An account without a PIN takes the same
        statements. Raises TooManyAttemptsError for a source of many wrong codes, but never for a right long
        one.
        """
        stored = repository.find_for(connection, user_id, purpose)
        live = {code.form: code for code in stored if code.is_live}
        long, pin = live.get(CodeForm.LONG), live.get(CodeForm.PIN)
        if long is not None and self._is_long_code(text, long, user_id):
            return long
        by_source = [LimitKey.of_source(CODES_BY_SOURCE, current_address())]
        self._limiter.acquire(connection, [], uncounted=by_source)
        guess_keys = _guess_keys(purpose, counted_by)
        has_room = [self._limiter.has_room(connection, key) for key in guess_keys]
        is_right = pin is not None and is_pin(text, self._keys.secrets, purpose, user_id, pin.seed)
        may_be_right = pin is not None and all(has_room)
        if is_right and may_be_right:
            return pin
        repository.count_wrong_guess(connection, user_id, purpose)
        for key in guess_keys:
            self._limiter.spend(connection, key, is_counted=may_be_right)
        self._limiter.acquire(connection, by_source)
        return None

    def form_to_mail(
        self, connection: sa.Connection, purpose: Purpose, counted_by: Sequence[str]
    ) -> CodeForm:
        """Return the form of the next code: long once PINs were guessed at, as `check` counts them."""
        has_room = [self._limiter.has_room(connection, key) for key in _guess_keys(purpose, counted_by)]
        return CodeForm.PIN if all(has_room) else CodeForm.LONG

    def _is_long_code(self, text: str, stored: StoredCode, user_id: uuid.UUID) -> bool:
        code = LONG_CODES[stored.purpose].parse(text)
        return code is not None and code.id == user_id and code.is_of(self._keys.secrets, stored.seed)


def _guess_keys(purpose: Purpose, counted_by: Sequence[str]) -> list[LimitKey]:
    return [LimitKey.of(PIN_GUESSES, f"{purpose}:{subject}") for subject in counted_by]
