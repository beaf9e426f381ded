"""The settings and services behind all pages of an installation, made once for each process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import urlsplit

from doorward_auth.page_settings import PageSettings
from doorward_ui.cookies import Cookies
from doorward_ui.form_protection import FormProtection
from doorward_ui.pages import Pages
from doorward_ui.theme import load_theme

PREFIX: Final = "/auth"
DEVICE_COOKIE: Final = "doorward_device"
LANGUAGE_COOKIE: Final = "doorward_language"
REGISTRATION_COOKIE: Final = "doorward_registration"

YEAR_SECONDS: Final = 31_536_000

_PACKAGE: Final = "doorward_auth.pages"


@dataclass(frozen=True, slots=True)
class CaptchaWidget:
    """The parts of a page that show a captcha."""

    site_key: str
    script_url: str


@dataclass(frozen=True, slots=True)
class PageSite:
    """The templates, cookies and protection of forms; off without a public URL."""

    is_on: bool
    is_secure: bool
    pages: Pages
    cookies: Cookies
    forms: FormProtection
    captcha: CaptchaWidget | None

    @classmethod
    def create(
        cls,
        settings: PageSettings,
        *,
        public_url: str | None,
        product: str,
        secrets_of: Callable[[], Sequence[bytes]],
    ) -> Self:
        """Load templates, texts and the theme; raises SettingsError."""
        # Without a public URL nothing is served, so that this one is never shown.
        url = public_url or "https://localhost"
        is_secure = urlsplit(url).scheme == "https"
        cookies = Cookies(is_secure=is_secure)
        key, script = settings.captcha_site_key, settings.captcha_script_url
        return cls(
            is_on=public_url is not None,
            is_secure=is_secure,
            pages=Pages(_PACKAGE, load_theme(settings.theme_dir), prefix=f"{PREFIX}/static", product=product),
            cookies=cookies,
            forms=FormProtection(secrets_of, cookies, url),
            captcha=None if key is None or script is None else CaptchaWidget(key, script),
        )
