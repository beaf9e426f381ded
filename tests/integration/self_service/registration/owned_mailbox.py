"""The mailbox of an address, as its only reader sees it: which codes are in it, and which must work."""

import functools
import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from doorward_auth.rate_limiting.limits import PIN_GUESSES
from integration.self_service.mailbox import Mailbox, MailboxMail

_CODE: Final = re.compile(r"\b(?:dw[viec]_)[A-Za-z0-9_-]{64}(?![A-Za-z0-9_-])")
_PIN: Final = re.compile(r"^ *([0-9]{6})$", re.MULTILINE)


class Kind(Enum):
    """What the code of a mail is for."""

    VERIFICATION = auto()
    INVITATION = auto()
    RESET = auto()
    CHANGE = auto()
    """To confirm the address as the new one of an account."""


_OPENINGS: Final = {
    "has asked for an account": Kind.VERIFICATION,
    "has created an account for you": Kind.INVITATION,
    "has asked to choose a new password": Kind.RESET,
    "wants to use this address": Kind.CHANGE,
}


@dataclass(frozen=True, slots=True)
class CodeMail:
    """A mail with a code. `is_current` is whether the account was not changed since."""

    kind: Kind
    code: str
    is_current: bool

    @property
    def is_pin(self) -> bool:
        """Whether the code is short."""
        return len(self.code) == 6


@functools.cache
def _read(mail: MailboxMail) -> tuple[Kind, str] | None:
    """Read the code of a mail; None without one."""
    text = mail.text
    found = _CODE.search(text) or _PIN.search(text)
    if found is None:
        return None
    kind = next(kind for words, kind in _OPENINGS.items() if words in " ".join(text.split()))
    return kind, found[0].strip()


class OwnedMailbox:
    """The mails to one address; all mails of before are thrown away."""

    def __init__(self, mailbox: Mailbox, email: str) -> None:
        mailbox.empty()
        self._mailbox = mailbox
        self._email = email
        self._first_current = 0
        self._guesses = 0

    def codes(self, *kinds: Kind) -> list[CodeMail]:
        """Wait for the mails under way; return those with a code, of some kinds or of any, in order."""
        return [
            CodeMail(*read, is_current=number >= self._first_current)
            for number, mail in enumerate(self._mailbox.mails_to(self._email))
            if (read := _read(mail)) is not None and (not kinds or read[0] in kinds)
        ]

    def account_changed(self) -> None:
        """Note that the codes of the account were deleted."""
        self._first_current = len(self._mailbox.mails_to(self._email))

    def day_passed(self) -> None:
        """Throw all mails away, and forget the guesses."""
        self._mailbox.empty()
        self._first_current = self._guesses = 0

    def resets_with_pin(self) -> list[CodeMail]:
        """Return the mails of resets whose PIN was not replaced."""
        return [mail for mail in self.codes(Kind.RESET) if mail.is_pin and mail.is_current]

    def reset_guessed(self, times: int = 1) -> None:
        """Note wrong codes of a reset, which are counted while a PIN is outstanding."""
        self._guesses += times if self.resets_with_pin() else 0

    def must_reset(self, mail: CodeMail) -> bool:
        """Tell whether the code of a reset must work: nothing replaced it, and no PIN was guessed at."""
        return mail.is_current and (not mail.is_pin or self._guesses < PIN_GUESSES.free)

    def wrong_pins(self, count: int) -> list[str]:
        """Return PINs that are in no mail, as guesses: one that is right by chance breaks no rule."""
        right = {mail.code for mail in self.codes()}
        return [pin for number in range(1000) if (pin := f"{number:06d}") not in right][:count]
