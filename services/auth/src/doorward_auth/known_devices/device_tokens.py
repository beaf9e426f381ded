"""Device tokens: what a client shows to be recognised, and nothing it could log in with."""

from dataclasses import dataclass
from typing import ClassVar

from doorward_auth.opaque_tokens import OpaqueToken


@dataclass(frozen=True, slots=True, repr=False)
class DeviceToken(OpaqueToken):
    """One device token; its id is the device's."""

    prefix: ClassVar[str] = "dwd_"
