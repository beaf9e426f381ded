"""What endpoints of the auth service are handed."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request

from doorward_auth.account_lookup.service import AccountInformation
from doorward_auth.container import AuthContainer
from doorward_auth.email_change.service import EmailChangeService
from doorward_auth.introspection.service import TokenInspector
from doorward_auth.passwords.change import PasswordService
from doorward_auth.passwords.reset import ResetService
from doorward_auth.registration.service import RegistrationService
from doorward_auth.revocation_feed.service import RevocationFeed
from doorward_auth.sessions.repository import Device
from doorward_auth.sessions.service import SessionService
from doorward_auth.tokens.login_service import LoginService
from doorward_auth.tokens.refresh_service import RefreshService
from doorward_client.request_context import current_address
from doorward_identity.audit.service import AuditLog
from doorward_kit.accept_language import preferred_language


def _one(pick: Callable[[AuthContainer], Any]) -> Callable[[Request], Awaitable[Any]]:
    async def dependency(request: Request) -> Any:
        return pick(request.app.state.services)

    return dependency


async def _device(request: Request) -> Device:
    user_agent = request.headers.get("user-agent", "")
    return Device(
        user_agent="".join(character for character in user_agent if character.isprintable()),
        address=current_address(),
    )


async def _locale(request: Request) -> str:
    """Return the language that the client likes best; what is none of the templates' is English."""
    return preferred_language(request.headers.get("accept-language", ""))


Logins = Annotated[LoginService, Depends(_one(lambda services: services.logins))]
Refreshes = Annotated[RefreshService, Depends(_one(lambda services: services.refreshes))]
Sessions = Annotated[SessionService, Depends(_one(lambda services: services.sessions))]
Passwords = Annotated[PasswordService, Depends(_one(lambda services: services.passwords))]
Resets = Annotated[ResetService, Depends(_one(lambda services: services.resets))]
Registrations = Annotated[RegistrationService, Depends(_one(lambda services: services.registrations))]
EmailChanges = Annotated[EmailChangeService, Depends(_one(lambda services: services.email_changes))]
Inspector = Annotated[TokenInspector, Depends(_one(lambda services: services.inspector))]
RevocationFeedDep = Annotated[RevocationFeed, Depends(_one(lambda services: services.revocation_feed))]
Accounts = Annotated[AccountInformation, Depends(_one(lambda services: services.accounts))]
Audit = Annotated[AuditLog, Depends(_one(lambda services: services.audit))]
CallingDevice = Annotated[Device, Depends(_device)]
Locale = Annotated[str, Depends(_locale)]
