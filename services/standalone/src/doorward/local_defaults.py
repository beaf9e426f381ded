"""Defaults of a laptop: the data directory, its SQLite file, its keys, and the address of this machine."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import sqlalchemy as sa

from doorward_auth.vault.rotation import new_key as new_vault_key
from doorward_client.keys.key_set import ES256, HS256, RS256
from doorward_client.settings import SettingsError
from doorward_kit.key_rotation import new_jwk, write_key_set


def data_directory() -> Path:
    """Return the directory of the local databases, keys and mailbox."""
    return Path(os.environ.get("DOORWARD_DATA_DIR") or "var")


def is_data_directory_named() -> bool:
    """Tell whether a setting names that directory."""
    return bool(os.environ.get("DOORWARD_DATA_DIR"))


def local_default(name: str) -> str | None:
    return local_database_url() if name == "database_url" else None


def local_database_url() -> str:
    """Return the SQLite database of the data directory, which is made if missing; raises SettingsError."""
    directory = data_directory()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"DOORWARD_DATA_DIR cannot be used: {error}") from None
    return sa.URL.create("sqlite", database=str(directory / "doorward.db")).render_as_string()


def browser_defaults(values: dict[str, object]) -> dict[str, object]:
    """Return the address of this machine, and keys in the data directory: of OpenID Connect, of the vault.

    An issuer that is set stays, and a port that the system chooses is not known yet: no address then.
    """
    defaults: dict[str, object] = {}
    port = str(values.get("port", 8080))
    if "issuer" not in values and port.isdecimal() and port != "0":
        defaults["public_url"] = f"http://127.0.0.1:{port}"
    if "oidc_jwks_file" not in values:
        defaults["oidc_jwks_file"] = _ensure_key_set(
            local_oidc_key_set(), lambda: [new_jwk(RS256), new_jwk(ES256)]
        )
    if "upstreams" in values and "vault_keys_file" not in values:
        defaults["vault_keys_file"] = _ensure_key_set(local_vault_keys(), lambda: [new_vault_key()])
    return defaults


def _ensure_key_set(path: Path, new_keys: Callable[[], Sequence[Mapping[str, object]]]) -> Path:
    """Make a set of keys unless the file is there; return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_key_set(path, {"keys": list(new_keys())})
    return path


def signing_keys(values: dict[str, object]) -> Path:
    """Return the file of the keys that sign access tokens, which is made if missing."""
    return _ensure_key_set(local_key_set(), lambda: [new_jwk(_algorithm(values))])


def _algorithm(values: dict[str, object]) -> str:
    # The field's own validator rejects an unknown algorithm next.
    return ES256 if values.get("signing_algorithm") == ES256 else HS256


def local_vault_keys() -> Path:
    """Return the file of the vault's keys where no setting names one."""
    return data_directory() / "vault-keys.json"


def local_oidc_key_set() -> Path:
    """Return the file of the local keys of OpenID Connect, created at the first start."""
    return data_directory() / "oidc-keys.json"


def local_key_set() -> Path:
    """Return the file of the local keys, created at the first start."""
    return data_directory() / "keys.json"
