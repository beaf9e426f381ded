"""base64url without padding (RFC 4648 section 5), in one spelling only.

The library's decoder ignores the unused bits of the last character, and so reads several texts as the
same bytes: a token that was altered there would still be good.
"""

import base64
import binascii


def encode(raw: bytes) -> str:
    """Write bytes."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read bytes back; raises ValueError for anything that `encode` would not have written."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if encode(raw) != text:
        raise ValueError("not base64url as it is written here")
    return raw
