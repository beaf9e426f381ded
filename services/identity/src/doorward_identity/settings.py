"""Settings of whoever hashes passwords or serves accounts."""

from pydantic import Field

from doorward_common.settings import DoorwardSettings, ServiceSettings


class Argon2Settings(DoorwardSettings):
    """Argon2id parameters; the defaults are OWASP's floor (m=19 MiB, t=2, p=1)."""

    argon2_memory_kib: int = Field(default=19_456, ge=8, le=4_194_304, description="Memory of one hash, KiB.")
    argon2_time_cost: int = Field(default=2, ge=1, le=64, description="Passes over the memory.")
    argon2_parallelism: int = Field(default=1, ge=1, le=16, description="Lanes of one hash.")
    argon2_threads: int = Field(default=0, ge=0, le=64, description="Hashes at once; 0: the usable cores.")
    argon2_deadline_seconds: float = Field(
        default=2.0, gt=0, le=30, description="Longest wait for a hash before 503."
    )


class IdentitySettings(ServiceSettings, Argon2Settings):
    """What every service on the identity database needs to know."""

    access_token_seconds: int = Field(
        default=300, ge=5, le=3600, description="Lifetime of an access token, the same for every service."
    )
