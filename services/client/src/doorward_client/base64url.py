"""base64url without padding (RFC 4648 section 5), in its canonical form only.

The standard library ignores the unused bits of the last character. Several texts would decode to the same
bytes, and an altered token would still be valid.
"""

import base64
import binascii


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Raise ValueError for any text that `encode` does not produce."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode(raw) != text:
        raise ValueError("not canonical base64url")
    return raw
