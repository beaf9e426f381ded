"""What endpoints of the users service are handed."""

from typing import Annotated

from fastapi import Depends, Request

from doorward_users.accounts.service import AccountService


async def _accounts(request: Request) -> AccountService:
    service: AccountService = request.app.state.accounts
    return service


Accounts = Annotated[AccountService, Depends(_accounts)]
