"""The one middleware that the rival needs."""
# mypy: disable-error-code=import-untyped
# Django ships no types.

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_Handler = Callable[[HttpRequest], HttpResponse]


def content_length(get_response: _Handler) -> _Handler:
    """Say how long the answer is, as CommonMiddleware does among other things."""

    def handle(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers["Content-Length"] = str(len(response.content))
        return response

    return handle
