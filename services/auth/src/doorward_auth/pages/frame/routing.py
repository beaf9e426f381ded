"""Routes of pages."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from doorward_auth.pages.frame.site import PREFIX


def page_router() -> APIRouter:
    """Return a router under `/auth`. Pages are no part of the API, so that its document leaves them out."""
    return APIRouter(
        prefix=PREFIX, include_in_schema=False, redirect_slashes=False, default_response_class=HTMLResponse
    )
