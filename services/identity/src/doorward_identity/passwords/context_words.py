"""Passwords that are guessed for one person: made of what everybody knows of them (ASVS 6.2.11).

The words are those of the account's name, of both sides of its email address, and the product's name. A
password is personal when it is the address, or a side of it, or when nothing but such words is left of
its letters, in any order, once or several times, forwards or backwards. Case, accents, digits, spaces and
marks do not count, unless there are so many digits and marks that these alone would be long enough for a
password. What holds another word is not personal.

The words that an organisation's attackers know (ASVS 6.1.2) are in the domain of its addresses.
"""

import unicodedata
from typing import Final

from doorward_identity.passwords.normalization import MAXIMUM_LENGTH, MINIMUM_LENGTH

PRODUCT: Final = "doorward"

_SHORTEST_WORD: Final = 2  # many a Chinese name


def is_personal(password: str, *, email: str, name: str) -> bool:
    """Tell whether a password is made of nothing but the words of its account."""
    text, address = _fold(password), _fold(email)
    local, _, domain = address.rpartition("@")
    if text in {address, local, domain} - {""} or text[::-1] in {address, local, domain} - {""}:
        return True
    letters = "".join(filter(str.isalpha, text))
    if len(text) - len(letters) >= MINIMUM_LENGTH or not 0 < len(letters) <= MAXIMUM_LENGTH:
        return False
    words = _words(address) | _words(_fold(name)) | {PRODUCT}
    return _made_of(letters, words) or _made_of(letters[::-1], words)


def _fold(text: str) -> str:
    """Return the text without case and accents."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in folded if unicodedata.category(character)[0] != "M")


def _words(folded: str) -> set[str]:
    spaced = "".join(character if character.isalpha() else " " for character in folded)
    return {word for word in spaced.split() if len(word) >= _SHORTEST_WORD}


def _made_of(letters: str, words: set[str]) -> bool:
    """Tell whether words in a row spell the letters, in time linear in their number."""
    lengths = {len(word) for word in words}
    reached = {0}
    for start in range(len(letters)):
        if start in reached:
            reached.update(start + length for length in lengths if letters[start : start + length] in words)
    return len(letters) in reached
