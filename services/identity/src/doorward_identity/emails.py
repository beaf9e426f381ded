"""Email addresses: which are valid, and which two spellings are the same account."""

import re
import unicodedata
from functools import lru_cache
from typing import Annotated, Final

import email_validator
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from doorward_identity.tables import EMAIL_LENGTH

# Company directories use .local, and their mail works. The list is the library's documented setting;
# what stays on it (.invalid, .onion, ...) can have no mailbox.
for _private in ("local", "localhost"):
    if _private in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_private)


# The dot-atom of RFC 5322, which nearly every address begins with.
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_LOCAL_PART: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_MAX_LOCAL_PART: Final = 64  # RFC 5321 section 4.5.3.1.1

_UNKNOWN_KEY = ""
"""Looking it up takes as long as looking up an address that could exist."""


class InvalidEmailError(ValueError):
    """No mail could be sent to the address."""


def email_key(address: str) -> str:
    """Return the spelling by which an address is unique; raises InvalidEmailError.

    NFC, the local part casefolded, the domain in lower-case ASCII (IDNA). Addresses that differ in an
    accent are two accounts; addresses that differ in case are one. Keys are compared byte by byte.
    """
    local, _, domain = address.rpartition("@")
    if len(local) <= _MAX_LOCAL_PART and _PLAIN_LOCAL_PART.fullmatch(local):
        key = f"{local.lower()}@{_domain_key(domain)}"
    else:
        key = _key(address)
    if len(key) > EMAIL_LENGTH or len(address) > EMAIL_LENGTH:
        raise InvalidEmailError("the address is too long")
    return key


@lru_cache(maxsize=256)
def _domain_key(domain: str) -> str:
    """Return the key of a domain. To check one takes longer than all else, and most addresses share one."""
    return _key(f"x@{domain}").rpartition("@")[2]


def _key(address: str) -> str:
    try:
        # A domain may have no dot: it need not be deliverable from everywhere.
        parts = validate_email(address, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidEmailError(str(error)) from None
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", parts.local_part).casefold())
    return f"{local}@{(parts.ascii_domain or parts.domain).lower()}"


def lookup_key(address: str) -> str:
    """Return the key to look an account up by; for an invalid address, a key that no account has."""
    try:
        return email_key(address)
    except InvalidEmailError:
        return _UNKNOWN_KEY


def canonical_address(address: str) -> str:
    """Return the address that mail is sent to: as typed, in NFC.

    Other forms look the same and can be undeliverable: the Kelvin sign becomes a K.
    """
    return unicodedata.normalize("NFC", address)


def spelling_key(address: str) -> str:
    """Return what spellings of one mailbox have in common: all but upper and lower case.

    `email_key` folds more, so that no two accounts look alike: `straße@` and `strasse@` have one key, and can
    be two mailboxes. A code proves the mailbox that it was mailed to. Empty for an invalid address.
    """
    key = lookup_key(address)
    local = unicodedata.normalize("NFC", canonical_address(address).rpartition("@")[0].lower())
    return f"{local}@{key.rpartition('@')[2]}" if key else key


def reserves_address(email_key: str) -> bool:
    """Tell whether an account with this key has its address to itself: not one of an upstream's users.

    Their key has no `@` as long as the address is unverified.
    """
    return "@" in email_key


def domain_of(email_key: str) -> str:
    """Return the domain of a key, in lower-case ASCII."""
    return email_key.rpartition("@")[2]


def mailbox_key(email_key: str) -> str:
    """Return what addresses of one mailbox have in common: the key without a tag (`ada+tag@`, RFC 5233)."""
    local, _, domain = email_key.rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


def _acceptable(address: str) -> str:
    try:
        email_key(address)
    except InvalidEmailError:
        # The library's own text quotes the address; the caller knows what was sent.
        raise PydanticCustomError("email_invalid", "This is not an email address.") from None
    return canonical_address(address)


EmailAddress = Annotated[
    str,
    Field(max_length=EMAIL_LENGTH, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(_acceptable),
]
"""An address as typed, in NFC; `email_key` gives its identity."""
