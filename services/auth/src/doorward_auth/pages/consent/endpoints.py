"""The pages between an authorization request and its answer."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.pages.consent.service import ConsentPages
from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import CurrentVisitor
from doorward_kit.dependencies import provide

Consent = Annotated[ConsentPages, provide(ConsentPages)]

router = page_router()


@router.get("/consent")
async def show_consent(visitor: CurrentVisitor, pages: Consent) -> Response:
    return await pages.show_consent(visitor)


@router.post("/consent")
async def decide(visitor: CurrentVisitor, pages: Consent) -> Response:
    return await pages.decide(visitor)


@router.get("/choose-account")
async def show_choice(visitor: CurrentVisitor, pages: Consent) -> Response:
    return await pages.show_choice(visitor)


@router.post("/choose-account")
async def keep_account(visitor: CurrentVisitor, pages: Consent) -> Response:
    return await pages.keep_account(visitor)
