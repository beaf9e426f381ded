"""Passwords that everybody tries first: a list that is shipped, looked up offline.

What the list is made of, and how large, sure and fast it is: see README.md in data/.
"""

import string
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import Final

DIGEST_BYTES: Final = 4
"""Of each entry's SHA-256. The list is a sieve and keeps no secret: what is in it is public."""

SHORTEST_STEM: Final = 4
LONGEST_TAIL: Final = 5
"""A year and a mark: `Summer2024!`. Longer tails are rare in what has leaked, and may be random."""

_TAIL: Final = string.digits + string.punctuation + " "

# Read at once: a package without its list fails when it starts, and not at the first registration.
_DIGESTS: Final = files(__package__).joinpath("data/common_passwords.bin").read_bytes()
_COUNT: Final = len(_DIGESTS) // DIGEST_BYTES


def is_common(password: str) -> bool:
    """Tell whether a password is among those that are tried first, in any case.

    The whole password is compared, never its parts (NIST SP 800-63B-4 section 3.1.1.2): a phrase may hold
    common words. It is compared twice, the second time without a short tail of digits and marks, because
    that is what people add to a word that was refused.
    """
    return any(_is_listed(spelling) for spelling in spellings(password))


def spellings(password: str) -> Iterator[str]:
    """Yield what a password is looked up as: without case, then without its tail if it has a short one."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", password).casefold())
    yield folded
    stem = folded.rstrip(_TAIL)
    if len(stem) >= SHORTEST_STEM and 0 < len(folded) - len(stem) <= LONGEST_TAIL:
        yield stem


def digest(spelling: str) -> bytes:
    """Return the key by which a spelling is listed."""
    return sha256(spelling.encode("utf-8")).digest()[:DIGEST_BYTES]


def _is_listed(spelling: str) -> bool:
    wanted = digest(spelling)
    place = bisect_left(range(_COUNT), wanted, key=_entry)
    return place < _COUNT and _entry(place) == wanted


def _entry(place: int) -> bytes:
    return _DIGESTS[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]
