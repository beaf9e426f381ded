"""The pages of signing in."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import CurrentVisitor
from doorward_auth.pages.sign_in.service import SignInPages
from doorward_kit.dependencies import provide

SignIn = Annotated[SignInPages, provide(SignInPages)]

router = page_router()


@router.get("/login")
async def show_login(visitor: CurrentVisitor, pages: SignIn) -> Response:
    return pages.show(visitor)


@router.post("/login")
async def log_in(visitor: CurrentVisitor, pages: SignIn) -> Response:
    return await pages.check_password(visitor)


@router.post("/login/email-code")
async def verify_email(visitor: CurrentVisitor, pages: SignIn) -> Response:
    return await pages.verify_email(visitor)


@router.post("/login/new-password")
async def set_password(visitor: CurrentVisitor, pages: SignIn) -> Response:
    return await pages.set_password(visitor)
