"""Email addresses: which are acceptable, and which two are the same account."""

import unicodedata
from typing import Annotated

import email_validator
from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from doorward_identity.tables import EMAIL_LENGTH

# Many a company's directory is under .local, and mail reaches it. The list is the library's
# documented setting; what stays on it (.invalid, .onion, ...) can have no mailbox.
for _private in ("local", "localhost"):
    if _private in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_private)


class InvalidEmailError(ValueError):
    """Not an address that mail could be sent to."""


def email_key(address: str) -> str:
    """Return the one spelling by which an address is unique; raises InvalidEmailError.

    NFC, the local part casefolded, the domain in lower-case ASCII (IDNA). Two addresses that differ
    in an accent are two accounts; two that differ in case are one. It is compared byte by byte, on
    every database, so no collation has a say.
    """
    try:
        # A domain may have no dot: it need not be deliverable from everywhere.
        parts = validate_email(address, check_deliverability=False, globally_deliverable=False, strict=True)
    except EmailNotValidError as error:
        raise InvalidEmailError(str(error)) from None
    local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", parts.local_part).casefold())
    key = f"{local}@{(parts.ascii_domain or parts.domain).lower()}"
    if len(key) > EMAIL_LENGTH or len(address) > EMAIL_LENGTH:
        raise InvalidEmailError("the address is too long")
    return key


def _acceptable(address: str) -> str:
    try:
        email_key(address)
    except InvalidEmailError:
        # The library's own text quotes the address; the caller knows what was sent.
        raise PydanticCustomError("email_invalid", "This is not an email address.") from None
    return address


EmailAddress = Annotated[
    str,
    Field(max_length=EMAIL_LENGTH, json_schema_extra={"format": "email"}, examples=["ada@example.com"]),
    AfterValidator(_acceptable),
]
"""An address as typed; `email_key` gives its identity."""
