"""The headers of a page: nothing is loaded from another host, and no other site can frame it.

Referrer-Policy and X-Content-Type-Options are on every response of a service (doorward_kit.middleware).
"""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

_DIRECTIVES: Final[Mapping[str, str]] = {
    "default-src": "'none'",
    "style-src": "'self'",
    "img-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
_OF_WIDGETS: Final = ("script-src", "frame-src", "connect-src", "style-src")

# As each provider documents them: its script loads more from other hosts than its own.
_HCAPTCHA: Final = dict.fromkeys(_OF_WIDGETS, "https://hcaptcha.com https://*.hcaptcha.com")
"""https://docs.hcaptcha.com/#content-security-policy-settings"""

_RECAPTCHA_HOSTS: Final = ("www.google.com", "www.recaptcha.net")


def page_headers(widget_url: str | None = None) -> dict[str, str]:
    """Return a page's headers; `widget_url` is a script of another host that this page needs (a captcha)."""
    directives = dict(_DIRECTIVES)
    if widget_url is not None:
        for name, sources in _widget_sources(widget_url).items():
            directives[name] = f"{directives[name]} {sources}" if name in directives else sources
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in directives.items()),
        "X-Frame-Options": "DENY",
        "Cache-Control": "no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


def _widget_sources(url: str) -> Mapping[str, str]:
    """Return what each directive allows for a captcha's script: of an unknown provider its origin alone."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "hcaptcha.com" or host.endswith(".hcaptcha.com"):
        return _HCAPTCHA
    if host in _RECAPTCHA_HOSTS and parts.path.startswith("/recaptcha/"):
        return _recaptcha(f"https://{host}/recaptcha/")
    return dict.fromkeys(_OF_WIDGETS, f"{parts.scheme}://{parts.netloc}")


def _recaptcha(own: str) -> Mapping[str, str]:
    """https://developers.google.com/recaptcha/docs/faq: no more of Google's hosts than these paths."""
    assets = "https://www.gstatic.com/recaptcha/"
    return {
        "script-src": f"{own} {assets}",
        "frame-src": f"{own} https://recaptcha.google.com/recaptcha/",
        "connect-src": own,
        "style-src": assets,
    }
