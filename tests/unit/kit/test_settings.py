import json
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from doorward_auth.settings import AuthSettings
from doorward_client.keys.key_set import ES256, HS256
from doorward_client.settings import SettingsError, load_settings
from doorward_kit.key_rotation import new_jwk
from doorward_kit.settings import ServiceSettings

KEY = "Zq3v9y2Bt6w1z5C8F4Ja7NcRfUjXn2r5"
URL = "mysql+pymysql://u:p@db/doorward"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "SECRET_KEY", "LOG_LEVEL"):
        monkeypatch.delenv("DOORWARD_" + name, raising=False)
    for name in ("MYSQL_HOST", "SECRET_KEY", "LOGLEVEL"):
        monkeypatch.delenv(name, raising=False)


def test_reads_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    monkeypatch.setenv("DOORWARD_TRUSTED_PROXIES", "10.0.0.0/8, ::1/128")
    settings = load_settings(ServiceSettings)
    assert settings.database_url.get_secret_value() == URL
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "::1/128"]


def test_reads_mounted_files_without_their_last_line_break(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY + "\n")
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_SECRET_KEY_FILE", str(tmp_path / "key"))
    assert load_settings(ServiceSettings).secret_key == SecretStr(KEY)


def test_a_password_outside_the_url_may_have_any_characters(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("p@ss/w:rd%\n")
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    monkeypatch.setenv("DOORWARD_DATABASE_URL", "mysql+pymysql://u@db/doorward")
    monkeypatch.setenv("DOORWARD_DATABASE_PASSWORD_FILE", str(tmp_path / "password"))
    url = sa.make_url(load_settings(ServiceSettings).database_url.get_secret_value())
    assert (url.username, url.password, url.host) == ("u", "p@ss/w:rd%", "db")


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://valkey:6379/0", "redis://:p%40ss%2Fw%3Ard%25@valkey:6379/0"),
        ("rediss://me@valkey/0?timeout=1", "rediss://me:p%40ss%2Fw%3Ard%25@valkey/0?timeout=1"),
        ("redis://[::1]:6379", "redis://:p%40ss%2Fw%3Ard%25@[::1]:6379"),
        ("redis://:its-own@valkey:6379/0", "redis://:its-own@valkey:6379/0"),
    ],
)
def test_a_redis_password_can_be_set_outside_the_url(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str, whole: str
) -> None:
    (tmp_path / "password").write_text("p@ss/w:rd%\n")
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_REDIS_URL", url)
    monkeypatch.setenv("DOORWARD_REDIS_PASSWORD_FILE", str(tmp_path / "password"))
    assert load_settings(ServiceSettings).redis_url == SecretStr(whole)


@pytest.mark.parametrize("url", [URL, "sqlite:///doorward.db"])
def test_a_url_without_a_separate_password_is_unchanged(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    monkeypatch.setenv("DOORWARD_DATABASE_URL", url)
    monkeypatch.setenv("DOORWARD_DATABASE_PASSWORD", "another")
    assert load_settings(ServiceSettings).database_url.get_secret_value() == url


def test_the_variables_of_the_older_server_work(monkeypatch: pytest.MonkeyPatch) -> None:
    older = {
        "MYSQL_USER": "u",
        "MYSQL_PASSWORD": "p@ss/word",
        "MYSQL_DB": "auth",
        "MYSQL_HOST": "db",
        "MYSQL_PORT": "3307",
        "LOGLEVEL": "DEBUG",
        "SECRET_KEY": KEY,
    }
    for name, value in older.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(ServiceSettings)
    assert settings.database_url.get_secret_value() == "mysql+pymysql://u:p%40ss%2Fword@db:3307/auth"
    assert settings.log_level == "debug"
    assert settings.secret_key == SecretStr(KEY)


def test_our_variables_take_precedence_over_those_of_the_older_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LOGLEVEL", "debug")
    monkeypatch.setenv("DOORWARD_LOG_LEVEL", "error")
    settings = load_settings(ServiceSettings, database_url=SecretStr(URL), secret_key=SecretStr(KEY))
    assert settings.log_level == "error"


@pytest.mark.parametrize("variable", ["LOGLEVEL", "DOORWARD_LOG_LEVEL"])
@pytest.mark.parametrize(
    ("value", "level"), [("WARN", "warning"), ("Warning", "warning"), ("FATAL", "critical"), ("info", "info")]
)
def test_log_levels_accept_the_names_of_the_standard_library(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, level: str
) -> None:
    monkeypatch.setenv(variable, value)
    settings = load_settings(ServiceSettings, database_url=SecretStr(URL), secret_key=SecretStr(KEY))
    assert settings.log_level == level


def test_an_error_names_the_variable_that_was_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short\n")
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    for variable, value, complaint in (
        ("SECRET_KEY", "short", "^SECRET_KEY is shorter"),
        ("DOORWARD_SECRET_KEY_FILE", str(tmp_path / "key"), "^DOORWARD_SECRET_KEY_FILE is shorter"),
        ("DOORWARD_SECRET_KEY", "short", "^DOORWARD_SECRET_KEY is shorter"),
    ):
        monkeypatch.setenv(variable, value)
        with pytest.raises(SettingsError, match=complaint):
            load_settings(ServiceSettings)


def test_an_error_of_two_settings_names_the_variables_that_were_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "keys.json").write_text(key_set(new_jwk(HS256)))
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_SECRET_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.setenv("DOORWARD_JWKS_FILE", str(tmp_path / "keys.json"))
    with pytest.raises(SettingsError, match=r"^DOORWARD_SECRET_KEY_FILE and DOORWARD_JWKS_FILE are both set"):
        load_settings(ServiceSettings)


