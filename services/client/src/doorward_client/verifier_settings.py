"""Settings of a service that verifies access tokens."""

import time
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from doorward_client.internal_http import AuthCredentials
from doorward_client.keys.key_set import KeySet
from doorward_client.keys.key_store import KeyStore
from doorward_client.keys.secret_strength import check_secret
from doorward_client.loopback import is_loopback
from doorward_client.revocations.revocation_list import StalePolicy
from doorward_client.settings import DoorwardSettings, SettingsError, raw_value
from doorward_client.tokens import MAX_LEEWAY_SECONDS

AUTH_PATH: Final = "/api/v1/auth"
"""Where auth is, below the public URL."""


class VerifierSettings(DoorwardSettings):
    """Which access tokens are valid, and where their keys and revocations come from."""

    # `secret_key` looks at the values of the two fields before it.
    jwks: SecretStr | None = Field(
        default=None,
        description="A JWK set, made by `doorward rotate-key`, for ES256 or for several keys."
        " `DOORWARD_JWKS_FILE` is read again when the file changes.",
    )
    jwks_file: Path | None = Field(
        default=None, description="Path of the JWK set; reloaded when the file changes."
    )
    auth_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="URL of the auth service (`http://auth:8000/api/v1/auth`), for public keys with ES256,"
        " and for the revocation list in services without the identity database.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="The one HS256 key of access tokens, 32 bytes or more, the same in every service.",
    )
    client_id: str = Field(default="", description="Id of this service at auth.")
    client_secret: SecretStr | None = Field(
        default=None, description="Secret of this service at auth, from its `DOORWARD_OAUTH_CLIENTS`."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis or Valkey (`redis://:password@host:6379/0`): revocations arrive at once instead of"
        " with the next poll.",
    )
    redis_password: SecretStr | None = Field(
        default=None,
        description="Password of Redis, with any characters, if `DOORWARD_REDIS_URL` has none.",
    )
    public_url: str | None = Field(
        default=None,
        pattern=r"^https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$",
        description="Address under which browsers reach this installation, without a path, the same in every"
        " service: `https://id.example.com`. `http` only for this machine. OpenID Connect, and `oidc` and"
        " `oauth2` upstreams, need it.",
    )
    issuer: str = Field(
        default="doorward",
        min_length=1,
        description="`iss` of every token, the same in every service. With `DOORWARD_PUBLIC_URL` it is that"
        f" and `{AUTH_PATH}`.",
    )
    audience: str = Field(
        default="doorward", min_length=1, description="`aud` of access tokens, the same in every service."
    )
    revocation_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="Interval at which the revocation list is polled."
    )
    revocation_max_age_seconds: float = Field(
        default=10.0, gt=0, description="Age from which the revocation list is stale."
    )
    revocation_stale_policy: StalePolicy = Field(
        default=StalePolicy.ALLOW,
        description="While the list is stale: `allow` valid tokens and log a warning, or `deny` with 503."
        " Before the first list every token is answered with 503.",
    )
    token_leeway_seconds: int = Field(
        default=0, ge=0, le=MAX_LEEWAY_SECONDS, description="Tolerated difference of clocks."
    )

    @model_validator(mode="before")
    @classmethod
    def _redis_url_with_password(cls, values: dict[str, object]) -> dict[str, object]:
        """Insert the password into the URL, the only form that Redis clients read."""
        url, password = raw_value(values.get("redis_url")), raw_value(values.get("redis_password"))
        if url is None or password is None:
            return values
        parsed = urlsplit(url)
        if parsed.password is not None or not parsed.hostname:
            return values
        netloc = f"{parsed.username or ''}:{quote(password, safe='')}@{parsed.netloc.rpartition('@')[2]}"
        return {**values, "redis_url": parsed._replace(netloc=netloc).geturl()}

    @model_validator(mode="before")
    @classmethod
    def _issuer_of_public_url(cls, values: dict[str, object]) -> dict[str, object]:
        """One issuer for all tokens: the address that OpenID clients know (OpenID Connect Core section 2)."""
        public_url, issuer = values.get("public_url"), values.get("issuer")
        if not isinstance(public_url, str):
            return values
        derived = f"{public_url}{AUTH_PATH}"
        if issuer not in (None, derived):
            raise ValueError(
                f"DOORWARD_ISSUER differs from what DOORWARD_PUBLIC_URL makes it, {derived}; unset it"
            )
        return {**values, "issuer": derived}

    @field_validator("redis_url")
    @classmethod
    def _usable_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not _is_redis_url(value.get_secret_value()):
            raise ValueError("is not a URL of Redis or Valkey (redis://:password@host:6379/0)")
        return value

    @field_validator("public_url")
    @classmethod
    def _safe_public_url(cls, value: str | None) -> str | None:
        # Cookies and codes cross the network.
        if (
            value is not None
            and value.startswith("http://")
            and not is_loopback(urlsplit(value).hostname or "")
        ):
            raise ValueError("begins with http://, which is for this machine alone; use https://")
        return value

    @field_validator("secret_key")
    @classmethod
    def _strong_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            check_secret(value.get_secret_value().encode("utf-8"))
        elif not any(info.data.get(other, "invalid") for other in ("jwks", "auth_url")):
            raise ValueError(
                "is not set (nor DOORWARD_SECRET_KEY_FILE, DOORWARD_JWKS_FILE, or DOORWARD_AUTH_URL for"
                " published keys)"
            )
        return value

    @field_validator("jwks")
    @classmethod
    def _usable_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            KeySet.parse(value.get_secret_value())
        return value

    @model_validator(mode="after")
    def _one_source_of_keys(self) -> Self:
        if self.secret_key is not None and self.jwks is not None:
            raise ValueError(
                "DOORWARD_SECRET_KEY and DOORWARD_JWKS are both set; `doorward rotate-key` copies the"
                " one key into the set, so unset it"
            )
        if self.jwks_file is not None and self.jwks is not None:
            self._require_same_keys(self.jwks_file, self.jwks.get_secret_value())
        return self

    @staticmethod
    def _require_same_keys(path: Path, text: str) -> None:
        try:
            in_file = KeySet.parse(path.read_bytes())
        except OSError as error:
            raise ValueError(
                f"DOORWARD_JWKS_FILE names a file that cannot be read: {path} ({error.strerror})"
            ) from None
        # The file replaces the set within a second, so a different set would be lost.
        if in_file.keys.keys() != KeySet.parse(text).keys.keys():
            raise ValueError("DOORWARD_JWKS and DOORWARD_JWKS_FILE are both set, and differ")

    @property
    def keys_are_published(self) -> bool:
        """Whether the public keys come from auth."""
        return self.secret_key is None and self.jwks is None

    def auth_credentials(self, *, purpose: str) -> AuthCredentials:
        """Return the access to auth, needed for `purpose` (`to load ...`); raises SettingsError."""
        if self.auth_url is None or not self.client_id or self.client_secret is None:
            raise SettingsError(
                f"DOORWARD_AUTH_URL, DOORWARD_CLIENT_ID and DOORWARD_CLIENT_SECRET must all be set {purpose}"
            )
        return AuthCredentials(self.auth_url, self.client_id, self.client_secret.get_secret_value())

    def key_store(self) -> KeyStore:
        """Return a store of the configured keys, empty if auth publishes them."""
        return KeyStore(self._keys(), problem=self.key_problem)

    def key_problem(self, key_set: KeySet) -> str | None:
        """Return what a key set lacks for this service, or None."""
        is_active = any(key.is_active(time.time()) for key in key_set.keys.values())
        return None if is_active or self.keys_are_published else "has no key that is active now"

    def _keys(self) -> KeySet:
        if self.secret_key is not None:
            return KeySet.of_secret(self.secret_key.get_secret_value())
        return KeySet({}) if self.jwks is None else KeySet.parse(self.jwks.get_secret_value())

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        problem = self.key_problem(self._keys())
        if problem is not None:
            raise ValueError(f"the key set {problem}")
        return self


def _is_redis_url(text: str) -> bool:
    try:
        port = urlsplit(text).port
    except ValueError:  # it is no number
        return False
    return text.startswith(("redis://", "rediss://", "unix://")) and port != 0
