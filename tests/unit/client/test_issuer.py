"""One issuer for every token: the address under which browsers reach the installation."""

import pytest

from doorward_client.settings import SettingsError, load_settings
from doorward_client.verifier_settings import VerifierSettings

KEY = "Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)


def issuer(monkeypatch: pytest.MonkeyPatch, **variables: str) -> str:
    for name, value in variables.items():
        monkeypatch.setenv(f"DOORWARD_{name}", value)
    return load_settings(VerifierSettings).issuer


def test_it_follows_from_the_public_url(monkeypatch: pytest.MonkeyPatch) -> None:
    assert issuer(monkeypatch) == "doorward"
    derived = "https://id.example.com/api/v1/auth"
    assert issuer(monkeypatch, PUBLIC_URL="https://id.example.com") == derived
    assert issuer(monkeypatch, ISSUER=derived) == derived
    # An empty variable is no setting: Compose passes each of them.
    assert issuer(monkeypatch, ISSUER="") == derived


def test_alone_it_may_be_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert issuer(monkeypatch, ISSUER="team") == "team"


@pytest.mark.parametrize(
    "other", ["doorward", "https://id.example.com", "https://id.example.com/api/v1/auth/"]
)
def test_two_different_issuers_refuse_to_start(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    with pytest.raises(
        SettingsError, match=r"DOORWARD_ISSUER differs .* https://id\.example\.com/api/v1/auth"
    ):
        issuer(monkeypatch, PUBLIC_URL="https://id.example.com", ISSUER=other)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080",
        "http://localhost:8080",
        "http://[::1]:8080",
        "https://id.example.com",
        "https://id.example.com:8443",
        "https://10.0.0.1",
    ],
)
def test_an_origin_is_a_public_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    assert issuer(monkeypatch, PUBLIC_URL=url) == f"{url}/api/v1/auth"


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.com",
        "http://10.0.0.1:8080",
        "http://localhost.example.com",
        "http://127.0.0.1@evil.example",
        "https://id.example.com/",
        "https://id.example.com/doorward",
        "https://id.example.com?x",
        "https://id.example.com#x",
        "https://user:password@id.example.com",
        "ftp://id.example.com",
        "id.example.com",
        "https://",
        "https://[::1",
    ],
)
def test_other_urls_refuse_to_start(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(SettingsError, match="DOORWARD_PUBLIC_URL"):
        issuer(monkeypatch, PUBLIC_URL=url)