def test_an_invalid_port_of_the_older_server_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_HOST", "db")
    monkeypatch.setenv("MYSQL_PORT", "mysql")
    with pytest.raises(SettingsError, match=r"^MYSQL_PORT is not a number$"):
        load_settings(ServiceSettings, secret_key=SecretStr(KEY))


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("LOGLEVEL", "loud", "LOGLEVEL is not one of debug"),
        ("DOORWARD_SECRET_KEY", "short", "DOORWARD_SECRET_KEY is shorter than 32 bytes; generate one with"),
        ("DOORWARD_DATABASE_URL", "nonsense", "DOORWARD_DATABASE_URL is not a database URL"),
        ("DOORWARD_DATABASE_URL", "postgresql://h/d", "names a database other than"),
        ("DOORWARD_LOG_LEVEL", "loud", "DOORWARD_LOG_LEVEL is not one of debug"),
        (
            "DOORWARD_PORT",
            "99999",
            "DOORWARD_PORT: input should be less than or equal to 65535; expected: TCP",
        ),
        ("DOORWARD_AUTH_URL", "http://auth/", "; expected: URL of the auth service (`http://auth:8000/"),
        ("DOORWARD_TRUSTED_PROXIES", "proxy", "DOORWARD_TRUSTED_PROXIES"),
        ("DOORWARD_DATABASE_URL", "mysql://u@h:port/d", "DOORWARD_DATABASE_URL is not a database URL"),
        ("DOORWARD_REDIS_URL", "redis:6379", "DOORWARD_REDIS_URL is not a URL of Redis or Valkey"),
        ("DOORWARD_REDIS_URL", "redis://host:port", "DOORWARD_REDIS_URL is not a URL of Redis or Valkey"),
        ("DOORWARD_DATABASE_TLS_CA_FILE", "/nowhere.pem", "without usable certificates: /nowhere.pem"),
        ("DOORWARD_DATABASE_TLS_CA_FILE", __file__, "DOORWARD_DATABASE_TLS_CA_FILE names a file without"),
    ],
)
def test_an_error_is_one_line_with_the_variable_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as rejected:
        load_settings(ServiceSettings)
    assert complaint in str(rejected.value)
    assert "\n" not in str(rejected.value)
    assert KEY not in str(rejected.value)


def test_an_error_names_missing_variables() -> None:
    with pytest.raises(SettingsError) as rejected:
        load_settings(ServiceSettings)
    assert "DOORWARD_DATABASE_URL is not set (nor DOORWARD_DATABASE_URL_FILE)" in str(rejected.value)
    assert "DOORWARD_SECRET_KEY is not set" in str(rejected.value)


def test_an_error_names_an_unreadable_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_SECRET_KEY_FILE", "/nowhere/key")
    with pytest.raises(SettingsError, match=r"DOORWARD_SECRET_KEY_FILE .* /nowhere/key"):
        load_settings(ServiceSettings)


def test_repr_hides_secrets() -> None:
    settings = ServiceSettings(database_url=SecretStr(URL), secret_key=SecretStr(KEY))
    assert KEY not in repr(settings)
    assert "u:p" not in repr(settings)


def key_set(*members: object) -> str:
    return json.dumps({"keys": members})


def test_a_key_set_can_replace_the_single_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    member = new_jwk(HS256)
    (tmp_path / "keys.json").write_text(key_set(member))
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_JWKS_FILE", str(tmp_path / "keys.json"))
    settings = load_settings(ServiceSettings)
    assert set(settings.key_store().verification_keys) == {member["kid"]}
    assert settings.jwks_file == tmp_path / "keys.json"


