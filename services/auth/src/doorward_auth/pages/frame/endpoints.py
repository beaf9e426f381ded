"""Static files of the pages."""

from starlette.responses import Response

from doorward_auth.pages.frame.routing import page_router
from doorward_auth.pages.frame.visitor import Site
from doorward_client.errors import NotFoundError

router = page_router()


@router.get("/static/{name}")
async def static_file(name: str, site: Site) -> Response:
    response = site.pages.assets.response(name)
    if response is None:
        raise NotFoundError
    return response
