"""The state of an address, which decides which mail is sent about it.

Anyone may register any address or ask for its reset. The answer is the same in every state. Only the mail
differs: it leads to a new password, or says why there can be none.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from doorward_auth.account_repository import Account
from doorward_auth.one_time_codes.repository import StoredCode
from doorward_identity.mail_types import MailName


class AddressState(StrEnum):
    """The state of an address in the directory."""

    UNKNOWN = "unknown"
    """No account has it."""
    INVITED = "invited"
    """Its account has no password yet, and the invitation is valid."""
    INVITATION_EXPIRED = "invitation_expired"
    """Its account has no password yet, and only an administrator can invite again."""
    UNVERIFIED = "unverified"
    """An administrator has given it to an account with a password, and its owner has not proven it yet.

    So its mailbox may be a stranger's, and a reset would hand the account over.
    """
    ACTIVE = "active"
    """Its account has a password, or was imported without one."""
    DISABLED = "disabled"


class MailRequest(StrEnum):
    """The requests that need only an address, and no login."""

    REGISTRATION = "registration"
    """POST /register and POST /verify-email/resend"""
    RESET = "reset"
    """POST /password/reset"""


MAILS: Final[Mapping[AddressState, Mapping[MailRequest, MailName | None]]] = {
    AddressState.UNKNOWN: {
        MailRequest.REGISTRATION: MailName.VERIFY_EMAIL,
        MailRequest.RESET: None,
    },
    AddressState.INVITED: {
        # The code of the invitation again; its expiry does not move.
        MailRequest.REGISTRATION: MailName.INVITATION,
        MailRequest.RESET: MailName.INVITATION,
    },
    AddressState.INVITATION_EXPIRED: {
        MailRequest.REGISTRATION: MailName.INVITATION_EXPIRED,
        MailRequest.RESET: MailName.INVITATION_EXPIRED,
    },
    AddressState.UNVERIFIED: {
        # It says that only a login with the password proves the address.
        MailRequest.REGISTRATION: MailName.EMAIL_SET,
        MailRequest.RESET: MailName.EMAIL_SET,
    },
    AddressState.ACTIVE: {
        MailRequest.REGISTRATION: MailName.ALREADY_REGISTERED,
        MailRequest.RESET: MailName.PASSWORD_RESET,
    },
    AddressState.DISABLED: {
        MailRequest.REGISTRATION: MailName.ALREADY_REGISTERED,
        MailRequest.RESET: None,
    },
}


def state_of(account: Account | None, invitation: StoredCode | None) -> AddressState:
    """Return the state of an address, given the code of its account's invitation."""
    if account is None:
        return AddressState.UNKNOWN
    if not account.is_active:
        return AddressState.DISABLED
    if account.has_joined:
        return AddressState.ACTIVE if account.is_verified else AddressState.UNVERIFIED
    # Without a code its first mail is still under way. A code that went to another address proves nothing.
    is_valid = invitation is None or (invitation.is_live and invitation.sent_to == account.email)
    return AddressState.INVITED if is_valid else AddressState.INVITATION_EXPIRED
