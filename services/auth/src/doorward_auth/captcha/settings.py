"""Settings of the captcha."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from doorward_client.settings import DoorwardSettings, require_together


class CaptchaAction(StrEnum):
    """The actions that a captcha can be required for."""

    REGISTER = "register"
    LOGIN = "login"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - an action's name


class OnProviderError(StrEnum):
    """The handling of requests while the provider is unavailable."""

    ALLOW = "allow"
    DENY = "deny"


class CaptchaSettings(DoorwardSettings):
    """The captcha is off unless a URL is set."""

    captcha_verify_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#\s]+$",
        description="URL that verifies captcha tokens, of Turnstile, hCaptcha or reCAPTCHA:"
        " `https://challenges.cloudflare.com/turnstile/v0/siteverify`. Unset: no captcha.",
    )
    captcha_secret: SecretStr | None = Field(
        default=None, description="Your secret key at the captcha provider."
    )
    captcha_required_for: Annotated[tuple[CaptchaAction, ...], NoDecode] = Field(
        default=tuple(CaptchaAction),
        description="Actions that need a captcha, comma-separated: `register`, `login` (after failures),"
        " `password_reset`.",
    )
    captcha_login_failures: int = Field(
        default=3,
        ge=0,
        le=100,
        description="Logins from unknown devices need a captcha after this many wrong passwords for the"
        " account, or ten times as many from the IP address; 0: always.",
    )
    captcha_timeout_seconds: float = Field(
        default=3.0, gt=0, le=30, description="Longest wait for the captcha provider."
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
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _url_and_secret_go_together(self) -> Self:
        require_together(captcha_verify_url=self.captcha_verify_url, captcha_secret=self.captcha_secret)
        return self
