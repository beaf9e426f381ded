"""The tokens of a grant, sealed for its row and opened from it."""

import uuid
from collections.abc import Callable
from typing import Final

from doorward_auth.upstream.grants.models import GrantRow, SealedTokens
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_auth.vault.errors import DamagedValueError, UnopenableError
from doorward_auth.vault.vault import Place, Vault
from doorward_identity.tables import upstream_grants
from doorward_kit.sealed import Sealed

_TABLE: Final = upstream_grants.name
_ACCESS: Final = upstream_grants.c.access_token.name
_REFRESH: Final = upstream_grants.c.refresh_token.name
_ID: Final = upstream_grants.c.id_token.name


class GrantSealing:
    """Seals and opens tokens. Opening raises UnknownVaultKeyError and DamagedValueError."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @property
    def current_key_id(self) -> bytes:
        """The id of the key that seals now."""
        return self._vault.current_key.id_bytes

    def seal(self, grant_id: uuid.UUID, provider: str, tokens: UpstreamTokens) -> SealedTokens:
        """Seal what an upstream issued."""
        key = self._vault.current_key

        def sealed(text: str | None, column: str) -> Sealed | None:
            return (
                None
                if text is None
                else self._vault.seal(text, Place(_TABLE, column, grant_id, provider), key)
            )

        return SealedTokens(
            sealed(tokens.access_token or None, _ACCESS),
            sealed(tokens.refresh_token, _REFRESH),
            sealed(tokens.id_token, _ID),
            key.id_bytes,
        )

    def seal_next(self, previous: GrantRow, sent_token: str, tokens: UpstreamTokens) -> SealedTokens:
        """Seal the answer to a refresh. What it does not have goes on as it was (RFC 6749 section 6).

        `sent_token` is the refresh token of `previous`. It is not opened again: its key may be gone since.
        """
        refresh_token, id_token = tokens.refresh_token, tokens.id_token
        complete = UpstreamTokens(
            tokens.access_token or self._readable(self.access_token, previous) or "",
            sent_token if refresh_token is None else refresh_token,
            self._readable(self._open_id, previous) if id_token is None else id_token,
        )
        return self.seal(previous.id, previous.provider, complete)

    def reseal(self, row: GrantRow) -> SealedTokens:
        """Seal the tokens of a row again, with the key that seals now."""
        return self.seal(row.id, row.provider, self.open(row))

    def open(self, row: GrantRow) -> UpstreamTokens:
        """Open every token of a row that has them."""
        access_token = self.access_token(row)
        return UpstreamTokens(
            access_token or "", self.refresh_token(row), self._open_id(row), scope=row.scope
        )

    def access_token(self, row: GrantRow) -> str | None:
        return self._open(row, row.access_token, _ACCESS)

    def refresh_token(self, row: GrantRow) -> str | None:
        return self._open(row, row.refresh_token, _REFRESH)

    @staticmethod
    def _readable(open_one: Callable[[GrantRow], str | None], row: GrantRow) -> str | None:
        try:
            return open_one(row)
        except UnopenableError:
            return None  # the upstream's new tokens must be stored all the same

    def _open_id(self, row: GrantRow) -> str | None:
        return self._open(row, row.id_token, _ID)

    def _open(self, row: GrantRow, sealed: Sealed | None, column: str) -> str | None:
        if sealed is None:
            return None
        if sealed.key_id != row.key_id:
            # Altered: it must not wait for a key that never was.
            raise DamagedValueError
        return self._vault.open(sealed, Place(_TABLE, column, row.id, row.provider))
