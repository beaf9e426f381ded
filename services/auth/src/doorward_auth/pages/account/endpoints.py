"""The pages of one's own account."""

from typing import Annotated

from starlette.responses import RedirectResponse, Response

from doorward_auth.pages.account.service import AccountPages
from doorward_auth.pages.frame.continuation import HOME
from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import CurrentVisitor
from doorward_kit.dependencies import provide

Account = Annotated[AccountPages, provide(AccountPages)]

router = page_router()


@router.get("")
@router.get("/")
async def index(_visitor: CurrentVisitor) -> Response:
    return RedirectResponse(HOME, status_code=303)


@router.get("/account")
async def show_account(visitor: CurrentVisitor, pages: Account) -> Response:
    return await pages.show(visitor)


@router.post("/account/sessions/end")
async def end_session(visitor: CurrentVisitor, pages: Account) -> Response:
    return await pages.end_session(visitor)


@router.post("/account/sessions/end-others")
async def end_others(visitor: CurrentVisitor, pages: Account) -> Response:
    return await pages.end_others(visitor)


@router.post("/account/applications/withdraw")
async def withdraw(visitor: CurrentVisitor, pages: Account) -> Response:
    return await pages.withdraw(visitor)


@router.get("/logout")
async def show_sign_out(visitor: CurrentVisitor, pages: Account) -> Response:
    return await pages.show_sign_out(visitor)


@router.post("/logout")
async def sign_out(visitor: CurrentVisitor, pages: Account) -> Response:
    return await pages.sign_out(visitor)


@router.get("/signed-out")
async def show_signed_out(visitor: CurrentVisitor, pages: Account) -> Response:
    return pages.show_signed_out(visitor)
