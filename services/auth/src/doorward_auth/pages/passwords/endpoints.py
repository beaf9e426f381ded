"""The pages of a forgotten password."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import CurrentVisitor
from doorward_auth.pages.passwords.service import PasswordPages
from doorward_kit.dependencies import provide

Passwords = Annotated[PasswordPages, provide(PasswordPages)]

router = page_router()


@router.get("/forgot")
async def show_forgot(visitor: CurrentVisitor, pages: Passwords) -> Response:
    return pages.show_forgot(visitor)


@router.post("/forgot")
async def request_code(visitor: CurrentVisitor, pages: Passwords) -> Response:
    return await pages.request_code(visitor)


@router.get("/reset")
async def show_reset(visitor: CurrentVisitor, pages: Passwords) -> Response:
    return pages.show_reset(visitor)


@router.post("/reset")
async def reset(visitor: CurrentVisitor, pages: Passwords) -> Response:
    return await pages.reset(visitor)
