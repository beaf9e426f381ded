from enum import StrEnum
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from doorward_client.settings import DoorwardSettings
from doorward_kit.settings import ProcessSettings
from settings_tables import UnknownSettingError, default_text, settings_tables, topic


class _Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class MailSettings(DoorwardSettings):
    mail_host: str | None = Field(default=None, description="The server | host.")
    colour: _Colour = Field(default=_Colour.RED, description="A colour.")
    colours: tuple[_Colour, ...] = Field(default=tuple(_Colour), description="Colours.")


class LocalQueueSettings(DoorwardSettings):
    none: tuple[str, ...] = Field(default=(), description="Nothing.")
    empty: str = Field(default="", description="Nothing.")
    enabled: bool = Field(default=False, description="Off.")
    half_seconds: float = Field(default=0.5, description="Short.")
    send_seconds: float = Field(default=90.0, description="Not a round number of minutes.")
    wait_seconds: float = Field(default=60.0, description="A minute.")
    idle_seconds: int = Field(default=1_209_600, description="Two weeks.")
    lease_seconds: int = Field(default=7200, description="Two hours.")
    body_bytes: int = Field(default=65_536, description="A size.")
    memory_kib: int = Field(default=19_456, description="A size.")
    folder: Path = Field(default=Path("var/mailbox"), description="A folder.")


class ExampleSettings(MailSettings, LocalQueueSettings, ProcessSettings):
    database_url: str = Field(description="Where.")
    colour: _Colour = Field(default=_Colour.BLUE, description="Another colour.")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("database_url", "required"),
        ("mail_host", "not set"),
        ("none", "not set"),
        ("empty", "not set"),
        ("enabled", "`false`"),
        ("colour", "`blue`"),
        ("colours", "`red,blue`"),
        ("half_seconds", "`0.5`"),
        ("send_seconds", "`90`"),
        ("wait_seconds", "`60` (1 minute)"),
        ("idle_seconds", "`1209600` (14 days)"),
        ("lease_seconds", "`7200` (2 hours)"),
        ("body_bytes", "`65536` (64 KiB)"),
        ("memory_kib", "`19456` (19 MiB)"),
        ("folder", "`var/mailbox`"),
    ],
)
def test_a_default_is_written_as_in_the_environment(name: str, expected: str) -> None:
    assert default_text(name, ExampleSettings.model_fields[name]) == expected


def test_a_default_secret_is_never_printed() -> None:
    class Leaking(DoorwardSettings):
        key: SecretStr = SecretStr("a secret")

    with pytest.raises(ValueError, match="secret with a default"):
        default_text("key", Leaking.model_fields["key"])


def test_a_topic_is_the_class_that_first_defines_a_setting() -> None:
    assert topic(ExampleSettings, "colour") == "Mail"
    assert topic(ExampleSettings, "log_level") == "Server"
    assert topic(ExampleSettings, "folder") == "Local queue"


def test_the_important_settings_come_first_and_only_once() -> None:
    text = settings_tables(ExampleSettings, ["database_url", "colour"], computed={"database_url": "`x.db`"})
    first, rest = text.split("\n\n### ", 1)
    assert first == (
        "### Set these first\n\n| variable | default | what it is |\n|---|---|---|\n"
        "| `DOORWARD_DATABASE_URL` | `x.db` | Where. |\n| `DOORWARD_COLOUR` | `blue` | Another colour. |"
    )
    assert "DOORWARD_COLOUR`" not in rest
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "### Set these first",
        "### Local queue",
        "### Mail",
        "### Server",
    ]
    assert r"| `DOORWARD_MAIL_HOST` | not set | The server \| host. |" in text


def test_settings_can_be_left_out() -> None:
    text = settings_tables(ExampleSettings, ["database_url"], only=lambda name: name == "folder")
    assert [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")] == [
        "DOORWARD_DATABASE_URL",
        "DOORWARD_FOLDER",
    ]


def test_an_important_setting_must_exist() -> None:
    with pytest.raises(UnknownSettingError, match="colour_of_old"):
        settings_tables(ExampleSettings, ["colour_of_old"])
