"""What endpoints of the users service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_identity.audit.service import AuditLog
from doorward_users.directory.service import AccountService


async def _accounts(request: Request) -> AccountService:
    service: AccountService = request.app.state.accounts
    return service


async def _audit(request: Request) -> AuditLog:
    log: AuditLog = request.app.state.audit
    return log


Audit = Annotated[AuditLog, Depends(_audit)]
Accounts = Annotated[AccountService, Depends(_accounts)]
