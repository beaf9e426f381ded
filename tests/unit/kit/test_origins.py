"""Which texts are origins that pages may be allowed by."""

import pytest

from doorward_client.settings import SettingsError, load_settings
from doorward_kit.origins import check_origin
from doorward_kit.settings import ServiceSettings

GOOD = (
    "https://app.example.com",
    "https://app.example.com:8443",
    "https://xn--bcher-kva.example",
    "http://localhost:5173",
    "http://app.localhost",
    "http://127.0.0.1:3000",
    "http://[::1]:3000",
    "https://[2001:db8::1]",
)
BAD = (
    "*",
    "null",
    "https://*.example.com",
    "https://app.example.com/",
    "https://app.example.com/path",
    "https://App.example.com",
    "HTTPS://app.example.com",
    "https://app.example.com:443",
    "http://localhost:80",
    "http://app.example.com",
    "http://192.168.1.5:3000",
    "app.example.com",
    "//app.example.com",
    "ftp://app.example.com",
    "https://user@app.example.com",
    "https://bücher.example",
    "https://app.example.com:0",
    "https://",
    "https://app.example.com\r\nset-cookie: a=b",
)


@pytest.mark.parametrize("text", GOOD)
def test_an_origin_as_browsers_send_it_is_accepted(text: str) -> None:
    assert check_origin(text) == text


@pytest.mark.parametrize("text", BAD)
def test_what_no_browser_sends_or_anyone_could_be_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|names) "):
        check_origin(text)


def settings(monkeypatch: pytest.MonkeyPatch, origins: str) -> ServiceSettings:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", "sqlite://")
    monkeypatch.setenv("DOORWARD_SECRET_KEY", "Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5")
    monkeypatch.setenv("DOORWARD_ALLOWED_ORIGINS", origins)
    return load_settings(ServiceSettings)


def test_the_setting_is_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(monkeypatch, "https://a.example, http://localhost:5173,")
    assert given.allowed_origins == ("https://a.example", "http://localhost:5173")


@pytest.mark.parametrize("text", ["https://a.example/", "*", "http://a.example", "https://a.example,null"])
def test_a_bad_origin_refuses_to_start_with_one_line(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(SettingsError) as rejected:
        settings(monkeypatch, text)
    assert str(rejected.value).startswith("DOORWARD_ALLOWED_ORIGINS is ")
    assert "\n" not in str(rejected.value)
