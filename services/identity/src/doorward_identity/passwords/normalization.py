"""The spelling and the length of a password: characters that look the same are not always the same bytes."""

import unicodedata
from typing import Final

MINIMUM_LENGTH: Final = 8
MAXIMUM_LENGTH: Final = 128
"""Characters, as `normalize` leaves them (NIST SP 800-63B-4 counts code points)."""


def normalize(password: str) -> str:
    """Return the one spelling of a password: keyboards differ in how they compose accents.

    NFC, as NIST SP 800-63B-4 section 3.1.1.2 has it. NFKC would also make different characters equal.
    """
    return unicodedata.normalize("NFC", password)


def encodings(password: str) -> list[bytes]:
    """Return the bytes that a stored hash may have been made of: one or two.

    Here a hash is made of NFC; systems that hashes are brought from took the text as it was typed.
    A lone surrogate has no UTF-8. It is encoded all the same: nothing was hashed of those bytes, so
    it is an ordinary wrong password.
    """
    spellings = dict.fromkeys((normalize(password), password))
    return [spelling.encode("utf-8", "surrogatepass") for spelling in spellings]
