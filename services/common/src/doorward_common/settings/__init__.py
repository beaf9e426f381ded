"""Settings: where they come from, and those that more than one service has."""

from doorward_common.settings.base import (
    PREFIX,
    DoorwardSettings,
    LookupSource,
    SettingsError,
    load_settings,
)
from doorward_common.settings.service import DatabaseSettings, DatabaseUrl, ServiceSettings
from doorward_common.settings.verifier import VerifierSettings

__all__ = [
    "PREFIX",
    "DatabaseSettings",
    "DatabaseUrl",
    "DoorwardSettings",
    "LookupSource",
    "ServiceSettings",
    "SettingsError",
    "VerifierSettings",
    "load_settings",
]
