"""The services and bodies that endpoints of logging in at an upstream depend on."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request

from doorward_auth.bodies import read_json, validated
from doorward_auth.upstream.logins.password_login import PasswordLogins
from doorward_auth.upstream.logins.registration import UpstreamRegistrations
from doorward_auth.upstream.logins.schemas import UpstreamRegistrationRequest
from doorward_kit.dependencies import provide
from doorward_kit.forms import media_type_of, read_form

ProviderName = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,32}$", description="The upstream's name.")]
Logins = Annotated[PasswordLogins, provide(PasswordLogins)]
Registrations = Annotated[UpstreamRegistrations, provide(UpstreamRegistrations)]


@dataclass(frozen=True, slots=True, repr=False)
class RegistrationForm:
    """A registration, and the picture's file if there is one."""

    request: UpstreamRegistrationRequest
    image: bytes | None


async def _registration(request: Request) -> RegistrationForm:
    """Read a registration as JSON or as a form with a file `image`; raises RequestValidationError."""
    if media_type_of(request) in {"", "application/json"}:
        return RegistrationForm(validated(UpstreamRegistrationRequest, await read_json(request)), None)
    form = await read_form(request)
    body = {name: value for name, value in form.fields.items() if value or name in {"email", "password"}}
    files = dict(form.files)
    image = files.pop("image", None)
    # A file in another field is as unknown as a text in it.
    return RegistrationForm(validated(UpstreamRegistrationRequest, body | files), image)


Registration = Annotated[RegistrationForm, Depends(_registration)]
