"""The secret that a browser session's cookie holds."""

from dataclasses import dataclass
from typing import ClassVar

from doorward_auth.opaque_tokens import OpaqueToken


@dataclass(frozen=True, slots=True, repr=False)
class BrowserSessionToken(OpaqueToken):
    """The value of the cookie; its id is the browser session's. A new secret at every sign-in."""

    prefix: ClassVar[str] = "dwb_"
