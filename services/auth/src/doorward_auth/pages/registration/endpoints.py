"""The pages of registration and invitation. Mails link to two of them."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import CurrentVisitor
from doorward_auth.pages.registration.service import RegistrationPages
from doorward_kit.dependencies import provide

Registration = Annotated[RegistrationPages, provide(RegistrationPages)]

router = page_router()


@router.get("/register")
async def show_register(visitor: CurrentVisitor, pages: Registration) -> Response:
    return pages.show_register(visitor)


@router.post("/register")
async def register(visitor: CurrentVisitor, pages: Registration) -> Response:
    return await pages.register(visitor)


@router.get("/verify-email")
async def show_verify(visitor: CurrentVisitor, pages: Registration) -> Response:
    return pages.show_verify(visitor)


@router.post("/verify-email")
async def verify(visitor: CurrentVisitor, pages: Registration) -> Response:
    return await pages.verify(visitor)


@router.get("/verify-email/resend")
async def show_resend(visitor: CurrentVisitor, pages: Registration) -> Response:
    return pages.show_resend(visitor)


@router.post("/verify-email/resend")
async def resend(visitor: CurrentVisitor, pages: Registration) -> Response:
    return await pages.resend(visitor)


@router.get("/accept-invitation")
async def show_invitation(visitor: CurrentVisitor, pages: Registration) -> Response:
    return pages.show_invitation(visitor)


@router.post("/accept-invitation")
async def accept_invitation(visitor: CurrentVisitor, pages: Registration) -> Response:
    return await pages.accept(visitor)
