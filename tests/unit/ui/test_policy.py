"""The policy of a page: what it may load, and what more for its captcha."""

import pytest

from doorward_ui.policy import page_headers

OWN = {
    "default-src": ["'none'"],
    "style-src": ["'self'"],
    "img-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
HCAPTCHA = ["https://hcaptcha.com", "https://*.hcaptcha.com"]
GOOGLE, ASSETS = "https://www.google.com/recaptcha/", "https://www.gstatic.com/recaptcha/"
ELSEWHERE = "https://www.recaptcha.net/recaptcha/"


def policy(widget_url: str | None = None) -> dict[str, list[str]]:
    directives = page_headers(widget_url)["Content-Security-Policy"].split("; ")
    return {name: sources for name, *sources in map(str.split, directives)}


def policy_with_widget(
    script: list[str], frame: list[str], connect: list[str], style: list[str]
) -> dict[str, list[str]]:
    more = {"script-src": script, "frame-src": frame, "connect-src": connect}
    return {**OWN, **more, "style-src": ["'self'", *style]}


def test_a_page_loads_nothing_from_elsewhere() -> None:
    assert policy() == OWN


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "https://challenges.cloudflare.com/turnstile/v0/api.js",
            policy_with_widget(*[["https://challenges.cloudflare.com"]] * 4),
        ),
        ("https://js.hcaptcha.com/1/api.js", policy_with_widget(*[HCAPTCHA] * 4)),
        ("https://hcaptcha.com/1/api.js?hl=de", policy_with_widget(*[HCAPTCHA] * 4)),
        (
            "https://www.google.com/recaptcha/api.js",
            policy_with_widget(
                [GOOGLE, ASSETS], [GOOGLE, "https://recaptcha.google.com/recaptcha/"], [GOOGLE], [ASSETS]
            ),
        ),
        (
            "https://www.recaptcha.net/recaptcha/api.js",
            policy_with_widget(
                [ELSEWHERE, ASSETS],
                [ELSEWHERE, "https://recaptcha.google.com/recaptcha/"],
                [ELSEWHERE],
                [ASSETS],
            ),
        ),
        (
            "https://captcha.example.com/api.js?x=1",
            policy_with_widget(*[["https://captcha.example.com"]] * 4),
        ),
        # Names that only look like a provider's.
        ("https://evilhcaptcha.com/api.js", policy_with_widget(*[["https://evilhcaptcha.com"]] * 4)),
        ("https://www.google.com/other.js", policy_with_widget(*[["https://www.google.com"]] * 4)),
    ],
)
def test_a_captcha_adds_what_its_provider_documents(url: str, expected: dict[str, list[str]]) -> None:
    assert policy(url) == expected
