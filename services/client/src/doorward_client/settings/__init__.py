"""Settings: their sources, and those of a service that verifies access tokens."""

from doorward_client.settings.base import (
    PREFIX,
    DoorwardSettings,
    LookupSource,
    SettingsError,
    load_settings,
)
from doorward_client.settings.verifier import VerifierSettings

__all__ = [
    "PREFIX",
    "DoorwardSettings",
    "LookupSource",
    "SettingsError",
    "VerifierSettings",
    "load_settings",
]
