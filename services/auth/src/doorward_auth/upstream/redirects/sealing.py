"""The state of a login under way, sealed for its row."""

import json
import uuid
from collections.abc import Collection
from dataclasses import asdict
from typing import Any

from doorward_auth.upstream_adapters.base import UpstreamLogin, UpstreamTokens, UpstreamUser
from doorward_auth.vault.errors import DamagedValueError
from doorward_auth.vault.vault import Place, Vault
from doorward_identity.tables import upstream_authorizations
from doorward_kit.sealed import Sealed

_TABLE = upstream_authorizations.name


class AuthorizationSealing:
    """Seals and opens the columns `secrets` and `login`.

    Opening raises UnknownVaultKeyError and DamagedValueError.
    """

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    @property
    def key_ids(self) -> Collection[bytes]:
        """The ids of the keys that open values in this process."""
        return self._vault.key_ids

    def seal_secrets(self, row_id: uuid.UUID, provider: str, secrets: dict[str, Any]) -> Sealed:
        """Seal what the exchange at the upstream needs."""
        return self._seal(secrets, Place(_TABLE, "secrets", row_id, provider))

    def open_secrets(self, row_id: uuid.UUID, provider: str, sealed: Sealed | None) -> dict[str, Any]:
        """Open what `seal_secrets` has sealed."""
        opened: dict[str, Any] = self._open(sealed, Place(_TABLE, "secrets", row_id, provider))
        return opened

    def seal_login(self, row_id: uuid.UUID, provider: str, login: UpstreamLogin) -> Sealed:
        """Seal a user and the tokens."""
        return self._seal(asdict(login), Place(_TABLE, "login", row_id, provider))

    def open_login(self, row_id: uuid.UUID, provider: str, sealed: Sealed | None) -> UpstreamLogin:
        """Open what `seal_login` has sealed."""
        document = self._open(sealed, Place(_TABLE, "login", row_id, provider))
        user, tokens = UpstreamUser(**document["user"]), UpstreamTokens(**document["tokens"])
        return UpstreamLogin(user, tokens, document.get("auth_time"))

    def _seal(self, document: object, place: Place) -> Sealed:
        return self._vault.seal(json.dumps(document), place, self._vault.current_key)

    def _open(self, sealed: Sealed | None, place: Place) -> Any:
        if sealed is None:
            raise DamagedValueError
        return json.loads(self._vault.open(sealed, place))
