"""Errors as pages, for browsers that a user looks at."""

from collections.abc import Collection

from fastapi import Request
from starlette.responses import Response

from doorward_auth.pages.frame.continuation import FIELD, Continuation
from doorward_auth.pages.frame.form_errors import text_of
from doorward_auth.pages.frame.site import PREFIX, PageSite
from doorward_auth.pages.frame.visitor import language_of
from doorward_client.errors import ErrorDetails, Renderer
from doorward_client.request_context import request_id_of


def page_renderer(site: PageSite, otherwise: Renderer, *, routes: Collection[str] = ()) -> Renderer:
    """Return what renders the errors of pages as pages, those of `routes` too, and others as before.

    It goes by the path: some errors come before a route is found.
    """

    def render(request: Request, error: ErrorDetails) -> Response:
        path = request.scope["path"]
        if path == PREFIX or path.startswith(f"{PREFIX}/") or path in routes:
            return error_page(site, request, error)
        return otherwise(request, error)

    return render


def error_page(site: PageSite, request: Request, error: ErrorDetails) -> Response:
    """Return an error as a page."""
    language = language_of(site, request, Continuation.parse(request.query_params.get(FIELD)))
    texts = site.pages.texts[language]
    title = f"error.title.{error.status}"
    return site.pages.render(
        "error.html",
        language,
        {
            "title": texts(title if texts.has(title) else "error.title"),
            "text": text_of(
                texts, error.code, error.detail, error.headers.get("Retry-After"), error.extensions
            ),
            "request_id": request_id_of(request.scope),
            "other_account": _other_account(error),
        },
        status=error.status,
        headers=error.headers,
    )


def _other_account(error: ErrorDetails) -> str | None:
    """Return the link to a sign-in with another account, where that may help: it keeps the request."""
    target = error.extensions.get(FIELD)
    return Continuation(target).link("/auth/login") if isinstance(target, str) else None
