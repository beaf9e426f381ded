"""Settings of the captcha."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from doorward_client.settings import DoorwardSettings


class CaptchaAction(StrEnum):
    """Where a captcha may be asked for."""

    REGISTER = "register"
    LOGIN = "login"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - a door's name


class OnProviderError(StrEnum):
    """What becomes of requests while the captcha's service does not answer."""

    ALLOW = "allow"
    DENY = "deny"


class CaptchaSettings(DoorwardSettings):
    """Off while no address is set."""

    captcha_verify_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+$",
        description="Where tokens of a captcha are verified, in the form that Turnstile, hCaptcha and"
        " reCAPTCHA share: `https://challenges.cloudflare.com/turnstile/v0/siteverify`. None: no captcha.",
    )
    captcha_secret: SecretStr | None = Field(
        default=None, description="The secret that the captcha's service knows you by."
    )
    captcha_required_for: Annotated[tuple[CaptchaAction, ...], NoDecode] = Field(
        default=tuple(CaptchaAction),
        description="Where it is asked for, comma-separated: `register`, `login` (after failures),"
        " `password_reset`.",
    )
    captcha_login_failures: int = Field(
        default=3,
        ge=0,
        le=100,
        description="Wrong passwords for one account after which logins from unknown devices need it, and ten"
        " times as many from one address; 0: always.",
    )
    captcha_timeout_seconds: float = Field(
        default=3.0, gt=0, le=30, description="Longest wait for the captcha's service."
    )
    captcha_on_error: OnProviderError = Field(
        default=OnProviderError.ALLOW,
        description="While the provider is unavailable: `allow` requests (the rate limits still hold), or"
        " `deny` them with 503.",
    )

    @field_validator("captcha_required_for", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(one.strip() for one in value.split(",") if one.strip())
        return value

    @model_validator(mode="after")
    def _secret_goes_with_its_service(self) -> Self:
        if (self.captcha_verify_url is None) != (self.captcha_secret is None):
            raise ValueError(
                "DOORWARD_CAPTCHA_VERIFY_URL and DOORWARD_CAPTCHA_SECRET go together: one is set"
            )
        return self
