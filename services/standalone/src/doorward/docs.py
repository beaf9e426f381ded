"""Interactive API docs of all services on one page, with assets that are shipped."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

_ASSETS: Final = "/docs/assets"
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline';"
        " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'"
    )
}
_PAGE: Final = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Doorward API</title>
<link rel="stylesheet" href="{_ASSETS}/swagger-ui.css">
<link rel="icon" href="{_ASSETS}/favicon-32x32.png">
<div id="docs"></div>
<script src="{_ASSETS}/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
"""
_START: Final = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  persistAuthorization: true,
  tryItOutEnabled: true,
});
"""


def setup_docs(front: FastAPI, services: Sequence[FastAPI]) -> None:
    """Add `/docs` and `/openapi.json` to `front`."""

    @front.get("/openapi.json", include_in_schema=False)
    async def document(_request: Request) -> Response:
        return JSONResponse(merged_openapi(services))

    @front.get("/docs", include_in_schema=False)
    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    @front.get("/docs/start.js", include_in_schema=False)
    async def start(_request: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    assets = str(files("fastapi_swagger") / "resources")
    front.mount(_ASSETS, StaticFiles(directory=assets), name="assets")


def merged_openapi(services: Sequence[FastAPI]) -> dict[str, Any]:
    """Join the services' OpenAPI documents, whose paths are disjoint.

    Raises AssertionError if two services give one name to different schemas.
    """
    first, *others = (service.openapi() for service in services)
    merged = {**first, "info": {**first["info"], "title": "Doorward", "description": "All services."}}
    merged["paths"] = dict(first["paths"])
    merged["components"] = {kind: dict(parts) for kind, parts in first["components"].items()}
    for other in others:
        merged["paths"].update(other["paths"])
        for kind, parts in other["components"].items():
            known = merged["components"].setdefault(kind, {})
            clashes = {name for name in known.keys() & parts.keys() if known[name] != parts[name]}
            assert not clashes, f"two services each have a schema called {clashes}"
            known.update(parts)
    return merged
