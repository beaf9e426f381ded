"""Base64 in stored hashes: the standard alphabet, in one spelling but for the padding."""

from base64 import b64decode, b64encode

from doorward_identity.passwords.hash_formats.errors import CorruptHashError


def decode(text: str) -> bytes:
    """Read bytes, with padding or without; raises CorruptHashError."""
    bare = text.rstrip("=")
    try:
        raw = b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except ValueError:
        raise CorruptHashError("malformed") from None
    if encode(raw) != bare:
        # Unused bits at the end are damage; libargon2 refuses them, too.
        raise CorruptHashError("malformed")
    return raw


def decode_passlib(text: str) -> bytes:
    """Read passlib's spelling, in which `.` stands for `+`; raises CorruptHashError."""
    if "+" in text or "=" in text:
        raise CorruptHashError("malformed")
    return decode(text.replace(".", "+"))


def encode(raw: bytes) -> str:
    """Write bytes without padding, as PHC strings have them."""
    return b64encode(raw).decode("ascii").rstrip("=")
