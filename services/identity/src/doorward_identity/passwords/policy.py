"""Which new passwords are acceptable (NIST SP 800-63B-4 section 3.1.1.2).

Length, and not being among the first that attackers try; no composition rules. Every character is allowed,
spaces at both ends included, except two: NUL, which strict_json rejects and which ends strings in many
libraries, and half a surrogate pair, which is not text.

A request body declares its field as `NewPassword`, which checks everything but the words of the account. The
service then calls `require_acceptable`, which checks everything. Commands call that alone.
"""

from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from doorward_client.errors import DoorwardError, FieldError
from doorward_identity.passwords.blocklist import is_common
from doorward_identity.passwords.context_words import is_personal
from doorward_identity.passwords.normalization import MAXIMUM_LENGTH, MINIMUM_LENGTH, normalize

ADVISED_LENGTH: Final = 15

_LONGEST_SPELLING: Final = 1024
"""Characters before composition: eight for each. Composing longer text would cost more than hashing."""


class _Reason(NamedTuple):
    """Why a password is rejected: a stable code, and a text with advice for the user."""

    code: str
    detail: str


_ADVICE: Final = "Several words in a row make a good one."
_LENGTH: Final = (
    f"A password has {MINIMUM_LENGTH} to {MAXIMUM_LENGTH} characters; {ADVISED_LENGTH} or more are better."
)
_TOO_SHORT: Final = _Reason("password_too_short", _LENGTH)
_TOO_LONG: Final = _Reason("password_too_long", _LENGTH)
_UNENCODABLE: Final = _Reason(
    "password_unencodable", "A password cannot hold a NUL character or half a surrogate pair."
)
_COMMON: Final = _Reason(
    "password_common",
    "This password, or the same without the digits at its end, is among the first that attackers try. "
    + _ADVICE,
)
_PERSONAL: Final = _Reason(
    "password_personal",
    "This password is little more than the account's name or email address, or the name of this product. "
    + _ADVICE,
)


class UnacceptablePasswordError(DoorwardError):
    """422: the password is not acceptable; `errors` says why."""

    status = 422
    code = "validation_error"
    detail = "The password is not acceptable; `errors` says why."

    def __init__(self, code: str, reason: str, *, pointer: str) -> None:
        super().__init__()
        self.reason = reason
        self.errors: list[FieldError] = [FieldError(pointer=pointer, code=code, detail=reason)]


def require_acceptable(password: str, *, email: str, name: str, pointer: str = "/password") -> None:
    """Raise UnacceptablePasswordError unless the password is acceptable for this account.

    `pointer` is the field of the request (RFC 6901). Commands print `reason` of the error.
    """
    reason = _weakness(password) or (_PERSONAL if is_personal(password, email=email, name=name) else None)
    if reason is not None:
        raise UnacceptablePasswordError(*reason, pointer=pointer)


def _weakness(password: str) -> _Reason | None:
    """Return why a password is rejected for every account, or None."""
    if len(password) > _LONGEST_SPELLING:
        return _TOO_LONG
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in password):
        return _UNENCODABLE
    length = len(normalize(password))
    if length < MINIMUM_LENGTH:
        return _TOO_SHORT
    if length > MAXIMUM_LENGTH:
        return _TOO_LONG
    return _COMMON if is_common(password) else None


def _acceptable(password: SecretStr) -> SecretStr:
    reason = _weakness(password.get_secret_value())
    if reason is not None:
        raise PydanticCustomError(reason.code, reason.detail)
    return password


NewPassword = Annotated[
    SecretStr,
    Field(json_schema_extra={"maxLength": _LONGEST_SPELLING}, examples=["a new horse for the old battery"]),
    AfterValidator(_acceptable),
]
"""A password that a user chooses. A password that a user enters is any text: it matches or not."""
