"""The codes that mails of registration and invitation carry."""

from dataclasses import dataclass
from typing import ClassVar

from doorward_auth.opaque_tokens import OpaqueToken


@dataclass(frozen=True, slots=True, repr=False)
class VerificationCode(OpaqueToken):
    """Proves to read the mail of a registration, whose id it carries."""

    prefix: ClassVar[str] = "dwv_"


@dataclass(frozen=True, slots=True, repr=False)
class InvitationCode(OpaqueToken):
    """Proves to read the mail of an invited user, whose id it carries."""

    prefix: ClassVar[str] = "dwi_"
