"""Valid and invalid combinations of captcha settings."""

import pytest

from doorward_auth.captcha.settings import CaptchaAction, CaptchaSettings, OnProviderError
from doorward_client.settings import SettingsError, load_settings

URL = "https://captcha.example/siteverify"


def loaded(monkeypatch: pytest.MonkeyPatch, **env: str) -> CaptchaSettings:
    for name, value in env.items():
        monkeypatch.setenv(f"DOORWARD_CAPTCHA_{name}", value)
    return load_settings(CaptchaSettings)


def test_captchas_are_off_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)
    assert settings.captcha_verify_url is None
    assert settings.captcha_secret is None
    assert settings.captcha_on_error is OnProviderError.ALLOW


def test_all_actions_require_a_captcha_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(loaded(monkeypatch, VERIFY_URL=URL, SECRET="s").captcha_required_for) == set(CaptchaAction)
    named = loaded(monkeypatch, REQUIRED_FOR="login, password_reset")
    assert named.captcha_required_for == (CaptchaAction.LOGIN, CaptchaAction.PASSWORD_RESET)


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"VERIFY_URL": URL}, "^DOORWARD_CAPTCHA_SECRET must be set, too"),
        ({"SECRET": "s"}, "^DOORWARD_CAPTCHA_VERIFY_URL must be set, too"),
        ({"VERIFY_URL": "ftp://captcha.example/x", "SECRET": "s"}, "DOORWARD_CAPTCHA_VERIFY_URL"),
        ({"VERIFY_URL": URL + "?secret=s", "SECRET": "s"}, "DOORWARD_CAPTCHA_VERIFY_URL"),
        ({"VERIFY_URL": URL, "SECRET": "s", "REQUIRED_FOR": "window"}, "DOORWARD_CAPTCHA_REQUIRED_FOR"),
        ({"TIMEOUT_SECONDS": "0"}, "DOORWARD_CAPTCHA_TIMEOUT_SECONDS"),
        ({"ON_ERROR": "panic"}, "DOORWARD_CAPTCHA_ON_ERROR"),
    ],
)
def test_invalid_settings_are_rejected(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        loaded(monkeypatch, **env)
