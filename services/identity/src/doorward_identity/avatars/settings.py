"""Settings of pictures."""

from enum import StrEnum
from typing import Self

from pydantic import Field, SecretStr, model_validator

from doorward_client.settings import DoorwardSettings
from doorward_kit.certificates import CaPath


class AvatarStorage(StrEnum):
    """Where pictures are stored."""

    DATABASE = "database"
    S3 = "s3"


class AvatarSettings(DoorwardSettings):
    """Settings of services that store pictures. They are the same for all of them."""

    avatar_store: AvatarStorage = Field(
        default=AvatarStorage.DATABASE,
        description="Where new pictures are stored: `database`, or `s3` for S3-compatible storage.",
    )
    s3_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@]+/?$",
        description="URL of the S3-compatible storage, without the bucket. Default: AWS, by the region.",
    )
    s3_bucket: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$",
        description="Bucket of the pictures. Required with `s3`. It stays private.",
    )
    s3_prefix: str = Field(
        default="avatars",
        pattern=r"^[A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*$",
        max_length=200,
        description="Beginning of the names of all objects.",
    )
    s3_region: str = Field(
        default="us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the bucket, for signatures."
    )
    s3_access_key_id: SecretStr | None = Field(
        default=None,
        description="Access key id. Required with `s3`. It needs to get, put and delete objects.",
    )
    s3_secret_access_key: SecretStr | None = Field(
        default=None, description="Secret of `DOORWARD_S3_ACCESS_KEY_ID`."
    )
    s3_ca_file: CaPath | None = Field(
        default=None,
        description="PEM file of the certificate authority of the storage. Default: public authorities.",
    )
    s3_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Timeout of one request to the storage, with its repetitions."
    )

    @model_validator(mode="after")
    def _check_storage(self) -> Self:
        if self.avatar_store is AvatarStorage.DATABASE:
            return self
        required = {
            "DOORWARD_S3_BUCKET": self.s3_bucket,
            "DOORWARD_S3_ACCESS_KEY_ID": self.s3_access_key_id,
            "DOORWARD_S3_SECRET_ACCESS_KEY": self.s3_secret_access_key,
        }
        missing = [name for name, value in required.items() if value is None]
        if missing:
            raise ValueError(f"DOORWARD_AVATAR_STORE=s3 requires {', '.join(missing)}")
        return self
