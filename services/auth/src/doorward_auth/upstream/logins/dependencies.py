"""The services that endpoints of logging in at an upstream depend on."""

from typing import Annotated

from fastapi import Path

from doorward_auth.upstream.logins.password_login import PasswordLogins
from doorward_auth.upstream.logins.registration import UpstreamRegistrations
from doorward_kit.dependencies import provide

ProviderName = Annotated[str, Path(description="The upstream's name.")]
Logins = Annotated[PasswordLogins, provide(PasswordLogins)]
Registrations = Annotated[UpstreamRegistrations, provide(UpstreamRegistrations)]
