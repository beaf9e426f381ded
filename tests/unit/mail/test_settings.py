"""Invalid combinations of settings are rejected with one line that names the variable."""

from pathlib import Path

import pytest

from doorward_client.settings import SettingsError, load_settings
from doorward_mail.settings import MailSettings, SmtpTls
from doorward_mail.transport.file_transport import Mailbox
from doorward_mail.transport.smtp import SmtpTransport
from doorward_mail.worker.sender import create_transport
from support.certificates import self_signed

WORKING = {"SMTP_HOST": "smtp.example.com", "MAIL_FROM": "no-reply@example.com"}


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in MailSettings.model_fields:
        monkeypatch.delenv(f"DOORWARD_{name.upper()}", raising=False)


def load(monkeypatch: pytest.MonkeyPatch, **values: str) -> MailSettings:
    for name, value in values.items():
        monkeypatch.setenv(f"DOORWARD_{name}", value)
    return load_settings(MailSettings)


def test_without_settings_mail_is_off() -> None:
    assert create_transport(load_settings(MailSettings)) is None


def test_a_server_and_a_sender_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, **WORKING)
    assert isinstance(create_transport(settings), SmtpTransport)
    assert (settings.smtp_tls, settings.effective_smtp_port) == (SmtpTls.STARTTLS, 587)
    assert settings.message_id_domain == "example.com"


def test_a_folder_is_enough_for_development(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = load(monkeypatch, MAILBOX_DIR=str(tmp_path))
    assert isinstance(create_transport(settings), Mailbox)
    assert settings.sender == "doorward@localhost"
    assert settings.message_id_domain == "localhost"


@pytest.mark.parametrize(("tls", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_each_tls_mode_has_its_default_port(monkeypatch: pytest.MonkeyPatch, tls: str, port: int) -> None:
    assert load(monkeypatch, **WORKING, SMTP_TLS=tls).effective_smtp_port == port
    assert load(monkeypatch, SMTP_PORT="2525").effective_smtp_port == 2525


def test_the_password_comes_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    settings = load(monkeypatch, **WORKING, SMTP_USERNAME="u", SMTP_PASSWORD_FILE=str(tmp_path / "password"))
    assert settings.smtp_password is not None
    assert settings.smtp_password.get_secret_value() == "secret"
    assert "secret" not in repr(settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.9.1"])
def test_an_unencrypted_password_is_only_allowed_for_localhost(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    values = {**WORKING, "SMTP_HOST": host}
    load(monkeypatch, **values, SMTP_TLS="none", SMTP_USERNAME="u", SMTP_PASSWORD="p")


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"SMTP_HOST": "smtp.example.com"}, "DOORWARD_MAIL_FROM, the sender address, is not"),
        ({**WORKING, "MAILBOX_DIR": "/tmp"}, "are both set"),
        (
            {**WORKING, "SMTP_USERNAME": "u"},
            "^DOORWARD_SMTP_PASSWORD must be set, too, because DOORWARD_SMTP_USERNAME is$",
        ),
        (
            {**WORKING, "SMTP_PASSWORD": "hidden"},
            "^DOORWARD_SMTP_USERNAME must be set, too, because DOORWARD_SMTP_PASSWORD is$",
        ),
        (
            {**WORKING, "SMTP_TLS": "none", "SMTP_USERNAME": "u", "SMTP_PASSWORD": "hidden"},
            "would send DOORWARD_SMTP_PASSWORD in clear",
        ),
        (
            {**WORKING, "SMTP_CA_FILE": "/nowhere.pem"},
            "DOORWARD_SMTP_CA_FILE names a file without usable certificates: /nowhere.pem",
        ),
        (
            {**WORKING, "SMTP_CA_FILE": __file__},
            "DOORWARD_SMTP_CA_FILE names a file without usable certificates",
        ),
        ({**WORKING, "SMTP_TLS": "ssl"}, "DOORWARD_SMTP_TLS"),
        ({**WORKING, "SMTP_HOST": "smtp://mail.example.com"}, "DOORWARD_SMTP_HOST"),
        ({**WORKING, "SMTP_HOST": "mail.example.com\r\n"}, "DOORWARD_SMTP_HOST"),
        ({**WORKING, "MAIL_FROM": "Team <a@example.com>"}, "DOORWARD_MAIL_FROM is not an email address"),
        (
            {**WORKING, "MAIL_FROM": "a@example.com\r\nBcc: b@c.d"},
            "DOORWARD_MAIL_FROM is not an email address",
        ),
        ({**WORKING, "MAIL_FROM": "jörg@example.com"}, "DOORWARD_MAIL_FROM is not an email address"),
        ({**WORKING, "MAIL_MESSAGE_ID_DOMAIN": "a b"}, "DOORWARD_MAIL_MESSAGE_ID_DOMAIN"),
        ({**WORKING, "MAIL_TEMPLATES_DIR": "/nowhere"}, "names a folder that does not exist"),
        ({**WORKING, "MAIL_DEFAULT_LOCALE": "../de"}, "DOORWARD_MAIL_DEFAULT_LOCALE"),
        (
            {**WORKING, "MAIL_SEND_TIMEOUT_SECONDS": "60", "MAIL_LEASE_SECONDS": "60"},
            "would send the same mail",
        ),
    ],
)
def test_invalid_settings_are_rejected(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SettingsError, match=complaint) as rejected:
        load(monkeypatch, **values)
    assert "\n" not in str(rejected.value)
    assert "hidden" not in str(rejected.value)


def test_without_tls_an_authority_is_rejected(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authority = str(self_signed(tmp_path).authority)
    with pytest.raises(SettingsError, match=r"^DOORWARD_SMTP_CA_FILE has no effect"):
        load(monkeypatch, **WORKING, SMTP_TLS="none", SMTP_CA_FILE=authority)


def test_the_domain_of_a_sender_beyond_ascii_is_converted_to_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(monkeypatch, SMTP_HOST="mail", MAIL_FROM="team@bücher.example")
    assert settings.message_id_domain == "xn--bcher-kva.example"
