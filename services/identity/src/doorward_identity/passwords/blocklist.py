"""Common passwords: a list that is shipped and looked up offline.

README.md in data/ describes its sources, size, error rate and speed.
"""

import string
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import Final

DIGEST_BYTES: Final = 4
"""Stored of each entry's SHA-256. The list keeps no secret: its entries are public."""

SHORTEST_STEM: Final = 4
LONGEST_TAIL: Final = 5
"""A year and a mark: `Summer2024!`. Longer tails are rare in leaked passwords, and may be random."""

_TAIL: Final = string.digits + string.punctuation + " "

# Read at import: a package without its list fails at the start, not at the first registration.
_DIGESTS: Final = files(__package__).joinpath("data/common_passwords.bin").read_bytes()
_COUNT: Final = len(_DIGESTS) // DIGEST_BYTES


def is_common(password: str) -> bool:
    """Tell whether a password is on the list, ignoring case.

    The whole password is compared, never its parts (NIST SP 800-63B-4 section 3.1.1.2): a phrase may contain
    common words. It is compared twice, the second time without a short tail of digits and marks, which
    users add to a word that was rejected.
    """
    return any(_is_listed(spelling) for spelling in spellings(password))


def spellings(password: str) -> Iterator[str]:
    """Yield the spellings to look up: without case, then also without a short tail."""
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", password).casefold())
    yield folded
    stem = folded.rstrip(_TAIL)
    if len(stem) >= SHORTEST_STEM and 0 < len(folded) - len(stem) <= LONGEST_TAIL:
        yield stem


def digest(spelling: str) -> bytes:
    """Return the key by which a spelling is listed."""
    return sha256(spelling.encode("utf-8")).digest()[:DIGEST_BYTES]


def _is_listed(spelling: str) -> bool:
    target = digest(spelling)
    place = bisect_left(range(_COUNT), target, key=_entry)
    return place < _COUNT and _entry(place) == target


def _entry(place: int) -> bytes:
    return _DIGESTS[place * DIGEST_BYTES : (place + 1) * DIGEST_BYTES]
