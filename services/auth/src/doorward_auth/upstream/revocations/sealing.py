"""The tokens to revoke, sealed for their row, and opened from it."""

import uuid
from typing import Final

from doorward_auth.upstream.revocations.models import PendingRevocation, SealedRevocation
from doorward_auth.upstream_adapters.base import UpstreamTokens
from doorward_auth.vault.errors import DamagedValueError
from doorward_auth.vault.vault import Place, Vault
from doorward_identity.tables import upstream_grants, upstream_revocations
from doorward_kit.sealed import Sealed

_ACCESS: Final = upstream_revocations.c.access_token.name
_REFRESH: Final = upstream_revocations.c.refresh_token.name


class RevocationSealing:
    """Seals and opens tokens. Opening raises UnknownVaultKeyError and DamagedValueError."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def seal(self, row_id: uuid.UUID, provider: str, tokens: UpstreamTokens) -> SealedRevocation:
        """Seal tokens for a row."""
        key = self._vault.current_key

        def sealed(text: str | None, column: str) -> Sealed | None:
            place = Place(upstream_revocations.name, column, row_id, provider)
            return self._vault.seal(text, place, key) if text else None

        access, refresh = sealed(tokens.access_token, _ACCESS), sealed(tokens.refresh_token, _REFRESH)
        return SealedRevocation(access, refresh, key.id_bytes)

    def reseal(self, row: PendingRevocation) -> SealedRevocation:
        """Seal the tokens of a row again, for the row and with the key that seals now."""
        return self.seal(row.id, row.provider, self.open(row))

    def open(self, row: PendingRevocation) -> UpstreamTokens:
        """Open the tokens of a row."""
        access, refresh = (
            self._open(row, row.access_token, _ACCESS),
            self._open(row, row.refresh_token, _REFRESH),
        )
        if access is None and refresh is None:
            raise DamagedValueError
        return UpstreamTokens(access or "", refresh)

    def _open(self, row: PendingRevocation, sealed: Sealed | None, column: str) -> str | None:
        if sealed is None:
            return None
        if sealed.key_id != row.key_id:
            raise DamagedValueError
        if row.grant_id is None:
            place = Place(upstream_revocations.name, column, row.id, row.provider)
        else:
            # The columns of both tables have the same names.
            place = Place(upstream_grants.name, column, row.grant_id, row.provider)
        return self._vault.open(sealed, place)
