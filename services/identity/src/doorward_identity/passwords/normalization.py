"""The spelling and the length of a password: characters that look the same are not always the same bytes."""

import unicodedata
from typing import Final

MINIMUM_LENGTH: Final = 8
MAXIMUM_LENGTH: Final = 128
"""Characters, as `normalize` leaves them (NIST SP 800-63B-4 counts code points)."""


def normalize(password: str) -> str:
    """Return the canonical spelling of a password: keyboards differ in how they compose accents.

    NFC (NIST SP 800-63B-4 section 3.1.1.2). NFKC would also make different characters equal.
    """
    return unicodedata.normalize("NFC", password)


def encodings(password: str) -> list[bytes]:
    """Return the bytes that a stored hash may have been made of: one or two.

    Our hashes are made of NFC; other systems hash the text as it was typed. A lone surrogate has no UTF-8.
    It is encoded anyway: no hash is made of those bytes, so it is an ordinary wrong password.
    """
    spellings = dict.fromkeys((normalize(password), password))
    return [spelling.encode("utf-8", "surrogatepass") for spelling in spellings]
