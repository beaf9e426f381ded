"""The limits of auth.

Guessing a password slows down to four guesses an hour, while a user who mistypes waits a second (OWASP,
"slow down online guessing attacks with device cookies").
"""

from typing import Final

from doorward_kit.rate_limiting.limits import ExponentialBackoff, FixedWindow

MINUTE: Final = 60
HOUR: Final = 3_600
DAY: Final = 86_400

LOGIN_UNKNOWN_DEVICES: Final = ExponentialBackoff(
    "login-account", 5, DAY, first_wait=1, longest_wait=15 * MINUTE
)
"""Wrong passwords for one account, from all unknown devices together."""

LOGIN_BY_DEVICE: Final = ExponentialBackoff("login-device", 10, DAY, first_wait=1, longest_wait=15 * MINUTE)
"""Wrong passwords from one device that the account knows, or from one session."""

LOGIN_BY_SOURCE: Final = FixedWindow("login-source", 100, HOUR)
"""Wrong passwords from one address, for any account.

Fixed window, not backoff: a whole office may share one address, and one client with a stale password must
not block every user behind it.
"""

MACHINE_REVOCATIONS: Final = FixedWindow("machine-revocations", 600, 10 * MINUTE)
"""Tokens of machines that one client revokes. Every verifier reads each of them until the token expires."""

CLIENTS_BY_SOURCE: Final = FixedWindow("client-source", 100, HOUR)
"""Wrong client ids and secrets from one address. A right secret is accepted nevertheless."""

REJECTED_CLIENT_EVENTS: Final = FixedWindow("rejected-client-events", 100, HOUR)
"""Audit events about one client id, from all addresses. Rejects nothing."""

LOGINS_BY_ACCOUNT: Final = FixedWindow("logins", 600, 10 * MINUTE)
"""Right passwords of one account from unknown devices, or from one known device.

Each costs a hash, a session and an audit event. Only callers with the password spend them, and those of the
owner's devices are counted apart. A session, which could replace a stolen password, is not limited.
"""

PIN_GUESSES: Final = FixedWindow("pin-guesses", 5, 90 * DAY)
"""Wrong PINs of one purpose for one address; a new PIN gives no new guesses. Past it, codes are long.

Twenty guesses a year at a million values: an attacker has one account of 50,000 in a year.
"""

CODES_BY_SOURCE: Final = FixedWindow("code-source", 50, HOUR)
"""Wrong codes of resets and email changes from one address. A right long code is accepted nevertheless."""

WRONG_CODE_EVENTS: Final = FixedWindow("wrong-code-events", 20, HOUR)
"""Audit events about wrong codes of registrations and invitations from one address. Rejects nothing."""

REGISTRATION_MAILS: Final = FixedWindow("registration-mails", 10, DAY)
"""Mails to one address about its registration or invitation, asked for without a login.

Past it no mail is sent while the code of an earlier one is valid. So others cannot flood a mailbox, and its
owner has a code in any case.
"""

RESET_MAILS: Final = FixedWindow("reset-mails", 10, DAY)
"""Mails with the code of a password reset to one address; past it as with REGISTRATION_MAILS."""

SURPLUS_MAILS: Final = FixedWindow("surplus-mails", 1, 10 * MINUTE)
"""Mails to one address past its limit, because no code of an earlier one is valid."""

MAILBOX_MAILS: Final = FixedWindow("mailbox-mails", 20, DAY)
"""Mails of REGISTRATION_MAILS to all addresses of one mailbox, with a tag (`ada+tag@example.com`) or without.

Past it an address without an account that has a tag gets none, and others as past REGISTRATION_MAILS. Resets
are neither counted nor limited: only accounts get them.
"""

EMAIL_CHANGE_MAILS: Final = FixedWindow("email-change-mails", 10, DAY)
"""Mails to one mailbox that confirm it as the new address of an account, from all users together.

Past it EMAIL_CHANGE_SURPLUS, so that users who claim an address cannot keep its owner from using it.
"""

EMAIL_CHANGE_SURPLUS: Final = FixedWindow("email-change-surplus", 1, DAY)
"""Mails with a long code to one mailbox, with any tag, that one account asks for past EMAIL_CHANGE_MAILS."""

EMAIL_CHANGES: Final = FixedWindow("email-changes", 10, DAY)
"""Changes of address that one account asks for, with its password, whatever the addresses."""

EMAIL_PROOF_MAILS: Final = FixedWindow("email-proof-mails", 10, DAY)
"""Mails of logins to an unverified address of an account; past it SURPLUS_MAILS."""

MAILS_BY_SOURCE: Final = FixedWindow("mail-source", 30, HOUR)
"""Mails requested from one IP address."""

CAPTCHAS_BY_SOURCE: Final = FixedWindow("captcha-source", 60, HOUR)
"""Invalid captcha tokens from one address: each costs a request to the provider."""
