"""Mail in deploy/compose: what make-env configures is accepted, and fits together."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any, Final
from unittest import mock

import pytest

from doorward.dev_mailbox import DevMailboxSettings
from doorward_auth.settings import AuthSettings, RegistrationPolicy
from doorward_client.settings import DoorwardSettings, load_settings
from doorward_mail.settings import MailSettings, MailTransportSettings, SmtpTls
from doorward_tickets.settings import TicketsSettings
from doorward_users.settings import UsersSettings
from support.compose_file import COMPOSE, composed
from support.requirements import Program, need

SERVICES: Final[Mapping[str, type[DoorwardSettings]]] = {
    "auth": AuthSettings,
    "users": UsersSettings,
    "tickets": TicketsSettings,
    "dev-mailbox": DevMailboxSettings,
}
IMAGE: Final = {"DOORWARD_HOST": "0.0.0.0", "DOORWARD_PORT": "8000"}
"""What services/Dockerfile sets."""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The variables of the .env that make-env writes."""
    need(Program("openssl", "openssl"))
    folder = tmp_path_factory.mktemp("compose")
    shutil.copy(COMPOSE / "make-env", folder)
    subprocess.run(["sh", "make-env"], cwd=folder, check=True, capture_output=True)
    lines = (folder / ".env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def settings_of(services: Mapping[str, Any], name: str) -> DoorwardSettings:
    given = services[name]["environment"]
    environment = IMAGE | {key: "" if value is None else str(value) for key, value in given.items()}
    # The keys of OpenID Connect are a file of the container (test_compose_oidc.py).
    keys = mock.patch("doorward_auth.oidc_settings.read_oidc_keys")
    with keys, mock.patch.dict(os.environ, environment, clear=True):
        return load_settings(SERVICES[name])


def test_make_env_sends_mail_to_the_mailbox_that_compose_runs(written: dict[str, str]) -> None:
    services = composed(written)
    mailbox = settings_of(services, "dev-mailbox")
    assert isinstance(mailbox, DevMailboxSettings)
    assert mailbox.mailbox_key is not None
    assert services["dev-mailbox"]["profiles"] == [written["COMPOSE_PROFILES"]]
    for name in ("auth", "tickets"):
        sending = settings_of(services, name)
        assert isinstance(sending, MailSettings)
        assert (sending.smtp_host, sending.effective_smtp_port) == ("dev-mailbox", mailbox.mailbox_smtp_port)
        assert sending.smtp_tls is SmtpTls.NONE
        assert "mail" in services[name]["networks"]
    users = settings_of(services, "users")
    assert isinstance(users, UsersSettings)
    assert users.has_mail_transport


def test_the_pages_of_the_mailbox_are_published_for_this_machine_alone(written: dict[str, str]) -> None:
    services = composed({**written, "DOORWARD_PUBLISH_ADDRESS": "0.0.0.0"})
    assert services["dev-mailbox"]["ports"] == ["127.0.0.1:8025:8000"]
    assert services["dev-mailbox"]["networks"] == ["mail"]


def test_registration_is_opened_with_one_variable(written: dict[str, str]) -> None:
    for value, policy in (("closed", RegistrationPolicy.CLOSED), ("open", RegistrationPolicy.OPEN)):
        found = settings_of(composed({**written, "DOORWARD_REGISTRATION": value}), "auth")
        assert isinstance(found, AuthSettings)
        assert found.registration is policy
    assert written["DOORWARD_REGISTRATION"] == "closed"


def test_an_env_without_mail_is_accepted_and_sends_none(written: dict[str, str]) -> None:
    without = {name: value for name, value in written.items() if "SMTP" not in name and "MAIL_" not in name}
    services = composed(without)
    for name in ("auth", "users", "tickets"):
        found = settings_of(services, name)
        assert isinstance(found, MailTransportSettings)
        assert not found.has_mail_transport
