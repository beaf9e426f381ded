"""Settings of services that hash passwords or use the identity database."""

from typing import Annotated, Final, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from doorward_client.settings import DoorwardSettings
from doorward_identity.avatars.settings import AvatarSettings
from doorward_identity.emails import domain_of, email_key
from doorward_kit.settings import ServiceSettings

_KIB_A_LANE: Final = 8


class Argon2Settings(DoorwardSettings):
    """Argon2id parameters; the defaults are OWASP's floor (m=19 MiB, t=2, p=1)."""

    argon2_memory_kib: int = Field(default=19_456, ge=8, le=4_194_304, description="Memory of one hash, KiB.")
    argon2_time_cost: int = Field(default=2, ge=1, le=64, description="Passes over the memory.")
    argon2_parallelism: int = Field(default=1, ge=1, le=16, description="Lanes of one hash.")
    hash_threads: int = Field(
        default=0, ge=0, le=64, description="Hashes computed at once; 0: the number of usable cores."
    )
    hash_queue_timeout_seconds: float = Field(
        default=2.0, gt=0, le=30, description="Longest wait for a hash before 503."
    )

    @model_validator(mode="after")
    def _check_lane_memory(self) -> Self:
        if self.argon2_memory_kib < _KIB_A_LANE * self.argon2_parallelism:
            raise ValueError(
                f"DOORWARD_ARGON2_MEMORY_KIB is less than {_KIB_A_LANE} for each lane of"
                " DOORWARD_ARGON2_PARALLELISM (RFC 9106 section 3.1)"
            )
        return self


class RegistrationDomainSettings(DoorwardSettings):
    """Domains that users' own addresses belong to."""

    registration_domains: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Domains whose addresses may register, or be changed to; comma-separated. Administrators"
        " may set others, and get a warning.",
    )

    @field_validator("registration_domains", mode="before")
    @classmethod
    def _canonical_domains(cls, value: object) -> object:
        if isinstance(value, str):
            names = (name.strip() for name in value.split(","))
            return tuple(domain_of(email_key(f"user@{name}")) for name in names if name)
        return value

    def is_outside_domains(self, email_key: str) -> bool:
        """Tell whether there are domains, and the address belongs to none of them."""
        return bool(self.registration_domains) and domain_of(email_key) not in self.registration_domains


class IdentitySettings(ServiceSettings, Argon2Settings, AvatarSettings, RegistrationDomainSettings):
    """Settings of every service on the identity database."""

    max_upload_bytes: int = Field(
        default=1_048_576,
        ge=65_536,
        le=16_777_216,
        description="Maximum size of a request body with a picture. Proxies in front have their own limit.",
    )

    access_token_seconds: int = Field(
        default=300, ge=5, le=3600, description="Lifetime of an access token, the same for every service."
    )
