"""ES256 signatures with one spelling.

Of an ECDSA signature (r, s) the twin (r, n - s) is valid too, so that whoever has a token could make another
text of it. Ours have the lower s, and only those count (as BIP 62 has it; RFC 7518 leaves it open).
"""

from typing import Any, Final

from jose.backends.base import Key

_HALF: Final = 32
"""Bytes of r, and of s (RFC 7518 section 3.4)."""

_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""The order n of the curve P-256 (SEC 2 section 2.4.2)."""


class LowSKey(Key):
    """A key of python-jose's whose signatures have the lower s."""

    def __init__(self, key: Any) -> None:
        self._key = key

    def sign(self, msg: bytes) -> bytes:
        """Sign `msg`."""
        signature: bytes = self._key.sign(msg)
        s = int.from_bytes(signature[_HALF:], "big")
        return signature[:_HALF] + min(s, _ORDER - s).to_bytes(_HALF, "big")

    def verify(self, msg: bytes, sig: bytes) -> bool:
        """Tell whether `sig` is the one signature of its r that signs `msg`."""
        is_low = len(sig) == 2 * _HALF and int.from_bytes(sig[_HALF:], "big") <= _ORDER // 2
        return is_low and bool(self._key.verify(msg, sig))
