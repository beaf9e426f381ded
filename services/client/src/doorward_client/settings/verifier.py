"""Settings of whoever verifies access tokens."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator

from doorward_client.keys.key_set import KeySet
from doorward_client.keys.key_store import KeyStore
from doorward_client.keys.secret_strength import check_secret
from doorward_client.revocations.revocation_list import StalePolicy
from doorward_client.settings.base import DoorwardSettings, SettingsError, plain
from doorward_client.tokens import MAX_LEEWAY_SECONDS


@dataclass(frozen=True, slots=True)
class AuthClient:
    """Where auth answers, and as whom a service asks it."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)


class VerifierSettings(DoorwardSettings):
    """Whose tokens are believed, and how long after their end."""

    jwks: SecretStr | None = Field(
        default=None,
        description="A JWK set instead of the one key, made by `doorward rotate-key`: several keys, or ES256."
        " As `DOORWARD_JWKS_FILE` it is read again when the file changes.",
    )
    jwks_file: Path | None = Field(default=None, description="The file of `DOORWARD_JWKS_FILE`.")
    auth_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+[^/?#\s]$",
        description="Where the auth service answers (`http://auth:8000/api/v1/auth`): with ES256, for the"
        " public keys; for a service without the identity database, for the list of revoked tokens.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        validate_default=True,
        description="The one HS256 key of access tokens, 32 bytes or more, the same for every service.",
    )
    client_id: str = Field(default="", description="The name that this service has with auth.")
    client_secret: SecretStr | None = Field(
        default=None, description="Its secret there (`DOORWARD_OAUTH_CLIENTS` of auth)."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="Redis or Valkey (`redis://:password@host:6379/0`), for news of revocations at once.",
    )
    redis_password: SecretStr | None = Field(
        default=None,
        description="Its password, of whatever characters, where `DOORWARD_REDIS_URL` has none.",
    )
    issuer: str = Field(default="doorward", min_length=1, description="`iss` of access tokens.")
    audience: str = Field(default="doorward", min_length=1, description="`aud` of access tokens.")
    revocation_poll_seconds: float = Field(
        default=1.0, gt=0, le=60, description="How often the list of revoked tokens is brought up to date."
    )
    revocation_max_age_seconds: float = Field(
        default=10.0, gt=0, description="Age at which the list counts as stale."
    )
    revocation_stale_policy: StalePolicy = Field(
        default=StalePolicy.ALLOW,
        description="With a stale list: `allow` tokens and log it, or `deny` them with 503.",
    )
    token_leeway_seconds: int = Field(
        default=0, ge=0, le=MAX_LEEWAY_SECONDS, description="Clock difference to forgive."
    )

    @model_validator(mode="before")
    @classmethod
    def _redis_url_with_password(cls, given: dict[str, object]) -> dict[str, object]:
        """Put the password into the URL, which is what everybody reads."""
        url, password = plain(given.get("redis_url")), plain(given.get("redis_password"))
        if url is None or password is None:
            return given
        parsed = urlsplit(url)
        if parsed.password is not None or not parsed.hostname:
            return given
        place = f"{parsed.username or ''}:{quote(password, safe='')}@{parsed.netloc.rpartition('@')[2]}"
        return {**given, "redis_url": parsed._replace(netloc=place).geturl()}

    @field_validator("secret_key")
    @classmethod
    def _strong_key(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is not None:
            check_secret(value.get_secret_value().encode("utf-8"))
        elif not any(info.data.get(other) for other in ("jwks", "auth_url")):
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
                "DOORWARD_SECRET_KEY and DOORWARD_JWKS are both set; `doorward rotate-key` puts the"
                " one key into the set, and then it is to be unset"
            )
        if self.jwks_file is not None and self.jwks is not None:
            self._require_same_keys(self.jwks_file, self.jwks.get_secret_value())
        return self

    @staticmethod
    def _require_same_keys(path: Path, text: str) -> None:
        # The file is followed from now on: what was set beside it would be gone within a second.
        if KeySet.parse(path.read_bytes()).keys.keys() != KeySet.parse(text).keys.keys():
            raise ValueError("DOORWARD_JWKS and DOORWARD_JWKS_FILE are both set, and differ")

    @property
    def keys_are_published(self) -> bool:
        """Whether the keys come from auth, which alone can sign."""
        return self.secret_key is None and self.jwks is None

    def auth_client(self, *, purpose: str) -> AuthClient:
        """Say how auth is asked, which is needed `purpose` (`to learn ...`); raises SettingsError."""
        if self.auth_url is None or not self.client_id or self.client_secret is None:
            raise SettingsError(
                "DOORWARD_AUTH_URL, DOORWARD_CLIENT_ID and DOORWARD_CLIENT_SECRET are needed, all three,"
                f" {purpose}"
            )
        return AuthClient(self.auth_url, self.client_id, self.client_secret.get_secret_value())

    def key_ring(self) -> KeyStore:
        """Make the ring of the keys that are set; it is empty where they are published."""
        return KeyStore(self._keys(), problem=self.key_problem)

    def key_problem(self, key_set: KeySet) -> str | None:
        """Say what a set of keys lacks for this service, or None."""
        is_active = any(key.is_active(time.time()) for key in key_set.keys.values())
        return None if is_active or self.keys_are_published else "has no key that is active now"

    def _keys(self) -> KeySet:
        if self.secret_key is not None:
            return KeySet.of_secret(self.secret_key.get_secret_value())
        return KeySet({}) if self.jwks is None else KeySet.parse(self.jwks.get_secret_value())

    @model_validator(mode="after")
    def _keys_can_work(self) -> Self:
        problem = self.key_problem(self._keys())
        if problem is not None:
            raise ValueError(f"the set of keys of tokens {problem}")
        return self
