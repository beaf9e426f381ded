"""Passwords made of context-specific words (ASVS 6.2.11).

The words are those of the account's name, of both sides of its email address, and the product's name. A
password is personal if it is the address, or a side of it, or if its letters spell nothing but such words, in
any order and number, forwards or backwards. Case, accents, digits, spaces and marks are ignored, unless the
digits and marks alone would be long enough for a password. A password with another word is not personal.

An organisation's own words (ASVS 6.1.2) are in the domain of its addresses.
"""

import unicodedata
from typing import Final

from doorward_identity.passwords.normalization import MAXIMUM_LENGTH, MINIMUM_LENGTH

PRODUCT: Final = "doorward"

_SHORTEST_WORD: Final = 2  # the length of many Chinese names


def is_personal(password: str, *, email: str, name: str) -> bool:
    """Tell whether a password consists of the words of its account."""
    text, address = _fold(password), _fold(email)
    local, _, domain = address.rpartition("@")
    if text in {address, local, domain} - {""} or text[::-1] in {address, local, domain} - {""}:
        return True
    letters = "".join(filter(str.isalpha, text))
    if len(text) - len(letters) >= MINIMUM_LENGTH or not 0 < len(letters) <= MAXIMUM_LENGTH:
        return False
    words = _words(address) | _words(_fold(name)) | {PRODUCT}
    return _consists_of(letters, words) or _consists_of(letters[::-1], words)


def _fold(text: str) -> str:
    """Return the text without case and accents."""
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(character for character in folded if unicodedata.category(character)[0] != "M")


def _words(folded: str) -> set[str]:
    spaced = "".join(character if character.isalpha() else " " for character in folded)
    return {word for word in spaced.split() if len(word) >= _SHORTEST_WORD}


def _consists_of(letters: str, words: set[str]) -> bool:
    """Tell whether a sequence of words spells the letters, in linear time."""
    lengths = {len(word) for word in words}
    reached = {0}
    for start in range(len(letters)):
        if start in reached:
            reached.update(start + length for length in lengths if letters[start : start + length] in words)
    return len(letters) in reached
