"""Proof of an address that an administrator has set: after the password, a code that was mailed to it.

Neither is enough alone. The mailbox may be a stranger's, because administrators mistype, and the password may
be known to others than the owner.
"""

import sqlalchemy as sa

from doorward_auth import account_repository
from doorward_auth.account_repository import Account
from doorward_auth.one_time_codes import repository as codes
from doorward_auth.one_time_codes.codes import Purpose
from doorward_auth.one_time_codes.guesses import CodeGuesses
from doorward_auth.rate_limiting.limiter import AuthRateLimiter
from doorward_auth.rate_limiting.limits import EMAIL_PROOF_MAILS, SURPLUS_MAILS
from doorward_identity.audit.repository import AuditAction, record
from doorward_identity.emails import email_key, spelling_key
from doorward_identity.mail_types import MailName, enqueue_mail
from doorward_kit.rate_limiting.limits import LimitKey


class EmailProof:
    """Mails codes to addresses of accounts, and takes them."""

    def __init__(self, limiter: AuthRateLimiter, guesses: CodeGuesses) -> None:
        self._limiter = limiter
        self._guesses = guesses

    def mail_code(self, connection: sa.Connection, account: Account) -> None:
        """Mail a code; past the limit one every ten minutes, as long as a code is valid."""
        subject = f"{account.id}:{spelling_key(account.email)}"
        if self._limiter.spend(connection, LimitKey.of(EMAIL_PROOF_MAILS, subject)) or self._limiter.spend(
            connection, LimitKey.of(SURPLUS_MAILS, subject)
        ):
            enqueue_mail(connection, MailName.EMAIL_PROOF, account.email, user_id=account.id)

    def verify(self, connection: sa.Connection, account: Account, code: str) -> bool:
        """Mark the address of a locked account as verified; False for a wrong code.

        Raises TooManyAttemptsError.
        """
        counted_by = [str(account.id), email_key(account.email)]
        stored = self._guesses.check(connection, account.id, Purpose.PROOF, code, counted_by=counted_by)
        if stored is None or stored.sent_to != account.email:
            record(connection, AuditAction.EMAIL_VERIFICATION_FAILED, actor=None, target=account.id)
            return False
        account_repository.mark_verified(connection, account.id)
        codes.delete(connection, account.id, Purpose.PROOF)
        record(connection, AuditAction.EMAIL_VERIFIED, actor=account.id, target=account.id)
        return True
