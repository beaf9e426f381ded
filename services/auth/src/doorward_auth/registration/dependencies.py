"""The service that endpoints of registration depend on."""

from typing import Annotated

from doorward_auth.registration.service import RegistrationService
from doorward_kit.dependencies import provide

Registrations = Annotated[RegistrationService, provide(RegistrationService)]
