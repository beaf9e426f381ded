"""Settings of the auth service."""

from typing import Final

from pydantic import Field

from doorward_identity.settings import IdentitySettings

_DAY: Final = 86_400


class AuthSettings(IdentitySettings):
    """What the auth service needs to know besides what every service does."""

    refresh_idle_seconds: int = Field(
        default=14 * _DAY, ge=60, description="A session ends when it was not refreshed for this long."
    )
    refresh_absolute_seconds: int = Field(
        default=90 * _DAY, ge=60, description="A session ends this long after its login."
    )
    refresh_grace_seconds: int = Field(
        default=10, ge=0, le=60, description="How long a refresh that was just used may be repeated."
    )
