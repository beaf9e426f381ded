"""Sealing and opening: AES-256-GCM, bound to the place of the value in the database."""

import os
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag

from doorward_auth.vault.errors import DamagedValueError
from doorward_auth.vault.key_store import VaultKeyStore
from doorward_auth.vault.keys import VaultKey
from doorward_kit.sealed import NONCE_BYTES, VERSION, Sealed

_ANY_TEXT: Final = "surrogatepass"
"""A token of any text can be stored: what an upstream issued is not lost to its characters."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value is stored. A value that was copied to another place does not open."""

    table: str
    column: str
    row_id: uuid.UUID
    provider: str

    def associated_data(self, header: bytes) -> bytes:
        """Return what the tag also covers. No part but the last can contain the separator."""
        return header + f"{self.table}\0{self.column}\0{self.row_id.hex}\0{self.provider}".encode()


class Vault:
    """Seals with the current key and opens with every key of the store.

    Nonces are random, so a key may seal 2^32 values (NIST SP 800-38D section 8.3): two years at fifty a
    second.
    """

    def __init__(self, keys: VaultKeyStore) -> None:
        self._keys = keys

    @property
    def current_key(self) -> VaultKey:
        """The key that seals now."""
        return self._keys.current

    @property
    def key_ids(self) -> Collection[bytes]:
        """The ids of the keys that open values in this process."""
        return self._keys.key_ids

    def seal(self, text: str, place: Place, key: VaultKey) -> Sealed:
        """Encrypt a text. Values of one row are sealed with one key, so their caller asks for it once."""
        header = bytes([VERSION]) + key.id_bytes
        nonce = os.urandom(NONCE_BYTES)
        encrypted = key.cipher.encrypt(nonce, text.encode("utf-8", _ANY_TEXT), place.associated_data(header))
        return Sealed(header + nonce + encrypted)

    def open(self, sealed: Sealed, place: Place) -> str:
        """Decrypt a value of this place; raises UnknownVaultKeyError and DamagedValueError."""
        cipher = self._keys.find(sealed.key_id).cipher
        try:
            text = cipher.decrypt(sealed.nonce, sealed.ciphertext, place.associated_data(sealed.header))
            return text.decode("utf-8", _ANY_TEXT)
        except (InvalidTag, UnicodeDecodeError):
            raise DamagedValueError from None