PUBLIC = {name: value for name, value in new_jwk(ES256).items() if name != "d"}


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"SECRET_KEY": KEY, "JWKS": key_set(new_jwk(HS256))}, "are both set"),
        ({"JWKS": "{}"}, "DOORWARD_JWKS is not a JWK set"),
        ({"JWKS": key_set(PUBLIC)}, "DOORWARD_PAGINATION_SECRET is not set"),
        ({"AUTH_URL": "http://auth:8000/api/v1/auth"}, "DOORWARD_PAGINATION_SECRET is not set"),
        ({"AUTH_URL": "auth:8000"}, "DOORWARD_AUTH_URL"),
        ({"AUTH_URL": "http://auth:8000/api/v1/auth/", "PAGINATION_SECRET": KEY}, "DOORWARD_AUTH_URL"),
        (
            {"AUTH_URL": "http://auth:8000", "PAGINATION_SECRET": "short"},
            "DOORWARD_PAGINATION_SECRET is shorter",
        ),
    ],
)
def test_rejects_keys_that_cannot_work_together(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], complaint: str
) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    for name, value in settings.items():
        monkeypatch.setenv(f"DOORWARD_{name}", value)
    with pytest.raises(SettingsError, match=complaint) as rejected:
        load_settings(ServiceSettings)
    assert "\n" not in str(rejected.value)


def test_a_key_set_must_equal_that_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(key_set(new_jwk(HS256)))
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_JWKS_FILE", str(tmp_path / "keys.json"))
    monkeypatch.setenv("DOORWARD_JWKS", key_set(new_jwk(HS256)))
    with pytest.raises(SettingsError, match="both set, and differ"):
        load_settings(ServiceSettings)


def test_invalid_keys_are_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_JWKS", "[")
    with pytest.raises(SettingsError) as rejected:
        load_settings(ServiceSettings)
    assert "DOORWARD_JWKS is not JSON" in str(rejected.value)
    assert "DOORWARD_SECRET_KEY" not in str(rejected.value)


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"REGISTRATION": "domains"}, "^DOORWARD_REGISTRATION_DOMAINS must be set"),
        ({"REGISTRATION_DOMAINS": "example.com"}, "^DOORWARD_REGISTRATION must be domains"),
        ({"OAUTH_CLIENTS": "["}, "^DOORWARD_OAUTH_CLIENTS is not JSON"),
    ],
)
def test_an_error_of_auth_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], complaint: str
) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    for name, value in settings.items():
        monkeypatch.setenv(f"DOORWARD_{name}", value)
    with pytest.raises(SettingsError, match=complaint):
        load_settings(AuthSettings)


def test_a_file_of_keys_beside_a_set_must_be_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_JWKS_FILE", "/nowhere/keys.json")
    monkeypatch.setenv("DOORWARD_JWKS", key_set(new_jwk(HS256)))
    with pytest.raises(SettingsError, match=r"^DOORWARD_JWKS_FILE names a file .* /nowhere/keys\.json"):
        load_settings(ServiceSettings)


def test_with_published_keys_cursors_need_their_own_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_AUTH_URL", "http://auth:8000/api/v1/auth")
    monkeypatch.setenv("DOORWARD_PAGINATION_SECRET", KEY)
    settings = load_settings(ServiceSettings)
    assert settings.keys_are_published
    assert settings.cursor_secrets(settings.key_store()) == (KEY.encode(),)


@pytest.mark.parametrize("settings", [{}, {"JWKS": key_set(PUBLIC)}])
def test_auth_requires_a_signing_key(monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_AUTH_URL", "http://auth:8000/api/v1/auth")
    monkeypatch.setenv("DOORWARD_PAGINATION_SECRET", KEY)
    for name, value in settings.items():
        monkeypatch.setenv(f"DOORWARD_{name}", value)
    with pytest.raises(SettingsError, match="no active signing key"):
        load_settings(AuthSettings)


@pytest.mark.parametrize(
    ("clients", "complaint"),
    [
        ("[]", "is not a JSON object"),
        ('{"tickets": "short"}', "has a secret that is shorter than 32 bytes.*: tickets"),
        ('{"tickets": []}', "without a secret"),
        ('{"tickets": 7}', "without a secret"),
        ('{"a:b": "x"}', "a client id that is not"),
        ("{", "DOORWARD_OAUTH_CLIENTS"),
    ],
)
def test_rejects_clients_with_weak_secrets(
    monkeypatch: pytest.MonkeyPatch, clients: str, complaint: str
) -> None:
    monkeypatch.setenv("DOORWARD_DATABASE_URL", URL)
    monkeypatch.setenv("DOORWARD_SECRET_KEY", KEY)
    monkeypatch.setenv("DOORWARD_OAUTH_CLIENTS", clients)
    with pytest.raises(SettingsError, match=complaint):
        load_settings(AuthSettings)
