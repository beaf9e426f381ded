"""Settings of the pages that auth serves under `/auth/`. They need `DOORWARD_PUBLIC_URL`."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from doorward_client.settings import DoorwardSettings, require_together


class PageSettings(DoorwardSettings):
    """The look of the pages, and the captcha on them."""

    theme_dir: Path | None = Field(
        default=None,
        description="Folder with your `theme.css`, `logo.svg`, `texts.en.json` and `texts.de.json`, for the"
        " pages under `/auth/` (docs/pages.md). Unset: Doorward's own look.",
    )
    captcha_site_key: str | None = Field(
        default=None,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="Your site key at the captcha provider: the pages under `/auth/` show the captcha.",
    )
    captcha_script_url: str | None = Field(
        default=None,
        max_length=500,
        pattern=r"^https://[^?#\s;,'\"]+(\?[^#\s;,'\"]*)?$",
        description="The provider's script, for those pages:"
        " `https://challenges.cloudflare.com/turnstile/v0/api.js`.",
    )

    @model_validator(mode="after")
    def _key_and_script_go_together(self) -> Self:
        require_together(captcha_site_key=self.captcha_site_key, captcha_script_url=self.captcha_script_url)
        return self
