"""Interactive API docs of all services on one page, with assets that are shipped."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
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
_SERVERS: Final = [
    {"url": "/", "description": "The server that this document is from."},
    {
        "url": "{origin}",
        "description": "Another one.",
        "variables": {"origin": {"default": "http://127.0.0.1:8080"}},
    },
]
_LOGIN: Final = {
    "type": "oauth2",
    "description": "Log in with email address and password. Leave the client's id and secret empty.",
    "flows": {
        "password": {
            "tokenUrl": "/api/v1/auth/token",
            "refreshUrl": "/api/v1/auth/token",
            "scopes": {},
        }
    },
}


def docs_router(services: Sequence[FastAPI]) -> APIRouter:
    """Return the routes of `/docs` and `/openapi.json`."""
    router = APIRouter(include_in_schema=False)
    assets = StaticFiles(directory=str(files("fastapi_swagger") / "resources"))

    @router.get("/openapi.json")
    async def document(_request: Request) -> Response:
        return JSONResponse(merged_openapi(services))

    @router.get("/docs")
    async def page(_request: Request) -> Response:
        return HTMLResponse(_PAGE, headers=_HEADERS)

    @router.get("/docs/start.js")
    async def start(_request: Request) -> Response:
        return Response(_START, media_type="text/javascript")

    @router.get(_ASSETS + "/{name}")
    async def asset(request: Request, name: str) -> Response:
        return await assets.get_response(name, request.scope)

    return router


def merged_openapi(services: Sequence[FastAPI]) -> dict[str, Any]:
    """Join the services' OpenAPI documents, whose paths are disjoint.

    Raises AssertionError if two services give one name to different schemas.
    """
    first, *others = (service.openapi() for service in services)
    merged = {**first, "info": {**first["info"], "title": "Doorward", "description": "All services."}}
    merged["servers"] = _SERVERS
    merged["paths"] = dict(first["paths"])
    merged["components"] = {kind: dict(parts) for kind, parts in first["components"].items()}
    for other in others:
        merged["paths"].update(other["paths"])
        for kind, parts in other["components"].items():
            known = merged["components"].setdefault(kind, {})
            clashes = {name for name in known.keys() & parts.keys() if known[name] != parts[name]}
            assert not clashes, f"two services each have a schema called {clashes}"
            known.update(parts)
    merged["components"]["securitySchemes"]["login"] = _LOGIN
    # Copies: each service keeps its document.
    merged["paths"] = {path: dict(operations) for path, operations in merged["paths"].items()}
    for operations in merged["paths"].values():
        for name, operation in operations.items():
            if {"bearer"} & {
                scheme for requirement in operation.get("security", ()) for scheme in requirement
            }:
                operations[name] = {**operation, "security": [*operation["security"], {"login": []}]}
    return merged
