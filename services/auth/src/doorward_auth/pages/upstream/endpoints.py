"""The redirect to an upstream and the return from it."""

from typing import Annotated

from starlette.responses import Response

from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import CurrentVisitor
from doorward_auth.pages.upstream.password_service import UpstreamPasswordPages
from doorward_auth.pages.upstream.service import UpstreamPages
from doorward_kit.dependencies import provide

Upstreams = Annotated[UpstreamPages, provide(UpstreamPages)]
PasswordUpstreams = Annotated[UpstreamPasswordPages, provide(UpstreamPasswordPages)]

router = page_router()


@router.post("/login/upstream")
async def begin(visitor: CurrentVisitor, pages: Upstreams) -> Response:
    return await pages.begin(visitor)


@router.get("/login/upstream/{name}")
async def finish(visitor: CurrentVisitor, pages: Upstreams, name: str) -> Response:
    return await pages.finish(visitor, name)


@router.get("/login/password/{name}")
async def show_password(visitor: CurrentVisitor, pages: PasswordUpstreams, name: str) -> Response:
    return pages.show(visitor, name)


@router.post("/login/password/{name}")
async def log_in(visitor: CurrentVisitor, pages: PasswordUpstreams, name: str) -> Response:
    return await pages.log_in(visitor, name)
