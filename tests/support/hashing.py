"""Hashing without a client."""

from typing import Final

from doorward_identity.passwords import CorruptHashError, parse
from doorward_kit.recent_jobs import Charge

UNCHARGED: Final = Charge(())
"""A charge for hashes that no client asked for."""


def is_importable(hash_text: str) -> bool:
    """Tell whether a user can be imported with this hash."""
    try:
        parse(hash_text)
    except CorruptHashError:
        return False
    return True
